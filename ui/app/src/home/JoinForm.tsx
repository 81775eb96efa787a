import { ArrowRight } from 'lucide-react';
import { useState } from 'react';
import { parseEntrance, rememberedToken } from '../rooms.ts';
import { go } from '../route.ts';
import { Button } from '../ui/Button.tsx';

export function JoinForm() {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);

  const enter = () => {
    const entrance = parseEntrance(text);
    if (entrance.kind === 'problem') {
      setProblem(entrance.message);
    } else if (entrance.kind === 'elsewhere') {
      location.assign(entrance.address);
    } else {
      const { room, token } = entrance;
      go({ page: 'room', room, token: token ?? rememberedToken(room) });
    }
  };

  return (
    <form
      className="join"
      onSubmit={(event) => {
        event.preventDefault();
        enter();
      }}
    >
      <label htmlFor="entrance">or enter one that somebody invited you to</label>
      <div className="copy-field">
        <input
          id="entrance"
          className="input"
          placeholder="Paste a link, or type a room’s name"
          autoComplete="off"
          spellCheck={false}
          value={text}
          aria-invalid={problem !== null || undefined}
          aria-describedby={problem === null ? undefined : 'entrance-problem'}
          onChange={(event) => {
            setText(event.target.value);
            setProblem(null);
          }}
        />
        <Button type="submit" icon={ArrowRight}>
          Enter
        </Button>
      </div>
      {problem !== null && (
        <p className="field-error" id="entrance-problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}
