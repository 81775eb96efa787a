//! y-protocols by hand: enough to edit a document, and to see what others see of it.

use crate::failure::Failure;
use crate::net::{Heard, Net, Socket};

/// An edit, as Yjs encodes it: client 1 writes "hi" into the text "t" of an empty document.
pub(crate) const EDIT: [u8; 12] = [1, 1, 1, 0, 4, 1, 1, b't', 2, b'h', b'i', 0];
/// An edit that changes nothing: an empty document.
const NOTHING: [u8; 2] = [0, 0];

/// The beginnings of messages: the kind, and the kind within it.
const STEP_1: [u8; 2] = [0, 0];
const STEP_2: [u8; 2] = [0, 1];
const UPDATE: [u8; 2] = [0, 2];
const DENIED: [u8; 2] = [2, 0];

/// Asks for everything there is, as a client that has nothing, and compares it.
#[track_caller]
pub(crate) fn holds(net: &mut Net, socket: Socket, edit: Option<&[u8]>) -> Result<(), Failure> {
    // The state vector of one who has nothing says so in one byte.
    net.send(socket, message(STEP_1, &[0]))?;
    let expected = message(STEP_2, edit.unwrap_or(&NOTHING));
    let found = hear(net, socket, STEP_2)?;
    match found == expected {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "the document is {found:?} instead of {expected:?}"
        ))),
    }
}

#[track_caller]
pub(crate) fn edit(net: &Net, socket: Socket) -> Result<(), Failure> {
    net.send(socket, message(UPDATE, &EDIT))
}

/// Waits for the edit: from somebody else, or as the echo that says "saved".
#[track_caller]
pub(crate) fn hears_edit(net: &mut Net, socket: Socket) -> Result<(), Failure> {
    let found = hear(net, socket, UPDATE)?;
    match found == message(UPDATE, &EDIT) {
        true => Ok(()),
        false => Err(Failure::new(format!("another edit came: {found:?}"))),
    }
}

/// Waits to be told that one may not be here.
#[track_caller]
pub(crate) fn is_denied(net: &mut Net, socket: Socket) -> Result<(), Failure> {
    hear(net, socket, DENIED).map(|_| ())
}

/// The next message of this kind. What belongs to others is passed over, a refusal is not.
#[track_caller]
fn hear(net: &mut Net, socket: Socket, kind: [u8; 2]) -> Result<Vec<u8>, Failure> {
    loop {
        match net.next(socket)? {
            Heard::Binary(bytes) if bytes.starts_with(&kind) => return Ok(bytes),
            Heard::Binary(bytes) if bytes.starts_with(&DENIED) => {
                let reason =
                    String::from_utf8_lossy(bytes.get(3..).unwrap_or_default()).into_owned();
                return Err(Failure::new(format!("denied: {reason}")));
            }
            Heard::Binary(_) => {}
            other => return Err(Failure::new(format!("the socket says {other:?}"))),
        }
    }
}

/// A message of a kind, with its payload behind the payload's length.
fn message(kind: [u8; 2], payload: &[u8]) -> Vec<u8> {
    // Up to 127 a length is one byte.
    let length = payload.len() as u8;
    [&kind[..], &[length], payload].concat()
}
