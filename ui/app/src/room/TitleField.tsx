import { useEffect, useState } from 'react';

interface TitleFieldProps {
  title: string;
  onTitle: (title: string) => void;
  canWrite: boolean;
}

export function TitleField({ title, onTitle, canWrite }: TitleFieldProps) {
  const [draft, setDraft] = useState(title);
  useEffect(() => {
    setDraft(title);
  }, [title]);
  return (
    <h1 className="room-title">
      <input
        aria-label="Title of the room"
        title={draft}
        value={draft}
        readOnly={!canWrite}
        maxLength={120}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => {
          setDraft(event.target.value);
        }}
        onBlur={() => {
          if (draft !== title) onTitle(draft);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') event.currentTarget.blur();
          if (event.key === 'Escape') setDraft(title);
        }}
      />
    </h1>
  );
}
