//! The trait of what travels over the link.

use bytes::Bytes;

use crate::LinkError;
use crate::wire::{Length, Put};

/// The kind of a part of a long record.
pub(crate) const KIND_PART: u8 = 0x7F;

/// One thing that one side says to the other.
pub trait Record: Sized {
    /// Appends kind, length and body.
    fn encode(&self, out: &mut Vec<u8>);

    /// How many bytes [`encode`](Self::encode) appends.
    fn encoded_len(&self) -> usize;

    /// Reads the body of a record. Payloads are slices of it, not copies.
    fn decode(kind: u8, body: Bytes) -> Result<Self, LinkError>;
}

/// A record whose body is written field by field, once to measure it and once for good.
pub(crate) trait Body {
    fn kind(&self) -> u8;
    fn put<P: Put>(&self, out: &mut P);
}

pub(crate) fn encode(record: &impl Body, out: &mut Vec<u8>) {
    let length = body_len(record);
    out.reserve(length + 6);
    out.put_u8(record.kind());
    out.put_varint(length);
    record.put(out);
}

pub(crate) fn encoded_len(record: &impl Body) -> usize {
    let body = body_len(record);
    let mut head = Length(1);
    head.put_varint(body);
    head.0 + body
}

fn body_len(record: &impl Body) -> usize {
    let mut length = Length(0);
    record.put(&mut length);
    length.0
}
