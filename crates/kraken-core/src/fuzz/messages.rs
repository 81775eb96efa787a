//! Messages of y-protocols.

use crate::doc::Document;
use crate::doc::message::{self, Message};
use bytes::Bytes;
use yrs::ClientID;

/// The text "kraken" by client 7, and its last letter deleted.
const UPDATE: &[u8] = &[
    1, 1, 7, 0, 4, 1, 1, b't', 6, b'k', b'r', b'a', b'k', b'e', b'n', 1, 7, 1, 5, 1,
];

/// Reads a frame of a client. What is read is written as it was read, and whoever asks for what is
/// missing is answered.
pub fn messages(data: &[u8]) {
    let mut document = Document::load(ClientID::new(1), None, &[]);
    document.record(UPDATE);
    let _ = message::parse_frame(&Bytes::copy_from_slice(data), |read, _| {
        if let Message::Step1(state_vector) = &read
            && message::validate_state_vector(state_vector).is_ok()
        {
            assert!(document.diff(state_vector).is_ok(), "no answer");
        }
        if let Some(written) = write(&read) {
            assert_eq!(again(&written), [(read, true)]);
        }
        Ok::<_, message::Malformed>(())
    });
}

/// A message as the server writes it, if it writes such messages.
fn write(message: &Message) -> Option<Bytes> {
    match message {
        Message::Step1(state_vector) => Some(message::step_1(state_vector)),
        Message::Step2(update) => Some(message::step_2(update)),
        Message::Update(update) => Some(message::update(update)),
        Message::Awareness(entries) => Some(message::awareness(entries)),
        Message::PermissionDenied(reason) => std::str::from_utf8(reason)
            .ok()
            .map(message::permission_denied),
        Message::QueryAwareness | Message::Ignored => None,
    }
}

fn again(written: &Bytes) -> Vec<(Message, bool)> {
    let mut read = Vec::new();
    let _ = message::parse_frame(written, |message, is_alone| {
        read.push((message, is_alone));
        Ok::<_, message::Malformed>(())
    });
    read
}
