//! Messages of y-protocols, in the dialect of each server, those of SDS stores, and WebSocket frames
//! around them.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use yrs::ClientID;
use yrs::Update;
use yrs::updates::decoder::Decode as _;

/// The empty state vector.
pub(crate) const NOTHING: &[u8] = &[0];
/// The update without content.
pub(crate) const EMPTY_UPDATE: &[u8] = &[0, 0];
/// The type of a patch in a store.
const PATCH: u8 = 1;
/// Every client masks with this: a mask of zeros would spare some servers the work.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// How a server wants its messages.
#[derive(Debug, Clone)]
pub(crate) enum Dialect {
    /// y-protocols as they are.
    Plain,
    /// Each message begins with the document's name, and the first one authenticates.
    Hocuspocus {
        /// The name as varString.
        name: Bytes,
    },
    /// y-protocols as they are, but nobody answers a step 1.
    Relay,
    /// SDS: a type and opaque bytes.
    Store,
}

/// A message from the server, as far as a load generator cares.
#[derive(Debug)]
pub(crate) enum Message {
    Step1,
    Step2(Bytes),
    Update(Bytes),
    /// Presence, acknowledgements and the like.
    Other,
}

impl Dialect {
    pub(crate) fn hocuspocus(room: &str) -> Self {
        let mut name = BytesMut::new();
        put_bytes(&mut name, room.as_bytes());
        Self::Hocuspocus {
            name: name.freeze(),
        }
    }

    /// What must be sent before anything else.
    pub(crate) fn greeting(&self) -> Option<Bytes> {
        match self {
            Self::Plain | Self::Relay | Self::Store => None,
            Self::Hocuspocus { .. } => {
                let mut body = BytesMut::from(&[2, 0][..]);
                put_bytes(&mut body, b"token");
                put_bytes(&mut body, b"bench");
                Some(self.frame(&body))
            }
        }
    }

    /// Asks for everything that the state vector lacks.
    pub(crate) fn step1(&self, state_vector: &[u8]) -> Bytes {
        self.sync(0, state_vector)
    }

    /// Has nothing.
    pub(crate) fn empty_step2(&self) -> Bytes {
        self.sync(1, EMPTY_UPDATE)
    }

    /// An update of a document, or a patch of a store.
    pub(crate) fn update(&self, update: &[u8]) -> Bytes {
        if matches!(self, Self::Store) {
            return self.frame(&[&[PATCH], update].concat());
        }
        self.sync(2, update)
    }

    /// Whether a step 1 is answered.
    pub(crate) fn syncs(&self) -> bool {
        !matches!(self, Self::Relay | Self::Store)
    }

    fn sync(&self, kind: u8, body: &[u8]) -> Bytes {
        let mut message = BytesMut::with_capacity(body.len() + 8);
        message.put_slice(&[0, kind]);
        put_bytes(&mut message, body);
        self.frame(&message)
    }

    /// The masked WebSocket frame with this message.
    fn frame(&self, message: &[u8]) -> Bytes {
        let name: &[u8] = match self {
            Self::Plain | Self::Relay | Self::Store => &[],
            Self::Hocuspocus { name } => name,
        };
        let mut payload = Vec::with_capacity(name.len() + message.len());
        payload.extend_from_slice(name);
        payload.extend_from_slice(message);
        masked_frame(Opcode::Binary, &payload)
    }

