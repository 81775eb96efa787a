import { memo } from 'react';
import { arrowPath, strokePath } from './strokes.ts';
import type { Box, Shape } from './shapes.ts';

/** How a shape looks; who selects, moves or edits it is somebody else's. */
export const ShapeView = memo(function ShapeView({ shape }: { shape: Shape }) {
  if (shape.kind === 'stroke' || shape.kind === 'arrow') {
    const path = shape.kind === 'stroke' ? strokePath(shape.points) : arrowPath(shape.dx, shape.dy);
    return (
      <>
        {/* Wide and unseen, so that a thin line can be hit. */}
        <path className="line-target" d={path} />
        <path className={`line paint-${shape.paint}`} d={path} />
      </>
    );
  }
  return (
    <>
      <Outline box={shape} />
      {shape.text !== '' && (
        <foreignObject width={shape.width} height={shape.height} className="box-words">
          <div className={`box-text box-text-${shape.kind}`}>
            <span>{shape.text}</span>
          </div>
        </foreignObject>
      )}
    </>
  );
});

function Outline({ box: { kind, width, height, paint } }: { box: Box }) {
  const name = `box box-${kind} paint-${paint}`;
  if (kind !== 'ellipse') {
    return <rect className={name} width={width} height={height} rx={kind === 'note' ? 6 : 10} />;
  }
  const [rx, ry] = [width / 2, height / 2];
  return <ellipse className={name} cx={rx} cy={ry} rx={rx} ry={ry} />;
}
