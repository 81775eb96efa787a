//! Frames of SDS clients: a type byte and a payload that nobody here understands.

use bytes::{Buf, Bytes};

/// Bytes of a hash field.
pub(super) const HASH: usize = 32;
/// Bytes before a chunk's own: hash field, index, number of chunks.
const CHUNK_HEADER: usize = HASH + 4 + 4;

const PATCH: u8 = 1;
const VALUE: u8 = 2;
const REQ_VALUE: u8 = 3;
const VALUE_CHUNK: u8 = 5;
const SYNC_REQ: u8 = 6;

/// What a frame is to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A change of the store.
    Patch,
    /// A hash field and what it stands for.
    Value,
    /// A part of a value; `None` if it is too short to be one.
    Chunk(Option<Chunk>),
    /// Somebody wants the value whose hash field begins like this.
    ValueWanted(Bytes),
    /// Somebody wants everything.
    SyncWanted,
    /// Presence, and whatever there may be one day.
    Other,
}

/// A part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// [`HASH`] bytes.
    pub(super) hash: Bytes,
    pub(super) index: u32,
    /// How many chunks there are.
    pub(super) total: u32,
    pub(super) data: Bytes,
}

impl Frame {
    /// Reads a message; `None` if it is empty.
    pub(super) fn parse(message: &Bytes) -> Option<Self> {
        Some(match *message.first()? {
            PATCH => Self::Patch,
            VALUE => Self::Value,
            REQ_VALUE => Self::ValueWanted(message.slice(1..)),
            VALUE_CHUNK => Self::Chunk(Chunk::parse(message.slice(1..))),
            SYNC_REQ => Self::SyncWanted,
            _ => Self::Other,
        })
    }

    /// Whether only somebody who may write may send it.
    pub(super) fn is_write(&self) -> bool {
        matches!(self, Self::Patch | Self::Value | Self::Chunk(_))
    }
}

impl Chunk {
    fn parse(mut payload: Bytes) -> Option<Self> {
        if payload.len() < CHUNK_HEADER {
            return None;
        }
        Some(Self {
            hash: payload.split_to(HASH),
            index: payload.get_u32(),
            total: payload.get_u32(),
            data: payload,
        })
    }
}

/// A patch as a message.
pub(super) fn patch(payload: &[u8]) -> Bytes {
    message(PATCH, payload)
}

/// A value as a message: `payload` is its hash field and what follows.
pub(super) fn value(payload: &[u8]) -> Bytes {
    message(VALUE, payload)
}

fn message(kind: u8, payload: &[u8]) -> Bytes {
    let mut message = Vec::with_capacity(1 + payload.len());
    message.push(kind);
    message.extend_from_slice(payload);
    message.into()
}

/// What a value is found by: the bytes where its hash is. Clients put there what they like, not
/// always all 32.
pub(super) fn hash_field(payload: &Bytes) -> Bytes {
    payload.slice(..payload.len().min(HASH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_read_with_its_place() {
        let mut message = vec![5];
        message.extend_from_slice(&[7; 32]);
        message.extend_from_slice(&[0, 0, 0, 1, 0, 0, 1, 0]);
        message.extend_from_slice(b"data");
        let chunk = Chunk {
            hash: vec![7; 32].into(),
            index: 1,
            total: 256,
            data: Bytes::from_static(b"data"),
        };
        let parse = |message: Vec<u8>| Frame::parse(&message.into());
        assert_eq!(parse(message.clone()), Some(Frame::Chunk(Some(chunk))));
        message.truncate(40);
        assert_eq!(parse(message), Some(Frame::Chunk(None)));
        assert_eq!(parse(Vec::new()), None);
    }

    #[test]
    fn sd7_patches_values_and_chunks_are_for_who_may_write() {
        for kind in 0..=255 {
            let frame = Frame::parse(&vec![kind].into()).unwrap();
            assert_eq!(frame.is_write(), [1, 2, 5].contains(&kind), "{kind}");
        }
    }
}
