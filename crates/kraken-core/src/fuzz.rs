//! Bodies of the fuzz targets in `test/fuzz`, which `cargo test` runs over the corpus.

use crate::doc::message::{self, Message, Reader};
use crate::doc::{Awareness, AwarenessLimits, Document, Voice, update};
use crate::ids::{ConnectionId, Timestamp};
use bytes::Bytes;
use yrs::ClientID;

/// Records and integrates a row of updates, each behind its length.
pub fn updates(data: &[u8]) {
    let mut document = Document::load(ClientID::new(1), None, &[]);
    let mut reader = Reader::new(data);
    let mut turn = 0;
    while let Ok(bytes) = reader.var_bytes() {
        if update::validate(bytes).is_ok() {
            turn += 1;
            match turn % 3 {
                0 => {
                    document.record_if_news(bytes);
                }
                _ => document.record(bytes),
            }
        }
        if reader.remaining() == 0 {
            break;
        }
    }
    document.integrate();
    let segments: Vec<_> = document.take_segment().into_iter().collect();
    let _ = document.diff(&document.state_vector());
    let snapshot = document.snapshot();
    let mut loaded = Document::load(ClientID::new(2), snapshot.as_ref(), &segments);
    let _ = loaded.diff(&[0]);
}

/// Reads a frame of a client.
pub fn messages(data: &[u8]) {
    const LIMITS: AwarenessLimits = AwarenessLimits {
        entries: 64,
        state_bytes: 1024,
    };
    let _ = message::parse_frame(&Bytes::copy_from_slice(data), |message, _| match message {
        Message::Step1(state_vector) => message::validate_state_vector(&state_vector),
        Message::Step2(update) | Message::Update(update) => update::validate(&update).map(|_| ()),
        Message::Awareness(entries) => {
            let connection = ConnectionId(1);
            let mut awareness = Awareness::default();
            let _ = awareness.apply(connection, Voice::Own, &entries, LIMITS, Timestamp(0));
            awareness.encode_all();
            Ok(())
        }
        Message::QueryAwareness | Message::PermissionDenied(_) | Message::Ignored => Ok(()),
    });
}
