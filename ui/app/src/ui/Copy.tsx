import { Check, Copy as CopyIcon } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from './Button.tsx';

interface CopyProps {
  text: string;
  label: string;
  look?: 'primary' | 'plain' | 'quiet';
}

const SHOWN_MS = 2_000;

export function CopyButton({ text, label, look = 'plain' }: CopyProps) {
  const [copied, setCopied] = useState<'no' | 'yes' | 'failed'>('no');
  useEffect(() => {
    if (copied === 'no') return;
    const timer = setTimeout(() => {
      setCopied('no');
    }, SHOWN_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [copied]);

  const copy = () => {
    copyText(text).then(
      () => {
        setCopied('yes');
      },
      () => {
        setCopied('failed');
      },
    );
  };
  const words = { no: label, yes: 'Copied', failed: 'Select and copy it' }[copied];
  return (
    <Button look={look} icon={copied === 'yes' ? Check : CopyIcon} onClick={copy}>
      <span aria-live="polite">{words}</span>
    </Button>
  );
}

/** A text that is there to be copied, and can be selected where copying is not allowed. */
export function CopyField({
  text,
  label,
  action,
}: {
  text: string;
  label: string;
  action: string;
}) {
  return (
    <div className="copy-field">
      <input
        className="input mono"
        aria-label={label}
        readOnly
        value={text}
        onFocus={(event) => {
          event.target.select();
        }}
      />
      <CopyButton text={text} label={action} look="primary" />
    </div>
  );
}

async function copyText(text: string): Promise<void> {
  const { clipboard } = navigator as Partial<Navigator>;
  // Browsers hide the clipboard from pages without https.
  if (clipboard === undefined) throw new Error('there is no clipboard');
  await clipboard.writeText(text);
}
