//! y-protocols over WebSocket: the bytes.
//!
//! Facts: y-protocols 1.0.7 (`sync.js`, `awareness.js`, `auth.js`) and y-websocket 3.1. All
//! lengths are lib0 `varUint`: little-endian base 128, at most 2^53 - 1.

use bytes::Bytes;
use thiserror::Error;

/// `sync` message, step 1: a state vector; asks for what is missing in it.
const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;

const PERMISSION_DENIED: u64 = 0;

const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;

const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// An update without any change, in the V1 encoding.
pub const EMPTY_UPDATE: &[u8] = &[0, 0];

/// One message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Sync step 1 with an encoded state vector.
    Step1(Bytes),
    /// Sync step 2 with an encoded V1 update.
    Step2(Bytes),
    /// An incremental V1 update.
    Update(Bytes),
    /// Awareness entries, still encoded.
    Awareness(Bytes),
    /// Asks for everybody's awareness.
    QueryAwareness,
    /// Says why something isn't allowed, in UTF-8. Only servers send it.
    PermissionDenied(Bytes),
    /// A message of a type, or of a kind of authentication, that is not known.
    Ignored,
}

/// How bytes broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The bytes end inside a value, or a length points behind their end.
    #[error("truncated message")]
    Truncated,
    /// A number above 2^53 - 1.
    #[error("number out of range")]
    Number,
    /// A sync message that is neither step 1, step 2 nor update.
    #[error("unknown sync message")]
    SyncType,
    /// Text that is not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// An update that breaks the V1 encoding.
    #[error("invalid update: {0}")]
    Update(&'static str),
    /// A state vector that breaks its encoding.
    #[error("invalid state vector")]
    StateVector,
    /// Awareness whose state is not JSON.
    #[error("awareness state is not JSON")]
    Json,
}

/// Reads lib0 values off the front of a buffer.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes that have not been read.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.rest.split_first().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    /// A `varUint` of at most 2^53 - 1.
    #[inline]
    pub fn var_uint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..56).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return if value <= MAX_SAFE_INTEGER {
                    Ok(value)
                } else {
                    Err(Malformed::Number)
                };
            }
        }
        Err(Malformed::Number)
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed::Truncated)?;
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A length and as many bytes.
    pub fn var_bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.var_uint()?;
        self.take(length)
    }

    /// A length and as many bytes of UTF-8.
    pub fn var_str(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.var_bytes()?).map_err(|_| Malformed::Utf8)
    }
}

/// Appends a `varUint`.
pub fn write_var_uint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length and `bytes`.
pub fn write_var_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_var_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads the messages of one WebSocket frame. Clients send one a frame, `yrs` may send several.
///
/// `each` gets every message, and whether it is the whole frame, so that the frame itself can be
/// handed on. Payloads share the frame's memory.
pub fn parse_frame<E: From<Malformed>>(
    frame: &Bytes,
    mut each: impl FnMut(Message, bool) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(frame);
    let mut alone = true;
    loop {
        let message = parse_message(frame, &mut reader)?;
        alone &= reader.remaining() == 0;
        let ignored = message == Message::Ignored;
        each(message, alone)?;
        // What follows a message of unknown length can't be told apart from it.
        if ignored || reader.remaining() == 0 {
            return Ok(());
        }
    }
}

fn parse_message(frame: &Bytes, reader: &mut Reader<'_>) -> Result<Message, Malformed> {
    let payload = |reader: &mut Reader<'_>| Ok(frame.slice_ref(reader.var_bytes()?));
    match reader.var_uint()? {
        SYNC => match reader.var_uint()? {
            STEP_1 => payload(reader).map(Message::Step1),
            STEP_2 => payload(reader).map(Message::Step2),
            UPDATE => payload(reader).map(Message::Update),
            _ => Err(Malformed::SyncType),
        },
        AWARENESS => payload(reader).map(Message::Awareness),
        QUERY_AWARENESS => Ok(Message::QueryAwareness),
        AUTH => Ok(parse_denial(frame, reader).unwrap_or(Message::Ignored)),
        _ => Ok(Message::Ignored),
    }
}

/// Reads the only authentication message that y-protocols has; others have theirs.
fn parse_denial(frame: &Bytes, reader: &mut Reader<'_>) -> Option<Message> {
    let mut ahead = Reader::new(reader.rest);
    let is_denial = ahead.var_uint().ok()? == PERMISSION_DENIED;
    let reason = ahead.var_bytes().ok().filter(|_| is_denial)?;
    *reader = ahead;
    Some(Message::PermissionDenied(frame.slice_ref(reason)))
}

