//! Values that come in parts.
//!
//! Each sender's parts are joined for themselves, so that nobody spoils what another sends.

use super::frame::{Chunk, HASH};
use crate::ids::{ConnectionId, Timestamp};
use crate::timers::Timers;
use bytes::Bytes;
use std::collections::BTreeMap;

/// Bytes of the largest value that is joined: it has to fit into one message.
const MOST_BYTES: usize = super::MESSAGE_BYTES as usize - 1 - HASH;
/// Parts of a value; clients make them of 1 MiB.
const MOST_PARTS: u32 = 1 << 16;
/// Sets of one sender that may be incomplete at a time; the one that began first gives way.
const MOST_SETS: usize = 8;
/// Bytes of all incomplete sets; over it further chunks aren't joined.
const MOST_BYTES_IN_ALL: usize = 256 << 20;
/// Milliseconds after its last chunk that a set is given up.
const PATIENCE: u64 = 60_000;
/// What a chunk takes besides its bytes.
const OVERHEAD: usize = 128;
/// A smaller chunk is copied: as a slice it would keep the frame alive that it came in.
const SLICED: usize = 64 << 10;

/// All incomplete sets.
#[derive(Default)]
pub(super) struct Chunks {
    sets: BTreeMap<Key, Set>,
    bytes: usize,
    ends: Timers<Key>,
}

type Key = (ConnectionId, Bytes);

struct Set {
    total: u32,
    parts: BTreeMap<u32, Bytes>,
    /// Of all parts, with what they take besides.
    bytes: usize,
    began: u64,
}

/// A value all of whose parts have come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Joined {
    /// Its hash field and what follows.
    pub(super) payload: Bytes,
    /// The number of the frame that brought its first part.
    pub(super) began: u64,
}

impl Chunks {
    /// Bytes that incomplete sets hold.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a chunk, brought by the frame with the number `arrival`; the value if it was the
    /// last that was missing.
    pub(super) fn take(
        &mut self,
        sender: ConnectionId,
        chunk: Chunk,
        arrival: u64,
        now: Timestamp,
    ) -> Option<Joined> {
        let Chunk {
            hash,
            index,
            total,
            data,
        } = chunk;
        let key = (sender, Bytes::copy_from_slice(&hash));
        let is_new = !self.sets.contains_key(&key);
        let total = self.sets.get(&key).map_or(total, |set| set.total);
        let weight = OVERHEAD + data.len();
        let is_valid = index < total && total <= MOST_PARTS;
        if !is_valid || self.bytes + weight > MOST_BYTES_IN_ALL {
            return None;
        }
        if is_new {
            self.make_room(sender);
        }
        let set = self.sets.entry(key.clone()).or_insert_with(|| Set {
            total,
            parts: BTreeMap::new(),
            bytes: 0,
            began: arrival,
        });
        let data = match data.len() < SLICED {
            true => Bytes::copy_from_slice(&data),
            false => data,
        };
        set.bytes += weight;
        self.bytes += weight;
        if let Some(last) = set.parts.insert(index, data) {
            set.bytes -= OVERHEAD + last.len();
            self.bytes -= OVERHEAD + last.len();
        }
        if set.bytes - OVERHEAD * set.parts.len() > MOST_BYTES {
            self.give_up(&key);
            return None;
        }
        if set.parts.len() < set.total as usize {
            self.ends.clear(&key);
            self.ends.set(key, now.after(PATIENCE));
            return None;
        }
        self.give_up(&key).map(|set| set.join(&hash))
    }

    /// Gives up the sets of somebody who has left.
    pub(super) fn leave(&mut self, sender: ConnectionId) {
        for key in self.of(sender) {
            self.give_up(&key);
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.ends.next()
    }

    /// Gives up the sets of which nothing has come for too long.
    pub(super) fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(key) = self.ends.pop(now) {
            self.give_up(&key);
        }
    }

    fn make_room(&mut self, sender: ConnectionId) {
        let own = self.of(sender);
        if own.len() >= MOST_SETS {
            let began = |key: &Key| self.sets.get(key).map_or(0, |set| set.began);
            if let Some(first) = own.into_iter().min_by_key(began) {
                self.give_up(&first);
            }
        }
    }

    fn of(&self, sender: ConnectionId) -> Vec<Key> {
        let all = (sender, Bytes::new())..;
        let own = self.sets.range(all).map(|(key, _)| key.clone());
        own.take_while(|key| key.0 == sender).collect()
    }

    fn give_up(&mut self, key: &Key) -> Option<Set> {
        self.ends.clear(key);
        let set = self.sets.remove(key)?;
        self.bytes -= set.bytes;
        Some(set)
    }
}

