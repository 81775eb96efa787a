import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { KrakenError } from '../errors.js';
import { GroupCall } from '../group/call.js';
import type { GroupCallOptions } from '../group/call.js';
import type { CallState } from '../group/events.js';
import { tokenTextOf, useRoomConnection } from './useRoomConnection.js';

export type UseCallOptions = GroupCallOptions & {
  /** Whether the camera is sent, or with which constraints. Default: true. */
  camera?: boolean | MediaTrackConstraints;
  /** The same for the microphone. */
  microphone?: boolean | MediaTrackConstraints;
};

export interface UsedCall extends CallState {
  call: GroupCall;
  /** Why the call is refused, or what else went wrong last. */
  error: KrakenError | null;
}

/**
 * Is in a room's group call for as long as the component is there. Another `connection`, or another
 * `url`, `room`, `via`, `app`, `name` or `peerId`, is another call; of the other options, the ones
 * at its start count, but always the last token, `camera` and `microphone`.
 */
export function useCall(options: UseCallOptions): UsedCall {
  const { camera = true, microphone = true } = options;
  const call = useGroupCall(options);
  const state = useCallState(call);
  const [error, setError] = useState<KrakenError | null>(null);
  useMembership(call, tokenTextOf(options), setError);
  useDevice(call, 'microphone', state.mayPublish && microphone, setError);
  useDevice(call, 'camera', state.mayPublish && camera, setError);
  return { ...state, call, error };
}

function useGroupCall(options: UseCallOptions): GroupCall {
  const connection = useRoomConnection(options);
  const { name, peerId } = options;
  return useMemo(
    () => new GroupCall({ ...options, connection }),
    // The other options count at the call's start only.
    [connection, name, peerId],
  );
}

function useCallState(call: GroupCall): CallState {
  const subscribe = useCallback((notify: () => void) => call.on(notify), [call]);
  const snapshot = () => call.state;
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}

type SetError = (error: KrakenError | null) => void;

function useMembership(call: GroupCall, token: string | undefined, setError: SetError): void {
  useEffect(() => {
    const off = call.on((event) => {
      if (event.type === 'error') setError(event.error);
    });
    return () => {
      off();
      call.leave();
    };
  }, [call, setError]);
  useEffect(() => {
    // Who was refused with one token may be let in with the next; who is in stays so.
    call.join().then(
      () => {
        setError(null);
      },
      (cause: unknown) => {
        showError(cause, setError);
      },
    );
  }, [call, token, setError]);
}

function useDevice(
  call: GroupCall,
  device: 'camera' | 'microphone',
  wanted: boolean | MediaTrackConstraints,
  setError: SetError,
): void {
  const isWanted = wanted !== false;
  useEffect(() => {
    if (!isWanted) return;
    call.publish(device, typeof wanted === 'object' ? wanted : {}).catch((cause: unknown) => {
      showError(cause, setError);
    });
    return () => {
      call.unpublish(device);
    };
    // Constraints are often new with each rendering; those at the start count.
  }, [call, device, isWanted, setError]);
}

/** That this side has left, or taken a device back, is no failure. */
function showError(cause: unknown, setError: SetError): void {
  if (cause instanceof KrakenError && cause.code !== 'disconnected') setError(cause);
}
