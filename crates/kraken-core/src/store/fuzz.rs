//! The body of a fuzz target in `test/fuzz`, which `cargo test` runs over its corpus.

use super::chunks::{Chunks, Joined};
use super::frame::{self, Chunk, Frame, HASH};
use crate::ids::{ConnectionId, Timestamp};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Milliseconds.
const TICK: u64 = 1_000;

/// Takes any bytes as frames of SDS clients, each behind its sender and its length in two bytes.
/// What is joined of chunks is what their sender sent.
pub fn store_frames(data: &[u8]) {
    let mut chunks = Chunks::default();
    let mut sent = BTreeMap::new();
    let mut now = Timestamp(0);
    let mut rest = data;
    let mut arrival = 0;
    while let [sender, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let message = Bytes::copy_from_slice(&after[..length.min(after.len())]);
        rest = &after[message.len()..];
        arrival += 1;
        now = now.after(TICK);
        chunks.handle_timeout(now);
        let sender = ConnectionId(u64::from(*sender));
        let parsed = Frame::parse(&message);
        check(&message, parsed.as_ref());
        if let Some(Frame::Chunk(Some(chunk))) = parsed {
            let hash = chunk.hash.clone();
            let key = (sender, hash.clone(), chunk.index);
            sent.insert(key, chunk.data.clone());
            if let Some(joined) = chunks.take(sender, chunk, arrival, now) {
                check_joined(&joined, &hash, |index| {
                    sent.get(&(sender, hash.clone(), index)).cloned()
                });
            }
        }
    }
    for sender in 0..=u64::from(u8::MAX) {
        chunks.leave(ConnectionId(sender));
    }
    assert_eq!((chunks.bytes(), chunks.next_timeout()), (0, None));
}

/// A frame is what its first byte says, and holds what the message holds.
fn check(message: &Bytes, frame: Option<&Frame>) {
    let first = message.first().copied();
    let payload = message.get(1..).unwrap_or_default();
    match frame {
        None => assert_eq!(first, None),
        Some(Frame::Patch) => assert_eq!(frame::patch(payload), message),
        Some(Frame::Value) => {
            assert_eq!(frame::value(payload), message);
            let hash = frame::hash_field(&message.slice(1..));
            assert!(payload.starts_with(&hash), "another hash");
        }
        Some(Frame::ValueWanted(prefix)) => assert_eq!((first, &prefix[..]), (Some(3), payload)),
        Some(Frame::Chunk(chunk)) => {
            let written = chunk.as_ref().map(write);
            assert!(
                written.is_none_or(|written| written == *message),
                "another chunk"
            );
        }
        Some(Frame::SyncWanted) => assert_eq!(first, Some(6)),
        Some(Frame::Other) => assert!(!matches!(first, Some(1..=3 | 5 | 6)), "not understood"),
    }
}

fn write(chunk: &Chunk) -> Vec<u8> {
    [
        &[5][..],
        &chunk.hash,
        &chunk.index.to_be_bytes(),
        &chunk.total.to_be_bytes(),
        &chunk.data,
    ]
    .concat()
}

/// A value consists of the last that its sender sent for each part.
fn check_joined(joined: &Joined, hash: &[u8], part: impl Fn(u32) -> Option<Bytes>) {
    let (field, mut rest) = joined.payload.split_at(HASH);
    assert_eq!(field, hash);
    for index in 0.. {
        if rest.is_empty() {
            return;
        }
        let part = part(index);
        let after = part.and_then(|part| rest.strip_prefix(&part[..]));
        assert!(after.is_some(), "another value than was sent");
        rest = after.unwrap_or_default();
    }
}
