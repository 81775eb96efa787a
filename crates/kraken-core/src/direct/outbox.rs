//! What waits for a socket, and how much of what was pushed it hasn't read.

use super::Push;
use crate::Secrets;
use crate::ids::ConnectionId;
use bytes::Bytes;
use std::collections::VecDeque;

/// Pushes that may be unread. The node holds 100 for a socket, pings included, and stands still
/// when one more comes.
const MOST_UNREAD: usize = 64;
/// Bytes that may be unread; a single push may have more.
const MOST_UNREAD_BYTES: usize = 4 << 20;
/// Bytes that may wait; beyond, the socket has stalled.
const MOST_WAITING: usize = 8 << 20;
/// Pushes, and bytes of them, after which the client is asked how far it has read.
const PING_AFTER: (usize, usize) = (8, 256 << 10);

/// One socket's way out.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    unread: usize,
    unread_bytes: usize,
    /// Pushed since the last ping.
    since_ping: (usize, usize),
    /// Pings that aren't answered, oldest first.
    pings: VecDeque<Ping>,
}

/// What waits.
enum Waiting {
    Push(Push),
    /// Somebody wants to know when all before is under way.
    Mark(ConnectionId),
}

/// A question how far a client has read.
struct Ping {
    /// Random, so that nobody can answer what it hasn't read.
    nonce: [u8; 8],
    /// Pushes and bytes since the ping before.
    pushes: usize,
    bytes: usize,
}

impl Outbox {
    /// Adds a push; `false` if too much waits already.
    pub(super) fn queue(&mut self, push: Push) -> bool {
        let bytes = push.len();
        if self.waiting_bytes + bytes > MOST_WAITING && !self.waiting.is_empty() {
            return false;
        }
        self.waiting_bytes += bytes;
        self.waiting.push_back(Waiting::Push(push));
        true
    }

    /// Has [`Outbox::flush`] tell when all that was queued before is under way.
    pub(super) fn mark(&mut self, connection: ConnectionId) {
        self.waiting.push_back(Waiting::Mark(connection));
    }

    /// Adds a push in place of all that waits.
    pub(super) fn replace(&mut self, push: Push) {
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.queue(push);
    }

    /// Takes the answer to a ping: all before it has been read.
    pub(super) fn read(&mut self, nonce: &[u8]) {
        if !self.pings.iter().any(|ping| ping.nonce == *nonce) {
            return;
        }
        while let Some(ping) = self.pings.pop_front() {
            self.unread -= ping.pushes;
            self.unread_bytes -= ping.bytes;
            if ping.nonce == *nonce {
                break;
            }
        }
    }

    /// Pushes what the window takes; whose mark has been reached.
    pub(super) fn flush(
        &mut self,
        secrets: &mut Secrets,
        mut push: impl FnMut(Push),
    ) -> Vec<ConnectionId> {
        let mut marked = Vec::new();
        while let Some(next) = self.waiting.pop_front_if(|next| {
            self.unread < MOST_UNREAD
                && (self.unread == 0 || self.unread_bytes + next.len() <= MOST_UNREAD_BYTES)
        }) {
            let next = match next {
                Waiting::Push(next) => next,
                Waiting::Mark(connection) => {
                    marked.push(connection);
                    continue;
                }
            };
            let bytes = next.len();
            self.waiting_bytes -= bytes;
            self.unread += 1;
            self.unread_bytes += bytes;
            self.since_ping.0 += 1;
            self.since_ping.1 += bytes;
            push(next);
            if self.since_ping.0 >= PING_AFTER.0 || self.since_ping.1 >= PING_AFTER.1 {
                push(self.ping(secrets));
            }
        }
        marked
    }

    fn ping(&mut self, secrets: &mut Secrets) -> Push {
        let mut nonce = [0; 8];
        nonce[..4].copy_from_slice(&secrets.number().to_le_bytes());
        nonce[4..].copy_from_slice(&secrets.number().to_le_bytes());
        let (pushes, bytes) = std::mem::take(&mut self.since_ping);
        self.pings.push_back(Ping {
            nonce,
            pushes,
            bytes,
        });
        Push::Ping(Bytes::copy_from_slice(&nonce))
    }
}

impl Waiting {
    fn len(&self) -> usize {
        match self {
            Self::Push(push) => push.len(),
            Self::Mark(_) => 0,
        }
    }
}

impl Push {
    fn len(&self) -> usize {
        let (Self::Binary(bytes) | Self::Text(bytes) | Self::Ping(bytes) | Self::Pong(bytes)) =
            self;
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(size: usize) -> Push {
        Push::Binary(vec![0; size].into())
    }

    fn flush(outbox: &mut Outbox, secrets: &mut Secrets) -> Vec<Push> {
        let mut pushed = Vec::new();
        outbox.flush(secrets, |push| pushed.push(push));
        pushed
    }

    fn nonces(pushed: &[Push]) -> Vec<Bytes> {
        let nonce = |push: &Push| match push {
            Push::Ping(nonce) => Some(nonce.clone()),
            _ => None,
        };
        pushed.iter().filter_map(nonce).collect()
    }

    #[test]
    fn ti8_a_client_that_reads_nothing_has_fewer_pushes_under_way_than_the_node_holds() {
        for size in [1, 100, 64 << 10, 300 << 10, 5 << 20] {
            let (mut outbox, mut secrets) = (Outbox::default(), Secrets::new([1; 32]));
            let mut pushed = 0;
            while outbox.queue(push(size)) && pushed < 1_000_000 / size.max(100) + 1_000 {
                pushed += flush(&mut outbox, &mut secrets).len();
            }
            assert!(pushed <= 90, "{pushed} pushes of {size} bytes");
        }
    }

    #[test]
    fn ti8_what_is_read_makes_room_and_what_is_guessed_does_not() {
        let (mut outbox, mut secrets) = (Outbox::default(), Secrets::new([1; 32]));
        for _ in 0..200 {
            assert!(outbox.queue(push(10)));
        }
        let first = flush(&mut outbox, &mut secrets);
        let nonces = nonces(&first);
        assert_eq!(first.len() - nonces.len(), MOST_UNREAD);
        outbox.read(&[0; 8]);
        outbox.read(b"");
        assert!(flush(&mut outbox, &mut secrets).is_empty());
        outbox.read(&nonces[0]);
        assert_eq!(flush(&mut outbox, &mut secrets).len(), PING_AFTER.0 + 1);
        outbox.read(&nonces[0]);
        assert!(flush(&mut outbox, &mut secrets).is_empty());
        outbox.read(nonces.last().unwrap());
        assert!(!flush(&mut outbox, &mut secrets).is_empty());
    }
}
