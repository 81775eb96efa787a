/** Why the server lets nobody in with what this page has, and what helps. */
export interface RefusalAdvice {
  title: string;
  advice: string;
  /** What the page can do about it itself. */
  remedy: 'new-key' | 'register-origin' | 'log-in' | 'try-again' | 'go-home';
}

export function adviseOn(code: number, reason: string): RefusalAdvice {
  if (code === 4403 && /origin/i.test(reason)) {
    return {
      title: 'This address isn’t registered',
      advice: `Kraken lets pages of ${location.origin} into no app yet. Its owner can change that.`,
      remedy: 'register-origin',
    };
  }
  if (code === 4403 && /ticket/i.test(reason)) {
    return {
      title: 'This node lets only its owner in',
      advice: 'Ask the owner to let guests in. They find that in the room, under Invite.',
      remedy: 'try-again',
    };
  }
  if (code === 4401 && /log in/i.test(reason)) {
    return {
      title: 'You are logged out of your node',
      advice: 'Log in to it, then come back to this page.',
      remedy: 'log-in',
    };
  }
  if (code === 4403) {
    return {
      title: 'Your link is for another room',
      advice: 'Ask somebody who is in this room for its own link.',
      remedy: 'new-key',
    };
  }
  if (code === 4401) {
    return {
      title: 'This link doesn’t open the room any more',
      advice: 'It has expired, or was taken back. Ask whoever invited you for a new one.',
      remedy: 'new-key',
    };
  }
  if (code === 4413) {
    return {
      title: 'This room is full to the brim',
      advice:
        'What was written is larger than the server allows. Copy what you need, and go on in a new room.',
      remedy: 'go-home',
    };
  }
  return {
    title: 'The server refuses this room',
    advice: `It says: ${reason === '' ? `code ${String(code)}` : reason}.`,
    remedy: 'go-home',
  };
}
