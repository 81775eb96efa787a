//! What statements are given, and what their rows hold, as the node writes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::fmt::Write;

/// Parameters of a statement, as the JSON array that the node reads.
#[derive(Default)]
pub(super) struct Parameters {
    json: String,
}

impl Parameters {
    /// A name: as bytes, like everything that is no number.
    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.separate();
        self.json.push('"');
        STANDARD.encode_string(bytes, &mut self.json);
        self.json.push('"');
    }

    pub(super) fn number(&mut self, number: u64) {
        self.separate();
        // Writing to a string can't fail.
        let _ = write!(self.json, "{number}");
    }

    pub(super) fn null(&mut self) {
        self.separate();
        self.json.push_str("null");
    }

    fn separate(&mut self) {
        self.json.push(if self.json.is_empty() { '[' } else { ',' });
    }

    pub(super) fn into_json(mut self) -> Vec<u8> {
        if self.json.is_empty() {
            self.json.push('[');
        }
        self.json.push(']');
        self.json.into_bytes()
    }
}

/// Reads bytes of a row.
pub(super) fn decode(text: &str) -> Result<Bytes, String> {
    let bytes = STANDARD.decode(text.as_bytes());
    bytes
        .map(Bytes::from)
        .map_err(|error| format!("a row is not base64: {error}"))
}
