import { Switch as BaseSwitch } from '@base-ui/react/switch';
import { useId } from 'react';
import type { ReactNode } from 'react';

interface SwitchProps {
  label: string;
  help?: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean | undefined;
}

export function Switch({ label, help, checked, onChange, disabled = false }: SwitchProps) {
  const id = useId();
  return (
    <div className="switch-row">
      <div>
        <span className="switch-label" id={id}>
          {label}
        </span>
        {help !== undefined && (
          <p className="field-help" id={`${id}-help`}>
            {help}
          </p>
        )}
      </div>
      <BaseSwitch.Root
        className="switch"
        aria-labelledby={id}
        aria-describedby={help !== undefined ? `${id}-help` : undefined}
        checked={checked}
        disabled={disabled}
        onCheckedChange={onChange}
      >
        <BaseSwitch.Thumb className="switch-thumb" />
      </BaseSwitch.Root>
    </div>
  );
}
