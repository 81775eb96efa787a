//! The JSON that the HTTP client and processes exchange.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// What a process asks the client for.
#[derive(Deserialize)]
pub(super) enum Action {
    Http(Outgoing),
    WebSocketOpen {
        url: String,
        headers: HashMap<String, String>,
        channel_id: u32,
    },
    WebSocketPush {
        channel_id: u32,
        message_type: MessageType,
    },
    WebSocketClose {
        channel_id: u32,
    },
}

/// An HTTP request; the body is in the blob.
#[derive(Deserialize)]
pub(super) struct Outgoing {
    pub(super) method: String,
    pub(super) version: Option<String>,
    pub(super) url: String,
    pub(super) headers: HashMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) enum MessageType {
    Text,
    Binary,
    Ping,
    Pong,
    Close,
}

/// What the client answers.
#[derive(Serialize)]
pub(super) enum Reply {
    Http(Head),
    WebSocketAck,
}

/// The head of an HTTP response; the body is in the blob.
#[derive(Serialize)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) headers: HashMap<String, String>,
}

/// What the client tells a process of a WebSocket.
#[derive(Serialize)]
pub(super) enum Event {
    WebSocketPush {
        channel_id: u32,
        message_type: MessageType,
    },
    WebSocketClose {
        channel_id: u32,
    },
}

#[derive(Debug, Serialize)]
pub(super) enum Error {
    MalformedRequest,
    BadMethod { method: String },
    BadUrl { url: String },
    BadVersion { version: String },
    ExecuteRequestFailed(String),
    WsOpenFailed { url: String },
    WsPushUnknownChannel { channel_id: u32 },
    WsPushNoBlob,
    WsPushBadText,
    WsCloseFailed { channel_id: u32 },
}
