import { useState } from 'react';
import { COLORS, person } from '../person.ts';
import { Button } from '../ui/Button.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { TextField } from '../ui/Field.tsx';
import { Avatar } from './Avatar.tsx';

const COLOR_NAMES = [
  'Teal',
  'Raspberry',
  'Violet',
  'Copper',
  'Green',
  'Blue',
  'Orchid',
  'Red',
  'Olive',
  'Slate',
];

/** How others see whoever uses this browser. */
export function PersonDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [{ name, color }, setDraft] = useState(person.value);
  return (
    <Dialog title="You" description="This is how others see you." open={open} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          person.set({ name: name.trim(), color });
          onClose();
        }}
      >
        <TextField
          label="Name"
          value={name}
          maxLength={60}
          required
          autoComplete="nickname"
          onChange={(event) => {
            setDraft({ name: event.target.value, color });
          }}
        />
        <fieldset className="colors">
          <legend>Colour</legend>
          {COLORS.map((one, index) => (
            <input
              key={one}
              type="radio"
              name="color"
              className="color"
              aria-label={COLOR_NAMES[index] ?? one}
              style={{ background: one }}
              checked={one === color}
              onChange={() => {
                setDraft({ name, color: one });
              }}
            />
          ))}
        </fieldset>
        <div className="spread">
          <Avatar name={name} color={color} size="large" />
          <Button look="primary" type="submit" disabled={name.trim() === ''}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
