//! JSON on the socket at `/`, for `@kinode/client-api`: what is said about which room.
//!
//! `{"kraken": "open", "room", "ticket"}` opens a room; `"sync"` and `"awareness"` carry one
//! message of y-protocols each, whole, as base64 in `"data"`; `"signal"` carries `"signal"`,
//! `"call"` carries `"call"`; `"close"` leaves a room. The process answers in kind, and with `"error"`.

use super::Push;
use crate::grant::Refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

pub(super) const NOT_OPEN: Refusal =
    Refusal::new(404, "not_open", "the room is not open on this socket");
pub(super) const NOT_BASE64: Refusal = Refusal::new(400, "bad_request", "data is not base64");
const NOT_UNDERSTOOD: Refusal = Refusal::new(
    400,
    "bad_request",
    "not JSON of the form {\"kraken\": \"open\" | \"sync\" | \"awareness\" | \"signal\" | \"call\" | \"close\", \"room\", …}",
);

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "kraken", rename_all = "lowercase")]
pub(super) enum Said<'a> {
    Open {
        room: String,
        ticket: Option<String>,
    },
    Sync {
        room: String,
        #[serde(borrow)]
        data: Cow<'a, str>,
    },
    Awareness {
        room: String,
        #[serde(borrow)]
        data: Cow<'a, str>,
    },
    Signal {
        room: String,
        signal: Map<String, Value>,
    },
    Call {
        room: String,
        call: Value,
    },
    Close {
        room: String,
    },
}

/// What a client is told.
#[derive(Serialize)]
#[serde(tag = "kraken", rename_all = "lowercase")]
pub(super) enum Envelope<'a> {
    Open {
        room: &'a str,
    },
    Sync {
        room: &'a str,
        data: String,
    },
    Awareness {
        room: &'a str,
        data: String,
    },
    Error {
        room: Option<&'a str>,
        code: &'a str,
        message: &'a str,
    },
    Close {
        room: &'a str,
        code: u16,
        reason: &'a str,
    },
}

impl<'a> Said<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(message).map_err(|_| NOT_UNDERSTOOD)
    }
}

/// A JSON object that isn't empty, with the room that it is about.
pub(super) fn of_room(room: &str, object: &[u8]) -> Bytes {
    let room = serde_json::to_string(room).unwrap_or_default();
    let rest = object.strip_prefix(b"{").unwrap_or(object);
    [format!("{{\"room\":{room},").as_bytes(), rest]
        .concat()
        .into()
}

/// The message that `data` carries.
pub(super) fn decode(data: &str) -> Option<Bytes> {
    STANDARD.decode(data).ok().map(Bytes::from)
}

impl<'a> Envelope<'a> {
    /// A message of y-protocols.
    pub(super) fn message(room: &'a str, message: &[u8]) -> Self {
        const AWARENESS: u8 = 1;
        let data = STANDARD.encode(message);
        match message.first() {
            Some(&AWARENESS) => Self::Awareness { room, data },
            _ => Self::Sync { room, data },
        }
    }

    /// Says that a room doesn't open.
    pub(super) fn refusal(code: &'a str, message: &'a str) -> impl FnOnce(&str) -> Push {
        move |room| {
            Envelope::Error {
                room: Some(room),
                code,
                message,
            }
            .encode()
        }
    }

    /// Says that a room is closed.
    pub(super) fn closing(code: u16, reason: &'a str) -> impl FnOnce(&str) -> Push {
        move |room| Envelope::Close { room, code, reason }.encode()
    }

    pub(super) fn encode(&self) -> Push {
        Push::Text(serde_json::to_vec(self).unwrap_or_default().into())
    }
}
