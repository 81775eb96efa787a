import { useId } from 'react';
import type { ComponentProps, ReactNode } from 'react';

interface Labelled {
  label: string;
  help?: ReactNode;
  error?: string | null | undefined;
}

interface FrameProps extends Labelled {
  id: string;
  children: ReactNode;
}

function Frame({ id, label, help, error, children }: FrameProps) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {help !== undefined && (
        <p className="field-help" id={`${id}-help`}>
          {help}
        </p>
      )}
      {error && (
        <p className="field-error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

function described(id: string, { help, error }: Labelled) {
  const parts = [help !== undefined && `${id}-help`, error && `${id}-error`].filter(Boolean);
  return {
    'aria-describedby': parts.length > 0 ? parts.join(' ') : undefined,
    'aria-invalid': error ? true : undefined,
  };
}

export function TextField({ label, help, error, ...rest }: Labelled & ComponentProps<'input'>) {
  const id = useId();
  return (
    <Frame id={id} {...{ label, help, error }}>
      <input
        autoComplete="off"
        spellCheck={false}
        {...rest}
        {...described(id, { label, help, error })}
        id={id}
        className="input"
      />
    </Frame>
  );
}

export function TextArea({ label, help, error, ...rest }: Labelled & ComponentProps<'textarea'>) {
  const id = useId();
  return (
    <Frame id={id} {...{ label, help, error }}>
      <textarea
        rows={3}
        spellCheck={false}
        {...rest}
        {...described(id, { label, help, error })}
        id={id}
        className="input"
      />
    </Frame>
  );
}

interface SelectProps<T extends string> extends Labelled {
  value: T;
  onChange: (value: T) => void;
  options: readonly (readonly [value: T, text: string])[];
  disabled?: boolean;
}

/** The browser's own: it is at home on phones, with keyboards and with screen readers. */
export function Select<T extends string>(props: SelectProps<T>) {
  const { label, help, error, value, onChange, options, disabled } = props;
  const id = useId();
  return (
    <Frame id={id} {...{ label, help, error }}>
      <select
        id={id}
        className="input"
        value={value}
        disabled={disabled}
        {...described(id, { label, help, error })}
        onChange={(event) => {
          const chosen = options.find(([one]) => one === event.target.value);
          if (chosen !== undefined) onChange(chosen[0]);
        }}
      >
        {options.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </Frame>
  );
}
