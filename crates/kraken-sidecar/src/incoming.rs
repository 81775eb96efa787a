//! The incoming half of a client's socket: bytes into messages.
//!
//! An idle client holds no buffer at all, and one that has sent a large message holds none of it
//! once that is on the link.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::frame::{Header, Malformed, Opcode, apply_mask, is_close_code};

/// Bytes that are read at a time, while nothing larger is expected.
const CHUNK: usize = 16 * 1024;

/// What a client has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Binary(Bytes),
    /// Checked to be UTF-8.
    Text(Bytes),
    Ping(Bytes),
    Pong,
    /// The close code, if there is one.
    Close(Option<u16>),
}

/// Why what a client sends can't be understood any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A message is larger than allowed.
    TooLarge,
    /// Not the WebSocket protocol.
    Protocol,
    /// A text isn't UTF-8.
    Utf8,
}

impl From<Malformed> for Violation {
    fn from(_: Malformed) -> Self {
        Self::Protocol
    }
}

#[derive(Debug)]
pub(crate) struct Incoming {
    /// The largest message, in bytes.
    max_message: usize,
    /// Bytes received and not yet understood.
    buffer: BytesMut,
    /// Bytes that are missing of the frame at the start of the buffer, 0 if not known.
    missing: usize,
    /// The fragments of a message so far.
    fragments: Option<(Opcode, BytesMut)>,
    received: u64,
}

impl Incoming {
    pub(crate) fn new(max_message: usize) -> Self {
        Self {
            max_message,
            buffer: BytesMut::new(),
            missing: 0,
            fragments: None,
            received: 0,
        }
    }

    /// Bytes received so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Reads what is there. 0 is the end.
    pub(crate) fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        // Doubles at most, so that an announcement alone takes no memory.
        let room = self.missing.min(self.buffer.len()).max(CHUNK);
        self.buffer.reserve(room);
        let result = pin!(stream.read_buf(&mut self.buffer)).poll(cx);
        if let Poll::Ready(Ok(count)) = &result {
            self.received += *count as u64;
        }
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        result
    }

    /// The next message of what was read.
    pub(crate) fn next(&mut self) -> Result<Option<Input>, Violation> {
        while let Some((header, payload)) = self.next_frame()? {
            let input = match header.opcode {
                Opcode::Close => Some(Input::Close(close_code(payload)?)),
                Opcode::Ping => Some(Input::Ping(payload.freeze())),
                Opcode::Pong => Some(Input::Pong),
                Opcode::Continue => self.add_fragment(payload, header.is_final)?,
                Opcode::Text | Opcode::Binary if self.fragments.is_some() => {
                    return Err(Violation::Protocol);
                }
                Opcode::Text | Opcode::Binary if header.is_final => {
                    Some(message(header.opcode, payload)?)
                }
                Opcode::Text | Opcode::Binary => {
                    self.fragments = Some((header.opcode, payload));
                    None
                }
            };
            if input.is_some() {
                return Ok(input);
            }
        }
        Ok(None)
    }

    fn next_frame(&mut self) -> Result<Option<(Header, BytesMut)>, Violation> {
        self.missing = 0;
        let Some(header) = Header::parse(&self.buffer)? else {
            return Ok(None);
        };
        let length = usize::try_from(header.length).map_err(|_| Violation::TooLarge)?;
        let before = self
            .fragments
            .as_ref()
            .map_or(0, |(_, fragments)| fragments.len());
        if !header.opcode.is_control() && length > self.max_message.saturating_sub(before) {
            return Err(Violation::TooLarge);
        }
        let whole = header.size + length;
        if self.buffer.len() < whole {
            self.missing = whole - self.buffer.len();
            return Ok(None);
        }
        self.buffer.advance(header.size);
        let mut payload = self.buffer.split_to(length);
        if length > CHUNK {
            // Leaves the large buffer to the payload.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        apply_mask(&mut payload, header.mask);
        Ok(Some((header, payload)))
    }

    fn add_fragment(
        &mut self,
        payload: BytesMut,
        is_final: bool,
    ) -> Result<Option<Input>, Violation> {
        let Some((opcode, mut fragments)) = self.fragments.take() else {
            return Err(Violation::Protocol);
        };
        fragments.extend_from_slice(&payload);
        if is_final {
            return message(opcode, fragments).map(Some);
        }
        self.fragments = Some((opcode, fragments));
        Ok(None)
    }
}

