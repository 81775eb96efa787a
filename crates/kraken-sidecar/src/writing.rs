//! The outgoing half of a client's socket: messages into bytes.
//!
//! Small messages are gathered into one write; large ones are written from where they are, which
//! all clients of a room share. An idle client holds no buffer.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::frame::{MAX_CONTROL, Opcode, is_close_code, put_header};
use crate::metrics::Traffic;
use crate::outbox::{End, Outbox, Outgoing};

/// Bytes that are gathered for one write. Larger payloads aren't copied.
const GATHERED: usize = 16 * 1024;

/// Larger messages leave in fragments of this many bytes, so that a close frame needn't wait for
/// the end of a long message.
const FRAGMENT: usize = 128 * 1024;

/// A queue with more room than this isn't kept for the next batch.
const KEPT_CAPACITY: usize = 64;

/// A batch on its way to the client.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    batch: VecDeque<Outgoing>,
    /// What is left of the message whose first fragment has left.
    rest: Option<Bytes>,
    /// Control frames for the next place between frames.
    control: Vec<u8>,
    /// Frames that are being written, and how much of them has been.
    gathered: Vec<u8>,
    position: usize,
    /// The payload of the last of them, if it is large.
    payload: Bytes,
    written: u64,
    /// Marks before which everything has been handed to the operating system.
    marks: usize,
}

impl Writing {
    /// Whether everything has been handed to the operating system.
    pub(crate) fn is_done(&self) -> bool {
        self.batch.is_empty()
            && self.rest.is_none()
            && self.control.is_empty()
            && self.gathered.is_empty()
            && self.payload.is_empty()
    }

    /// Bytes that the operating system has taken so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Takes everything that waits, when the last batch is done, and counts it. Returns the end, if
    /// one follows.
    pub(crate) fn fill(&mut self, outbox: &Outbox, sent: &Traffic) -> Option<End> {
        if self.batch.capacity() > KEPT_CAPACITY {
            self.batch = VecDeque::new();
        }
        let (taken, end) = outbox.take(&mut self.batch);
        sent.add(taken.messages, taken.bytes);
        end
    }

    /// How many marks have been reached since the last call.
    pub(crate) fn take_marks(&mut self) -> usize {
        std::mem::take(&mut self.marks)
    }

    pub(crate) fn ping(&mut self) {
        self.put_control(Opcode::Ping, &[]);
    }

