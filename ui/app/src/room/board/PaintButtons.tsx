import { Toolbar } from '@base-ui/react/toolbar';
import { PAINTS } from './shapes.ts';
import type { Paint } from './shapes.ts';

export function PaintButtons({
  paint,
  onPaint,
}: {
  paint: Paint;
  onPaint: (paint: Paint) => void;
}) {
  return PAINTS.map((one) => (
    <Toolbar.Button
      key={one}
      className={`paint-button paint-${one}`}
      aria-label={`Colour: ${one}`}
      aria-pressed={one === paint}
      onClick={() => {
        onPaint(one);
      }}
    />
  ));
}