    /// Reads a message from the server; its body stays in the same memory.
    pub(crate) fn read(&self, payload: &Bytes) -> Result<Message> {
        if matches!(self, Self::Store) {
            return Ok(match payload.first() {
                Some(&PATCH) => Message::Update(payload.slice(1..)),
                _ => Message::Other,
            });
        }
        let mut at = 0;
        if let Self::Hocuspocus { .. } = self {
            let length = get_varint(payload, &mut at)?;
            at = at
                .checked_add(usize::try_from(length)?)
                .context("a name without an end")?;
        }
        let kind = get_varint(payload, &mut at)?;
        match (kind, self) {
            (0, _) | (4, Self::Hocuspocus { .. }) => {
                let step = get_varint(payload, &mut at)?;
                let length = usize::try_from(get_varint(payload, &mut at)?)?;
                ensure!(
                    payload.len() - at == length,
                    "more or less than one message in a frame"
                );
                let body = payload.slice(at..);
                Ok(match step {
                    0 => Message::Step1,
                    1 => Message::Step2(body),
                    2 => Message::Update(body),
                    other => bail!("a sync message of the kind {other}"),
                })
            }
            (2, Self::Hocuspocus { .. }) => {
                ensure!(payload.get(at) == Some(&2), "not let in");
                Ok(Message::Other)
            }
            (2, _) => bail!("not let in: {}", String::from_utf8_lossy(payload)),
            _ => Ok(Message::Other),
        }
    }
}

/// The kinds of WebSocket frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// A frame from a server.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) opcode: Opcode,
    pub(crate) last: bool,
    pub(crate) payload: Bytes,
}

impl Frame {
    /// Takes the first frame off the buffer if it is complete.
    pub(crate) fn take(buffer: &mut BytesMut) -> Result<Option<Self>> {
        let &[first, second, ..] = &buffer[..] else {
            return Ok(None);
        };
        ensure!(second & 0x80 == 0, "a masked frame from a server");
        ensure!(first & 0x70 == 0, "a frame with reserved bits");
        let (header, length) = match second {
            126 => {
                let Some(bytes) = buffer.get(2..4) else {
                    return Ok(None);
                };
                (
                    4,
                    bytes
                        .iter()
                        .fold(0, |sum, &byte| sum << 8 | usize::from(byte)),
                )
            }
            127 => {
                let Some(bytes) = buffer.get(2..10) else {
                    return Ok(None);
                };
                (
                    10,
                    bytes
                        .iter()
                        .fold(0, |sum, &byte| sum << 8 | usize::from(byte)),
                )
            }
            short => (2, usize::from(short)),
        };
        if buffer.len() < header + length {
            buffer.reserve(header + length - buffer.len());
            return Ok(None);
        }
        let opcode = match first & 0x0f {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            other => bail!("a frame with the opcode {other}"),
        };
        let payload = buffer.split_to(header + length).freeze().slice(header..);
        Ok(Some(Self {
            opcode,
            last: first & 0x80 != 0,
            payload,
        }))
    }
}

/// A frame as clients must send it.
pub(crate) fn masked_frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 14);
    frame.put_u8(0x80 | opcode as u8);
    match payload.len() {
        length @ 0..=125 => frame.put_u8(0x80 | u8::try_from(length).unwrap_or(0)),
        length @ 126..=0xffff => {
            frame.put_u8(0x80 | 126);
            frame.put_u16(u16::try_from(length).unwrap_or(0));
        }
        length => {
            frame.put_u8(0x80 | 127);
            frame.put_u64(length as u64);
        }
    }
    frame.put_slice(&MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame.freeze()
}

/// The clock up to which an update brings the writer, if it holds anything of it.
///
/// One inserted string, which is nearly every update here, is read by hand; all else by yrs.
pub(crate) fn end_clock(update: &[u8], writer: u64) -> Result<Option<u32>> {
    if let Some((client, end)) = one_insertion(update) {
        return Ok((client == writer).then_some(end));
    }
    let update = Update::decode_v1(update).context("reading an update")?;
    let insertions = update.insertions(true);
    let ranges = insertions.get(&ClientID::new(writer));
    Ok(ranges.and_then(|ranges| ranges.iter().map(|(range, ())| range.end).max()))
}

