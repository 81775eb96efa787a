import { useCallback, useEffect, useRef, useState } from 'react';
import type { KrakenClient } from '../client.js';
import type { IncomingCall, MediaOptions } from '../events.js';
import { useClientState } from './useClientState.js';

export interface UseVideoCallOptions extends MediaOptions {
  /** The `signaling` of `useKraken`. */
  signaling: KrakenClient;
  /** Whether calls are accepted as they come. Default: true. */
  autoAnswer?: boolean;
}

export interface VideoCall {
  localStream: MediaStream | null;
  /** By peer id. */
  remoteStreams: ReadonlyMap<string, MediaStream>;
  /** Calls a peer. Never rejects: what goes wrong is in `error`. */
  call: (peerId: string) => Promise<void>;
  /** Ends the call with a peer, or all calls. */
  hangup: (peerId?: string) => void;
  /** Calls that wait to be accepted or rejected. */
  incoming: readonly IncomingCall[];
  /** Answers a call. Never rejects: what goes wrong is in `error`. */
  accept: (peerId: string) => Promise<void>;
  reject: (peerId: string) => void;
  /** Why the last call failed. */
  error: Error | null;
}

/** Calls in a room, which end with the component. The functions stay the same over renders. */
export function useVideoCall(options: UseVideoCallOptions): VideoCall {
  const { signaling: client, autoAnswer = true } = options;
  const localStream = useClientState(client, readLocalStream);
  const remoteStreams = useClientState(client, readRemoteStreams);
  const incoming = useClientState(client, readIncoming);
  const { call, accept, error } = useCalling(client, options);

  const hangup = useCallback(
    (peerId?: string) => {
      client.hangup(peerId);
    },
    [client],
  );
  const reject = useCallback(
    (peerId: string) => {
      client.reject(peerId);
    },
    [client],
  );

  useEffect(() => {
    if (!autoAnswer) return;
    for (const { from } of incoming) void accept(from.peerId);
  }, [autoAnswer, incoming, accept]);

  useEffect(
    () => () => {
      client.hangup();
    },
    [client],
  );

  return { localStream, remoteStreams, call, hangup, incoming, accept, reject, error };
}

function useCalling(client: KrakenClient, { video, audio }: MediaOptions) {
  const [error, setError] = useState<Error | null>(null);
  const latest = useRef<MediaOptions>({});
  useEffect(() => {
    latest.current = {
      ...(video !== undefined && { video }),
      ...(audio !== undefined && { audio }),
    };
  });

  const attempt = useCallback(async (connecting: () => Promise<void>) => {
    setError(null);
    try {
      await connecting();
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)));
    }
  }, []);
  const call = useCallback(
    (peerId: string) => attempt(() => client.call(peerId, latest.current)),
    [attempt, client],
  );
  const accept = useCallback(
    (peerId: string) => attempt(() => client.accept(peerId, latest.current)),
    [attempt, client],
  );
  return { call, accept, error };
}

function readLocalStream(client: KrakenClient): MediaStream | null {
  return client.localStream;
}

function readRemoteStreams(client: KrakenClient): ReadonlyMap<string, MediaStream> {
  return client.remoteStreams;
}

function readIncoming(client: KrakenClient): readonly IncomingCall[] {
  return client.incoming;
}
