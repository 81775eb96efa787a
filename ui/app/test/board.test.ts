import { describe, expect, test } from 'vitest';
import * as Y from 'yjs';
import { BoardModel } from '../src/room/board/BoardModel.ts';
import { boundsOf, boundsOfAll, nameOf, readShape } from '../src/room/board/shapes.ts';
import type { NewShape } from '../src/room/board/shapes.ts';
import { simplify, simplifyTo, strokePath } from '../src/room/board/strokes.ts';
import { shapeBetween } from '../src/room/board/tools.ts';
import { fitted, panned, toBoard, zoomed } from '../src/room/board/viewport.ts';

const NOTE: NewShape = {
  kind: 'note',
  paint: 'amber',
  x: 10,
  y: 20,
  width: 100,
  height: 80,
  text: 'Milk',
};

/** Two boards of one room, always in step. */
function two(): [BoardModel, BoardModel, Y.Doc] {
  const [here, there] = [new Y.Doc(), new Y.Doc()];
  here.on('update', (update: Uint8Array) => {
    Y.applyUpdate(there, update, 'network');
  });
  there.on('update', (update: Uint8Array, origin: unknown) => {
    if (origin !== 'network') Y.applyUpdate(here, update, 'network');
  });
  const boards = [new BoardModel(here), new BoardModel(there)] as const;
  for (const board of boards) board.subscribe(() => undefined);
  return [...boards, there];
}

describe('a board', () => {
  test('what one puts up, the other sees, moves and takes down', () => {
    const [ada, bob] = two();
    const id = ada.add(NOTE);
    expect(bob.shapes).toEqual([{ ...NOTE, id, layer: 1 }]);
    bob.change(id, { x: 50 });
    expect(ada.shapes[0]).toMatchObject({ x: 50, y: 20 });
    bob.remove(id);
    expect(ada.shapes).toEqual([]);
  });

  test('undo takes back one’s own steps only', () => {
    const [ada, bob] = two();
    const id = ada.add(NOTE);
    bob.add({ ...NOTE, text: 'Bread' });
    ada.beginStep();
    ada.change(id, { x: 99 });
    ada.undoManager.undo();
    expect(ada.shapes.find((shape) => shape.id === id)).toMatchObject({ x: 10 });
    ada.undoManager.undo();
    expect(ada.shapes.map(nameOf)).toEqual(['Sticky note: Bread']);
  });

  test('the last one that was put up, or raised, lies on top', () => {
    const [ada] = two();
    const [low, high] = [ada.add(NOTE), ada.add(NOTE)];
    expect(ada.shapes.map(({ id }) => id)).toEqual([low, high]);
    ada.raise(low);
    expect(ada.shapes.map(({ id }) => id)).toEqual([high, low]);
  });

  test('whatever a client writes, the board stays sane', () => {
    const [ada, , doc] = two();
    const board = doc.getMap('board');
    board.set('text', 'no map');
    board.set('later', new Y.Map([['kind', 'hologram']]));
    board.set(
      'huge',
      new Y.Map(Object.entries({ kind: 'note', x: Infinity, y: 'a', width: 1e12 })),
    );
    expect(ada.shapes).toEqual([
      {
        id: 'huge',
        kind: 'note',
        paint: 'ink',
        x: 0,
        y: 0,
        layer: 0,
        width: 20_000,
        height: 24,
        text: '',
      },
    ]);
    expect(readShape('s', { kind: 'stroke', points: [1, 2] })).toBeNull();
  });
});

describe('geometry', () => {
  test('bounds hold arrows that point backwards, and strokes', () => {
    const place = { id: 'a', paint: 'ink', x: 10, y: 10, layer: 0 } as const;
    const arrow = { ...place, kind: 'arrow', dx: -5, dy: 7 } as const;
    const stroke = { ...place, kind: 'stroke', points: [0, 0, -3, 9] } as const;
    expect(boundsOf(arrow)).toEqual({ x: 5, y: 10, width: 5, height: 7 });
    expect(boundsOf(stroke)).toEqual({ x: 7, y: 10, width: 3, height: 9 });
    expect(boundsOfAll([arrow, stroke])).toEqual({ x: 5, y: 10, width: 5, height: 9 });
    expect(boundsOfAll([])).toBeNull();
  });

  test('points on a line are left out, corners stay', () => {
    const corner = [0, 0, 5, 0, 10, 0, 10, 5, 10, 10];
    expect(simplify(corner, 0.5)).toEqual([0, 0, 10, 0, 10, 10]);
    expect(simplify([0, 0, 1, 1], 0.5)).toEqual([0, 0, 1, 1]);
    expect(strokePath([0, 0, 10, 0, 10, 10])).toBe('M0 0Q10 0 10 5L10 10');
  });

  test('a line that is too long for the board is made coarser, not cut', () => {
    const points = Array.from({ length: 10_000 }, (_, index) => Math.sin(index) * 50 + index / 10);
    const simple = simplifyTo(points, 4_000);
    expect(simple.length).toBeLessThanOrEqual(4_000);
    expect(simple.slice(-2)).toEqual(points.slice(-2).map(Math.round));
  });

  test('a click puts down the usual size, a drag its own', () => {
    const from = { x: 100, y: 100 };
    expect(shapeBetween('rectangle', 'teal', from, from)).toMatchObject({ width: 180, x: 10 });
    const to = { x: 40, y: 160 };
    expect(shapeBetween('ellipse', 'teal', from, to)).toMatchObject({
      x: 40,
      y: 100,
      width: 60,
      height: 60,
    });
    expect(shapeBetween('arrow', 'teal', from, to)).toMatchObject({ dx: -60, dy: 60 });
  });

  test('zooming keeps what is under the pointer', () => {
    const view = { x: 5, y: 6, zoom: 1.5 };
    const at = { x: 120, y: 80 };
    const before = toBoard(view, at);
    const after = toBoard(zoomed(view, 1.7, at), at);
    expect(after.x).toBeCloseTo(before.x);
    expect(after.y).toBeCloseTo(before.y);
    expect(zoomed(view, 1e9, at).zoom).toBe(4);
    expect(panned(view, 15, 0).x).toBe(-5);
  });

  test('fitting shows everything, in the middle, and never larger than it is', () => {
    const size = { width: 1000, height: 500 };
    expect(fitted({ x: 0, y: 0, width: 100, height: 100 }, size)).toEqual({
      x: -450,
      y: -200,
      zoom: 1,
    });
    expect(fitted({ x: 0, y: 0, width: 0, height: 0 }, size).zoom).toBe(1);
    expect(fitted({ x: 0, y: 0, width: 1808, height: 1 }, size).zoom).toBe(0.5);
  });
});