fn sync(kind: u64, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(payload.len() + 12);
    write_var_uint(&mut out, SYNC);
    write_var_uint(&mut out, kind);
    write_var_bytes(&mut out, payload);
    out.into()
}

/// A step 1 message.
pub fn step_1(state_vector: &[u8]) -> Bytes {
    sync(STEP_1, state_vector)
}

/// A step 2 message.
pub fn step_2(update: &[u8]) -> Bytes {
    sync(STEP_2, update)
}

/// An update message.
pub fn update(update: &[u8]) -> Bytes {
    sync(UPDATE, update)
}

/// An awareness message.
pub fn awareness(entries: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(entries.len() + 6);
    write_var_uint(&mut out, AWARENESS);
    write_var_bytes(&mut out, entries);
    out.into()
}

/// Tells a client that it may not do what it did (y-protocols' `auth.js`).
pub fn permission_denied(reason: &str) -> Bytes {
    let mut out = Vec::with_capacity(reason.len() + 4);
    write_var_uint(&mut out, AUTH);
    write_var_uint(&mut out, PERMISSION_DENIED);
    write_var_bytes(&mut out, reason.as_bytes());
    out.into()
}

/// An awareness message without entries: nobody is there, or nothing is new. It changes nothing, but a client that counts frames to
/// tell whether the server lives (y-websocket: 30 s) sees one.
pub fn keep_alive() -> Bytes {
    Bytes::from_static(&[1, 1, 0])
}

/// A question for the awareness of everybody.
pub fn query_awareness() -> Bytes {
    Bytes::from_static(&[QUERY_AWARENESS as u8])
}

/// Checks an encoded state vector: a count, then as many pairs of client and clock.
pub fn validate_state_vector(bytes: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    let check = |reader: &mut Reader<'_>| -> Result<(), Malformed> {
        let count = reader.var_uint()?;
        if count > reader.remaining() as u64 / 2 {
            return Err(Malformed::StateVector);
        }
        for _ in 0..count {
            reader.var_uint()?;
            if reader.var_uint()? > u64::from(u32::MAX) {
                return Err(Malformed::StateVector);
            }
        }
        Ok(())
    };
    check(&mut reader).map_err(|_| Malformed::StateVector)?;
    match reader.remaining() {
        0 => Ok(()),
        _ => Err(Malformed::StateVector),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Result<Vec<(Message, bool)>, Malformed> {
        let mut found = Vec::new();
        parse_frame(&Bytes::copy_from_slice(bytes), |message, alone| {
            found.push((message, alone));
            Ok::<_, Malformed>(())
        })?;
        Ok(found)
    }

    #[test]
    fn the_first_step_1_of_an_empty_document_is_four_bytes() {
        assert_eq!(step_1(&[0])[..], [0, 0, 1, 0]);
        assert_eq!(step_2(EMPTY_UPDATE)[..], [0, 1, 2, 0, 0]);
    }

    #[test]
    fn several_messages_in_a_frame_are_all_read_and_none_is_the_whole_frame() {
        let mut frame = step_1(&[0]).to_vec();
        frame.extend_from_slice(&awareness(&[0]));
        let found = parse(&frame).unwrap();
        assert_eq!(
            found,
            [
                (Message::Step1(Bytes::from_static(&[0])), false),
                (Message::Awareness(Bytes::from_static(&[0])), false),
            ]
        );
    }

    #[test]
    fn hostile_lengths_are_truncated_messages() {
        let huge = [0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(parse(&huge), Err(Malformed::Truncated));
        assert_eq!(parse(&[]), Err(Malformed::Truncated));
        assert_eq!(parse(&[0, 9]), Err(Malformed::SyncType));
        assert_eq!(parse(&[0x80; 12]), Err(Malformed::Number));
    }

    #[test]
    fn unknown_types_and_authentication_are_ignored() {
        for frame in [&[77, 1, 2][..], &[2, 1, 1, 65], &[2, 0, 9, 65], &[2]] {
            assert_eq!(parse(frame).unwrap()[0].0, Message::Ignored);
        }
        let denial = parse(&permission_denied("no")).unwrap();
        assert_eq!(denial[0].0, Message::PermissionDenied(Bytes::from("no")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
            let _ = validate_state_vector(&bytes);
        }

        #[test]
        fn what_is_written_is_read(value in 0..=MAX_SAFE_INTEGER, payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut out = Vec::new();
            write_var_uint(&mut out, value);
            prop_assert_eq!(Reader::new(&out).var_uint(), Ok(value));
            prop_assert_eq!(parse(&update(&payload)).unwrap(), [(Message::Update(payload.into()), true)]);
        }
    }
}