/// Writer and end clock of an update with one block, which is an ASCII string.
fn one_insertion(update: &[u8]) -> Option<(u64, u32)> {
    const ORIGIN: u8 = 0x80;
    const RIGHT_ORIGIN: u8 = 0x40;
    const STRING: u8 = 4;
    let &[1, 1, ..] = update else { return None };
    let mut at = 2;
    let client = get_varint(update, &mut at).ok()?;
    let clock = get_varint(update, &mut at).ok()?;
    let info = *update.get(at)?;
    at += 1;
    if info & 0x1f != STRING {
        return None;
    }
    for side in [ORIGIN, RIGHT_ORIGIN] {
        if info & side != 0 {
            get_varint(update, &mut at).ok()?;
            get_varint(update, &mut at).ok()?;
        }
    }
    if info & (ORIGIN | RIGHT_ORIGIN) == 0 {
        // The name of the root type.
        let 1 = get_varint(update, &mut at).ok()? else {
            return None;
        };
        at += usize::try_from(get_varint(update, &mut at).ok()?).ok()?;
    }
    let length = usize::try_from(get_varint(update, &mut at).ok()?).ok()?;
    let text = update.get(at..at.checked_add(length)?)?;
    let end = clock.checked_add(length as u64)?;
    text.is_ascii()
        .then_some((client, u32::try_from(end).ok()?))
}

fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    let mut length = bytes.len();
    while length >= 0x80 {
        out.put_u8((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.put_u8(length as u8);
    out.put_slice(bytes);
}

fn get_varint(bytes: &[u8], at: &mut usize) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).context("a message that ends too early")?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    bail!("a number that never ends")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edits::Typist;

    fn payload_of(frame: &[u8]) -> Bytes {
        let header = match frame[1] & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let body = frame[header + 4..]
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(a, b)| a ^ b);
        body.collect()
    }

    #[test]
    fn what_is_sent_reads_as_what_it_is_in_every_dialect() {
        for dialect in [Dialect::Plain, Dialect::hocuspocus("room"), Dialect::Relay] {
            let update = vec![7; 70_000];
            let frame = dialect.update(&update);
            let Message::Update(body) = dialect.read(&payload_of(&frame)).unwrap() else {
                panic!("not an update");
            };
            assert_eq!(body, update);
            let step2 = dialect.read(&payload_of(&dialect.empty_step2())).unwrap();
            assert!(matches!(step2, Message::Step2(body) if body == EMPTY_UPDATE));
        }
    }

    #[test]
    fn a_patch_reads_as_what_it_is() {
        let frame = Dialect::Store.update(b"patch");
        let Message::Update(body) = Dialect::Store.read(&payload_of(&frame)).unwrap() else {
            panic!("not a patch");
        };
        assert_eq!(body, &b"patch"[..]);
    }

    #[test]
    fn frames_are_taken_once_they_are_complete() {
        let mut whole = vec![0x82, 126, 0, 200];
        whole.extend([1; 200]);
        let mut buffer = BytesMut::new();
        for &byte in &whole[..203] {
            buffer.put_u8(byte);
            assert!(Frame::take(&mut buffer).unwrap().is_none());
        }
        buffer.put_u8(1);
        let frame = Frame::take(&mut buffer).unwrap().unwrap();
        assert_eq!(
            (frame.opcode, frame.payload.len(), buffer.len()),
            (Opcode::Binary, 200, 0)
        );
    }

    #[test]
    fn the_end_clock_by_hand_is_the_one_of_yrs() {
        let mut typist = Typist::new(77);
        for expected in 1..100 {
            let update = typist.type_one();
            assert_eq!(one_insertion(&update), Some((77, expected)));
            let insertions = Update::decode_v1(&update).unwrap().insertions(true);
            let ranges = insertions.get(&ClientID::new(77)).unwrap();
            assert_eq!(
                ranges.iter().map(|(range, ())| range.end).max(),
                Some(expected)
            );
        }
    }

    #[test]
    fn the_end_clock_of_merged_updates_is_the_last() {
        let mut typist = Typist::new(77);
        let updates: Vec<Vec<u8>> = (0..10).map(|_| typist.type_one()).collect();
        let merged = yrs::merge_updates_v1(&updates[4..]).unwrap();
        assert_eq!(end_clock(&merged, 77).unwrap(), Some(10));
        assert_eq!(end_clock(&merged, 78).unwrap(), None);
    }
}