fn message(opcode: Opcode, payload: BytesMut) -> Result<Input, Violation> {
    if opcode != Opcode::Text {
        return Ok(Input::Binary(payload.freeze()));
    }
    match std::str::from_utf8(&payload) {
        Ok(_) => Ok(Input::Text(payload.freeze())),
        Err(_) => Err(Violation::Utf8),
    }
}

fn close_code(mut payload: BytesMut) -> Result<Option<u16>, Violation> {
    if payload.is_empty() {
        return Ok(None);
    }
    let code = payload.try_get_u16().map_err(|_| Violation::Protocol)?;
    if !is_close_code(code) {
        return Err(Violation::Protocol);
    }
    std::str::from_utf8(&payload).map_err(|_| Violation::Utf8)?;
    Ok(Some(code))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::Bytes;
    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    use super::{Incoming, Input, Violation};
    use crate::frame::{Opcode, apply_mask, put_header};

    const MAX_MESSAGE: usize = 100_000;

    /// A client's frame.
    fn frame(opcode: Opcode, is_final: bool, payload: &[u8]) -> Vec<u8> {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let mut bytes = Vec::new();
        put_header(&mut bytes, opcode, is_final, payload.len());
        bytes[1] |= 0x80;
        bytes.extend(mask);
        let start = bytes.len();
        bytes.extend(payload);
        apply_mask(&mut bytes[start..], mask);
        bytes
    }

    /// What comes out of these bytes, when they arrive in pieces of this size.
    fn read(bytes: &[u8], piece: usize) -> Result<Vec<Input>, Violation> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut incoming = Incoming::new(MAX_MESSAGE);
        let mut inputs = Vec::new();
        for mut piece in bytes.chunks(piece) {
            while !piece.is_empty() {
                let fill = poll_fn(|cx| incoming.poll_fill(&mut piece, cx));
                runtime.block_on(fill).unwrap();
                while let Some(input) = incoming.next()? {
                    inputs.push(input);
                }
            }
        }
        Ok(inputs)
    }

    fn input() -> impl Strategy<Value = Input> {
        prop_oneof![
            vec(any::<u8>(), 0..300).prop_map(|payload| Input::Binary(payload.into())),
            (17_000..MAX_MESSAGE).prop_map(|size| Input::Binary(vec![7; size].into())),
            ".{0,90}".prop_map(|text| Input::Text(text.into())),
            vec(any::<u8>(), 0..125).prop_map(|payload| Input::Ping(payload.into())),
            Just(Input::Pong),
            Just(Input::Close(Some(4400))),
            Just(Input::Close(None)),
        ]
    }

    /// The frames of an input, in so many fragments if it may have some.
    fn frames_of(input: &Input, fragments: usize) -> Vec<u8> {
        let (opcode, payload) = match input {
            Input::Binary(payload) => (Opcode::Binary, payload.clone()),
            Input::Text(payload) => (Opcode::Text, payload.clone()),
            Input::Ping(payload) => (Opcode::Ping, payload.clone()),
            Input::Pong => (Opcode::Pong, Bytes::new()),
            Input::Close(Some(code)) => (Opcode::Close, code.to_be_bytes().to_vec().into()),
            Input::Close(None) => (Opcode::Close, Bytes::new()),
        };
        if opcode.is_control() || payload.is_empty() {
            return frame(opcode, true, &payload);
        }
        let pieces: Vec<_> = payload.chunks(payload.len().div_ceil(fragments)).collect();
        let last = pieces.len() - 1;
        let frames = pieces.iter().enumerate().map(|(index, piece)| {
            let opcode = if index == 0 { opcode } else { Opcode::Continue };
            frame(opcode, index == last, piece)
        });
        frames.collect::<Vec<_>>().concat()
    }

    proptest! {
        #[test]
        fn messages_come_out_however_they_are_cut(
            inputs in vec((input(), 1..5usize), 1..6),
            piece in 1..40_000usize,
        ) {
            let bytes: Vec<_> = inputs.iter().flat_map(|(input, count)| frames_of(input, *count)).collect();
            let expected: Vec<_> = inputs.into_iter().map(|(input, _)| input).collect();
            assert!(read(&bytes, piece).unwrap() == expected);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 1..500), piece in 1..100usize) {
            let _ = read(&bytes, piece);
        }
    }

    #[test]
    fn control_frames_may_come_between_fragments() {
        let bytes = [
            frame(Opcode::Text, false, "ü".as_bytes().split_at(1).0),
            frame(Opcode::Ping, true, b"p"),
            frame(Opcode::Continue, true, "ü".as_bytes().split_at(1).1),
        ];
        let expected = [
            Input::Ping(Bytes::from_static(b"p")),
            Input::Text(Bytes::from_static("ü".as_bytes())),
        ];
        assert_eq!(read(&bytes.concat(), 3).unwrap(), expected);
    }

    #[test]
    fn a_message_may_be_as_large_as_allowed_and_no_larger() {
        let half = vec![0; MAX_MESSAGE / 2];
        let fits = [
            frame(Opcode::Binary, false, &half),
            frame(Opcode::Continue, true, &half),
        ];
        assert_eq!(read(&fits.concat(), 5000).unwrap().len(), 1);
        let half = vec![0; MAX_MESSAGE / 2 + 1];
        let too_large = [
            frame(Opcode::Binary, false, &half),
            frame(Opcode::Continue, true, &half),
        ];
        assert_eq!(read(&too_large.concat(), 5000), Err(Violation::TooLarge));
        let announced = &frame(Opcode::Binary, true, &vec![0; MAX_MESSAGE + 1])[..14];
        assert_eq!(read(announced, 14), Err(Violation::TooLarge));
    }

    #[test]
    fn what_breaks_the_protocol_is_refused() {
        let close = |payload: &[u8]| frame(Opcode::Close, true, payload);
        let twice = [
            frame(Opcode::Text, false, b"a"),
            frame(Opcode::Text, true, b"b"),
        ]
        .concat();
        for (bytes, violation) in [
            (frame(Opcode::Continue, true, b""), Violation::Protocol),
            (twice, Violation::Protocol),
            (frame(Opcode::Text, true, &[0xFF]), Violation::Utf8),
            (close(&[3]), Violation::Protocol),
            (close(&1005u16.to_be_bytes()), Violation::Protocol),
            (close(&[3, 0xE8, 0xFF]), Violation::Utf8),
        ] {
            assert_eq!(read(&bytes, 4), Err(violation), "{bytes:x?}");
        }
    }

    #[test]
    fn nothing_is_held_of_what_was_read() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut incoming = Incoming::new(MAX_MESSAGE);
        let bytes = [
            frame(Opcode::Binary, true, &vec![0; MAX_MESSAGE]),
            vec![0x82],
        ]
        .concat();
        let mut stream = &bytes[..];
        while !stream.is_empty() {
            runtime
                .block_on(poll_fn(|cx| incoming.poll_fill(&mut stream, cx)))
                .unwrap();
            incoming.next().unwrap();
        }
        assert_eq!(incoming.buffer.len(), 1, "the start of another frame");
        assert!(incoming.buffer.capacity() < 100);
    }
}
