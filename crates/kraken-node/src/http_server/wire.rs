//! The JSON that the HTTP server and processes exchange.

use std::collections::HashMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What a process asks the server for.
#[derive(Deserialize, Serialize)]
pub(super) enum Action {
    Bind {
        path: String,
        authenticated: bool,
        local_only: bool,
        cache: bool,
    },
    SecureBind {
        path: String,
        cache: bool,
    },
    Unbind {
        path: String,
    },
    WebSocketBind {
        path: String,
        authenticated: bool,
        extension: bool,
    },
    WebSocketSecureBind {
        path: String,
        extension: bool,
    },
    WebSocketUnbind {
        path: String,
    },
    WebSocketPush {
        channel_id: u32,
        message_type: MessageType,
    },
    WebSocketExtPushOutgoing {
        channel_id: u32,
        message_type: MessageType,
        desired_reply_type: Wrapped,
    },
    WebSocketExtPushData {
        id: u64,
        kinode_message_type: Wrapped,
        blob: Vec<u8>,
    },
    WebSocketClose(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum MessageType {
    Text,
    Binary,
    Ping,
    Pong,
    Close,
}

/// What an extension's message becomes for the process.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(super) enum Wrapped {
    Request,
    Response,
}

/// What the server tells a process.
#[derive(Serialize)]
pub(super) enum Event<'a> {
    Http(Box<Request<'a>>),
    WebSocketOpen {
        path: &'a str,
        channel_id: u32,
    },
    WebSocketPush {
        channel_id: u32,
        message_type: MessageType,
    },
    WebSocketClose(u32),
}

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) source_socket_addr: Option<String>,
    pub(super) method: &'a str,
    pub(super) url: String,
    pub(super) bound_path: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) url_params: HashMap<String, String>,
    pub(super) query_params: HashMap<String, String>,
}

/// How a process answers an HTTP request; the body is in the blob.
#[derive(Deserialize)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: HashMap<String, String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) enum Error {
    MalformedRequest,
    NoBlob,
    InvalidSourceProcess,
    WsPingPongTooLong,
    WsChannelNotFound,
}

impl Event<'_> {
    pub(super) fn to_body(&self) -> Bytes {
        to_json(self).into()
    }
}

/// Encodes what can always be encoded: strings, numbers and maps of strings.
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
