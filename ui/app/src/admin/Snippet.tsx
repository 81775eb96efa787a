import { CopyButton } from '../ui/Copy.tsx';

/** Code to be copied. It can be scrolled by keyboard, too. */
export function Snippet({ code, name }: { code: string; name: string }) {
  return (
    <div className="snippet">
      <pre tabIndex={0} aria-label={name}>
        <code>{code}</code>
      </pre>
      <CopyButton text={code} label="Copy" />
    </div>
  );
}
