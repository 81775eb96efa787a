import * as Y from 'yjs';
import { readShapes } from './shapes.ts';
import type { NewShape, Shape, ShapeMap } from './shapes.ts';

export type ShapeChange = Partial<Record<'x' | 'y' | 'width' | 'height' | 'dx' | 'dy', number>> & {
  text?: string;
  paint?: Shape['paint'];
};

/** The board as everybody in the room has it, and this user's own steps back and forth. */
export class BoardModel {
  readonly undoManager: Y.UndoManager;
  readonly #map: ShapeMap;
  #shapes: readonly Shape[];

  constructor(doc: Y.Doc) {
    this.#map = doc.getMap('board');
    this.#shapes = readShapes(this.#map);
    this.undoManager = new Y.UndoManager(this.#map, { trackedOrigins: new Set([this]) });
  }

  /** From the lowest to the highest; a new list whenever something changes. */
  get shapes(): readonly Shape[] {
    return this.#shapes;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    const changed = () => {
      this.#shapes = readShapes(this.#map);
      listener();
    };
    changed();
    this.#map.observeDeep(changed);
    return () => {
      this.#map.unobserveDeep(changed);
    };
  };

  /** @returns its id */
  add(shape: NewShape): string {
    const id = crypto.getRandomValues(new Uint32Array(2)).join('-');
    const fields = new Map<string, unknown>(Object.entries({ ...shape, layer: this.#topLayer() }));
    this.undoManager.stopCapturing();
    this.#edit(() => this.#map.set(id, new Y.Map(fields)));
    return id;
  }

  change(id: string, change: ShapeChange): void {
    const fields = this.#map.get(id);
    if (fields === undefined) return;
    this.#edit(() => {
      for (const [name, value] of Object.entries(change)) fields.set(name, value);
    });
  }

  remove(id: string): void {
    this.undoManager.stopCapturing();
    this.#edit(() => {
      this.#map.delete(id);
    });
  }

  raise(id: string): void {
    const fields = this.#map.get(id);
    if (fields === undefined) return;
    this.#edit(() => fields.set('layer', this.#topLayer()));
  }

  /** What follows is a step of its own for undo. */
  beginStep(): void {
    this.undoManager.stopCapturing();
  }

  #topLayer(): number {
    return (this.#shapes.at(-1)?.layer ?? 0) + 1;
  }

  #edit(work: () => void): void {
    const { doc } = this.#map;
    if (doc !== null) doc.transact(work, this);
  }
}
