//! What a client sends on a WebSocket.

use std::io::{self, Read, Write};
use std::task::{Context, Poll, Waker};

use tokio_tungstenite::tungstenite;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::frame::{Opcode, put_header};
use crate::incoming::{Incoming, Input, Violation};

const MAX_MESSAGE: usize = 1 << 10;

/// Takes any bytes behind the first as what a client sends, in pieces as large as the first says.
/// However they are cut, the messages are those that another implementation reads, and are read
/// again when they are sent.
pub fn websocket(data: &[u8]) {
    let Some((&piece, bytes)) = data.split_first() else {
        return;
    };
    let whole = read(bytes, usize::MAX);
    assert_eq!(read(bytes, usize::from(piece).max(1)), whole);
    compare(&whole, &read_by_another(bytes, Role::Server));
    send(&whole.inputs);
}

#[derive(Debug, PartialEq)]
struct Ours {
    /// Up to the first that closes.
    inputs: Vec<Input>,
    violation: Option<Violation>,
}

fn read(bytes: &[u8], piece: usize) -> Ours {
    let mut incoming = Incoming::new(MAX_MESSAGE);
    let mut ours = Ours {
        inputs: Vec::new(),
        violation: None,
    };
    for mut piece in bytes.chunks(piece) {
        while !piece.is_empty() {
            let filled = incoming.poll_fill(&mut piece, &mut Context::from_waker(Waker::noop()));
            assert!(matches!(filled, Poll::Ready(Ok(1..))), "bytes aren't read");
            loop {
                match incoming.next() {
                    Ok(Some(input)) => {
                        let is_last = matches!(input, Input::Close(_));
                        ours.inputs.push(input);
                        if is_last {
                            return ours;
                        }
                    }
                    Ok(None) => break,
                    Err(violation) => {
                        ours.violation = Some(violation);
                        return ours;
                    }
                }
            }
        }
    }
    ours
}

struct Theirs {
    messages: Vec<Message>,
    error: Option<Error>,
}

fn read_by_another(bytes: &[u8], role: Role) -> Theirs {
    let config = WebSocketConfig::default()
        .read_buffer_size(MAX_MESSAGE)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let mut socket = WebSocket::from_raw_socket(Tape(bytes), role, Some(config));
    let mut messages = Vec::new();
    let error = loop {
        match socket.read() {
            Ok(message) => {
                let is_last = message.is_close();
                messages.push(message);
                if is_last {
                    break None;
                }
            }
            Err(Error::Io(_)) => break None,
            Err(error) => break Some(error),
        }
    };
    Theirs { messages, error }
}

fn compare(ours: &Ours, theirs: &Theirs) {
    let common = ours.inputs.len().min(theirs.messages.len());
    for (input, message) in ours.inputs.iter().zip(&theirs.messages) {
        assert!(is_same(input, message), "{input:?} is {message:?}");
    }
    if let Some(message) = theirs.messages.get(common) {
        // They take control frames whose length is written longer than it has to be, and make a bad
        // close frame one of their own.
        let is_control = message.is_ping() || message.is_pong() || message.is_close();
        let is_refused = ours.violation == Some(Violation::Protocol);
        assert!(is_control && is_refused, "{message:?} isn't read");
        return;
    }
    match &theirs.error {
        None => assert_eq!(ours.inputs.len(), common),
        // They look at fragments of text as they come.
        Some(Error::Utf8(_)) => {}
        Some(error) => assert!(ours.violation.is_some(), "{error}"),
    }
}

fn is_same(input: &Input, message: &Message) -> bool {
    match (input, message) {
        (Input::Binary(ours), Message::Binary(theirs))
        | (Input::Ping(ours), Message::Ping(theirs)) => ours == theirs,
        (Input::Text(ours), Message::Text(theirs)) => ours[..] == *theirs.as_bytes(),
        (Input::Pong, Message::Pong(_)) => true,
        (Input::Close(ours), Message::Close(theirs)) => {
            let theirs = theirs.as_ref().map(|frame| frame.code.into());
            *ours == theirs || theirs == Some(CloseCode::Protocol.into())
        }
        _ => false,
    }
}

/// Sends messages as a server does, each in a frame.
fn send(inputs: &[Input]) {
    let mut bytes = Vec::new();
    let mut sent = Vec::new();
    for input in inputs {
        let (opcode, payload) = match input {
            Input::Binary(payload) => (Opcode::Binary, payload),
            Input::Text(payload) => (Opcode::Text, payload),
            Input::Ping(payload) => (Opcode::Ping, payload),
            Input::Pong | Input::Close(_) => continue,
        };
        put_header(&mut bytes, opcode, true, payload.len());
        bytes.extend_from_slice(payload);
        sent.push(input);
    }
    let received = read_by_another(&bytes, Role::Client).messages;
    assert_eq!(received.len(), sent.len());
    let mut pairs = sent.into_iter().zip(&received);
    assert!(pairs.all(|(input, message)| is_same(input, message)));
}

/// What was received; what is sent goes nowhere.
struct Tape<'a>(&'a [u8]);

impl Read for Tape<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            result => result,
        }
    }
}

impl Write for Tape<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