impl Set {
    fn join(self, hash: &[u8]) -> Joined {
        let mut payload = Vec::with_capacity(HASH + self.bytes);
        payload.extend_from_slice(hash);
        for part in self.parts.values() {
            payload.extend_from_slice(part);
        }
        Joined {
            payload: payload.into(),
            began: self.began,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALICE: ConnectionId = ConnectionId(1);
    const EVE: ConnectionId = ConnectionId(2);
    const NOW: Timestamp = Timestamp(1_000);

    fn chunk(hash: u8, index: u32, total: u32, data: &[u8]) -> Chunk {
        Chunk {
            hash: vec![hash; HASH].into(),
            index,
            total,
            data: Bytes::copy_from_slice(data),
        }
    }

    #[test]
    fn sd10_a_value_is_there_with_its_last_part_whatever_their_order() {
        let mut chunks = Chunks::default();
        assert_eq!(chunks.take(ALICE, chunk(1, 2, 3, b"c"), 7, NOW), None);
        assert_eq!(chunks.take(ALICE, chunk(1, 0, 3, b"x"), 8, NOW), None);
        assert_eq!(chunks.take(ALICE, chunk(1, 0, 3, b"a"), 9, NOW), None);
        let joined = chunks.take(ALICE, chunk(1, 1, 3, b"b"), 10, NOW).unwrap();
        assert_eq!(joined.began, 7);
        assert_eq!(joined.payload[..HASH], [1; HASH]);
        assert_eq!(&joined.payload[HASH..], b"abc");
        assert_eq!(chunks.bytes(), 0);
    }

    #[test]
    fn sd10_nobody_completes_or_spoils_what_another_sends() {
        let mut chunks = Chunks::default();
        assert_eq!(chunks.take(ALICE, chunk(1, 0, 2, b"a"), 1, NOW), None);
        assert_eq!(chunks.take(EVE, chunk(1, 1, 2, b"!"), 2, NOW), None);
        assert_eq!(chunks.take(EVE, chunk(3, 0, 0, b"!"), 3, NOW), None);
        assert_eq!(chunks.take(EVE, chunk(2, 5, 5, b"!"), 3, NOW), None);
        let joined = chunks.take(ALICE, chunk(1, 1, 2, b"b"), 4, NOW).unwrap();
        assert_eq!(&joined.payload[HASH..], b"ab");
    }

    #[test]
    fn sd10_what_is_never_completed_goes_with_its_time_its_sender_or_the_next() {
        let mut chunks = Chunks::default();
        chunks.take(ALICE, chunk(1, 0, 2, b"a"), 1, NOW);
        let end = chunks.next_timeout().unwrap();
        assert_eq!(end, NOW.after(PATIENCE));
        chunks.take(ALICE, chunk(1, 0, 2, b"a"), 1, NOW.after(10));
        chunks.handle_timeout(end);
        assert!(chunks.bytes() > 0, "a chunk prolongs it");
        chunks.handle_timeout(end.after(10));
        assert_eq!((chunks.bytes(), chunks.next_timeout()), (0, None));
        for hash in 0..=MOST_SETS as u8 {
            chunks.take(EVE, chunk(hash, 0, 2, b"a"), u64::from(hash), NOW);
        }
        assert_eq!(chunks.of(EVE).len(), MOST_SETS);
        assert!(chunks.take(EVE, chunk(0, 1, 2, b"b"), 99, NOW).is_none());
        chunks.leave(EVE);
        assert_eq!((chunks.bytes(), chunks.next_timeout()), (0, None));
    }

    proptest! {
        #[test]
        fn sd10_memory_is_bounded_and_given_back(
            all in proptest::collection::vec((0..3u64, 0..12u8, 0..4u32, 0..4u32, 0..100usize), 0..200),
        ) {
            let mut chunks = Chunks::default();
            for (arrival, (sender, hash, index, total, size)) in all.into_iter().enumerate() {
                let chunk = chunk(hash, index, total, &vec![0; size]);
                chunks.take(ConnectionId(sender), chunk, arrival as u64, NOW);
                let bytes: usize = chunks.sets.values().map(|set| set.bytes).sum();
                prop_assert_eq!(chunks.bytes(), bytes);
                prop_assert!(chunks.sets.len() <= 3 * MOST_SETS);
            }
            for sender in 0..3 {
                chunks.leave(ConnectionId(sender));
            }
            prop_assert_eq!((chunks.bytes(), chunks.next_timeout()), (0, None));
        }
    }
}