    /// Answers a ping, unless more pings came than answers go.
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        if self.control.len() < 4 * MAX_CONTROL {
            self.put_control(Opcode::Pong, payload);
        }
    }

    /// Sends a close frame before anything that waits, which is dropped. A code or reason that a
    /// close frame can't carry is replaced or cut.
    pub(crate) fn close(&mut self, code: Option<u16>, reason: &str) {
        const INTERNAL_ERROR: u16 = 1011;
        self.batch = VecDeque::new();
        self.rest = None;
        let mut payload = Vec::new();
        if let Some(code) = code {
            let code = if is_close_code(code) {
                code
            } else {
                INTERNAL_ERROR
            };
            payload.extend(code.to_be_bytes());
            let length = reason.floor_char_boundary(MAX_CONTROL - payload.len());
            payload.extend(&reason.as_bytes()[..length]);
        }
        self.put_control(Opcode::Close, &payload);
    }

    /// Writes until everything has been handed to the operating system.
    pub(crate) fn poll<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.position == self.gathered.len() && self.payload.is_empty() {
                self.gather();
                if self.gathered.is_empty() {
                    return Pin::new(stream).poll_flush(cx);
                }
            }
            let gathered = &self.gathered[self.position..];
            let count = if self.payload.is_empty() {
                ready!(Pin::new(&mut *stream).poll_write(cx, gathered))?
            } else {
                let slices = [IoSlice::new(gathered), IoSlice::new(&self.payload)];
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &slices))?
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_gathered = count.min(gathered.len());
            self.position += of_gathered;
            self.payload.advance(count - of_gathered);
            if self.payload.is_empty() {
                // Even an empty slice would keep the whole message in memory.
                self.payload = Bytes::new();
            }
            self.written += count as u64;
        }
    }

    /// Puts the next frames together.
    fn gather(&mut self) {
        self.position = 0;
        self.gathered = std::mem::take(&mut self.control);
        while self.gathered.len() < GATHERED {
            let Some((opcode, payload, is_final)) = self.next_frame() else {
                return;
            };
            put_header(&mut self.gathered, opcode, is_final, payload.len());
            if payload.len() > GATHERED {
                self.payload = payload;
                return;
            }
            self.gathered.extend_from_slice(&payload);
        }
    }

    fn next_frame(&mut self) -> Option<(Opcode, Bytes, bool)> {
        let (opcode, mut payload) = match self.rest.take() {
            Some(rest) => (Opcode::Continue, rest),
            None => self.next_message()?,
        };
        let is_final = payload.len() <= FRAGMENT;
        if !is_final {
            self.rest = Some(payload.split_off(FRAGMENT));
        }
        Some((opcode, payload, is_final))
    }

    fn next_message(&mut self) -> Option<(Opcode, Bytes)> {
        loop {
            return Some(match self.batch.pop_front()? {
                Outgoing::Binary(payload) => (Opcode::Binary, payload),
                Outgoing::Text(payload) => (Opcode::Text, payload),
                Outgoing::Mark => {
                    self.marks += 1;
                    continue;
                }
            });
        }
    }

    fn put_control(&mut self, opcode: Opcode, payload: &[u8]) {
        put_header(&mut self.control, opcode, true, payload.len());
        self.control.extend_from_slice(payload);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::task::{Context, Poll, Waker};

    use bytes::Bytes;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
    use tokio_tungstenite::tungstenite::{Message, WebSocket};

    use super::{FRAGMENT, GATHERED, Writing};
    use crate::metrics::Traffic;
    use crate::outbox::{Outbox, Outgoing};

    fn write(writing: &mut Writing, out: &mut (impl tokio::io::AsyncWrite + Unpin)) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        matches!(writing.poll(out, &mut cx), Poll::Ready(Ok(())))
    }

    /// What a client that speaks WebSocket makes of these bytes.
    fn read(bytes: Vec<u8>) -> Vec<Message> {
        let config = WebSocketConfig::default();
        let mut socket = WebSocket::from_raw_socket(Cursor::new(bytes), Role::Client, Some(config));
        std::iter::from_fn(|| socket.read().ok()).collect()
    }

    #[test]
    fn messages_of_every_size_arrive_in_order() {
        let sizes = [
            0,
            1,
            125,
            126,
            GATHERED,
            GATHERED + 1,
            0xFFFF,
            0x1_0000,
            FRAGMENT,
            3 * FRAGMENT + 1,
        ];
        let outbox = Outbox::new(usize::MAX);
        let payload = |size: usize| Bytes::from(vec![size as u8; size]);
        outbox.push(sizes.map(|size| Outgoing::Binary(payload(size))));
        outbox.push([Outgoing::Text(Bytes::from_static(b"text"))]);
        let mut writing = Writing::default();
        assert_eq!(writing.fill(&outbox, &Traffic::default()), None);
        let mut out = Vec::new();
        assert!(write(&mut writing, &mut out));
        assert!(writing.is_done());
        assert_eq!(writing.written(), out.len() as u64);
        assert_eq!(
            writing.gathered.capacity(),
            0,
            "an idle client holds no buffer"
        );

        let mut expected: Vec<_> = sizes.map(|size| Message::Binary(payload(size))).into();
        expected.push(Message::text("text"));
        assert!(read(out) == expected);
    }

    #[test]
    fn what_was_written_is_not_kept() {
        let outbox = Outbox::new(usize::MAX);
        let payload = Bytes::from(vec![0; 2 * FRAGMENT]);
        outbox.push([Outgoing::Binary(payload.clone())]);
        let mut writing = Writing::default();
        writing.fill(&outbox, &Traffic::default());
        assert!(!payload.is_unique());
        assert!(write(&mut writing, &mut Vec::new()));
        assert!(payload.is_unique());
    }

    #[test]
    fn a_slow_stream_gets_the_same_bytes() {
        let outbox = Outbox::new(usize::MAX);
        outbox.push(
            (0..50).map(|number| Outgoing::Binary(vec![number; 1000 * number as usize].into())),
        );
        let mut writing = Writing::default();
        writing.fill(&outbox, &Traffic::default());
        let (mut out, mut client) = tokio::io::duplex(777);
        let mut received = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while !write(&mut writing, &mut out) {
            let mut chunk = [0; 500];
            let mut buffer = tokio::io::ReadBuf::new(&mut chunk);
            let read = tokio::io::AsyncRead::poll_read(
                std::pin::Pin::new(&mut client),
                &mut cx,
                &mut buffer,
            );
            assert!(read.is_ready());
            received.extend_from_slice(buffer.filled());
        }
        assert!(writing.is_done());
        let sizes: Vec<_> = read(received).iter().map(Message::len).collect();
        assert_eq!(
            sizes[..49],
            (0..49).map(|number| 1000 * number).collect::<Vec<_>>()
        );
    }

    #[test]
    fn control_frames_pass_what_waits_and_a_close_drops_it() {
        let outbox = Outbox::new(usize::MAX);
        outbox.push([Outgoing::Binary(vec![0; 10 * FRAGMENT].into())]);
        let mut writing = Writing::default();
        writing.fill(&outbox, &Traffic::default());
        let (mut out, mut client) = tokio::io::duplex(FRAGMENT);
        assert!(!write(&mut writing, &mut out));
        writing.ping();
        writing.close(Some(4500), "slow");
        let mut sink = vec![0; 3 * FRAGMENT];
        let mut buffer = tokio::io::ReadBuf::new(&mut sink);
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            let done = write(&mut writing, &mut out);
            let client = std::pin::Pin::new(&mut client);
            if tokio::io::AsyncRead::poll_read(client, &mut cx, &mut buffer).is_pending() && done {
                break;
            }
        }
        let received = buffer.filled();
        assert!(
            received.len() < 2 * FRAGMENT,
            "the rest of the message is not sent"
        );
        assert_eq!(
            received[received.len() - 10..],
            [0x89, 0, 0x88, 6, 0x11, 0x94, b's', b'l', b'o', b'w']
        );
    }

    #[test]
    fn a_close_frame_is_always_valid() {
        for (code, reason, expected) in [
            (Some(4401), "no".to_owned(), Some((4401, 2))),
            (Some(0), String::new(), Some((1011, 0))),
            (Some(1006), String::new(), Some((1011, 0))),
            (Some(1000), "ü".repeat(100), Some((1000, 122))),
            (None, String::new(), None),
        ] {
            let mut writing = Writing::default();
            writing.close(code, &reason);
            let mut out = Vec::new();
            assert!(write(&mut writing, &mut out));
            let [Message::Close(close)] = &read(out)[..] else {
                panic!()
            };
            let close = close
                .as_ref()
                .map(|frame| (u16::from(frame.code), frame.reason.len()));
            assert_eq!(close, expected);
        }
    }

    #[test]
    fn a_flood_of_pings_is_not_answered_without_end() {
        let mut writing = Writing::default();
        (0..1000).for_each(|_| writing.pong(&[0; 125]));
        assert!(writing.control.len() < 1000);
    }
}
