import { useEffect, useRef } from 'react';

const PAUSE_MS = 400;
const GAP = 8;

/**
 * Shows the `data-hint` of whatever the pointer rests on or the keyboard is at. Names are in
 * `aria-label`s as well, so screen readers need none of this.
 */
export function HintLayer() {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => (element.current === null ? undefined : follow(element.current)), []);
  return <div ref={element} className="hint" popover="manual" aria-hidden />;
}

function follow(hint: HTMLElement): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let target: HTMLElement | null = null;

  const show = () => {
    const text = target?.dataset['hint'];
    if (target === null || text === undefined || !target.isConnected) return;
    hint.textContent = text;
    hint.showPopover();
    place(hint, target);
  };
  const hide = () => {
    clearTimeout(timer);
    target = null;
    if (hint.matches(':popover-open')) hint.hidePopover();
  };
  const meet = (event: Event, pause: number) => {
    const met = event.target instanceof Element ? event.target.closest('[data-hint]') : null;
    if (met === target) return;
    hide();
    if (!(met instanceof HTMLElement)) return;
    target = met;
    timer = setTimeout(show, pause);
  };
  const pointed = (event: PointerEvent) => {
    // Fingers press; they don't rest.
    if (event.pointerType === 'mouse') meet(event, PAUSE_MS);
  };
  const focused = (event: FocusEvent) => {
    if (event.target instanceof Element && event.target.matches(':focus-visible')) meet(event, 0);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === 'Escape') hide();
  };

  const listeners = [
    ['pointerover', pointed],
    ['focusin', focused],
    ['focusout', hide],
    ['pointerdown', hide],
    ['keydown', pressed],
  ] as const;
  for (const [name, listener] of listeners) {
    document.addEventListener(name, listener as EventListener);
  }
  return () => {
    hide();
    for (const [name, listener] of listeners) {
      document.removeEventListener(name, listener as EventListener);
    }
  };
}

/** Below what it is about, or above where there is no room. */
function place(hint: HTMLElement, target: HTMLElement): void {
  const around = target.getBoundingClientRect();
  const { width, height } = hint.getBoundingClientRect();
  const below = around.bottom + GAP;
  const top = below + height <= innerHeight ? below : around.top - height - GAP;
  const middle = around.left + around.width / 2 - width / 2;
  const left = Math.max(GAP, Math.min(middle, innerWidth - width - GAP));
  hint.style.top = `${String(Math.max(0, top))}px`;
  hint.style.left = `${String(left)}px`;
}
