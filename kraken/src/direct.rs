//! Sockets of the node's own HTTP server, and requests that came through it.

use crate::OWNER_PATH;
use bytes::Bytes;
use kinode_process_lib::http::server::{IncomingHttpRequest, WsMessageType, send_ws_push};
use kinode_process_lib::{LazyLoadBlob, get_blob};
use kraken_core::{ChannelId, HttpRequest, Push, Way};
use url::form_urlencoded::Serializer;

/// What a client of the node pushed; `None` if the core has no use for it.
pub(crate) fn incoming(kind: WsMessageType) -> Option<Push> {
    let bytes = || get_blob().map_or_else(Bytes::new, |blob| blob.bytes.into());
    match kind {
        WsMessageType::Binary => Some(Push::Binary(bytes())),
        WsMessageType::Text => Some(Push::Text(bytes())),
        WsMessageType::Pong => Some(Push::Pong(bytes())),
        // The node answers pings, and tells of a close by a message of its own.
        WsMessageType::Ping | WsMessageType::Close => None,
    }
}

/// Pushes something to a client of the node.
pub(crate) fn push(channel: ChannelId, push: Push) {
    let (kind, bytes) = match push {
        Push::Binary(bytes) => (WsMessageType::Binary, bytes),
        Push::Text(bytes) => (WsMessageType::Text, bytes),
        Push::Ping(bytes) => (WsMessageType::Ping, bytes),
        Push::Pong(bytes) => (WsMessageType::Pong, bytes),
    };
    let blob = LazyLoadBlob {
        mime: None,
        bytes: bytes.into(),
    };
    send_ws_push(channel.0, kind, blob);
}

/// A request as the core knows it.
pub(crate) fn request(request: &IncomingHttpRequest, our: &str) -> HttpRequest {
    let path = request.path().unwrap_or_default();
    let is_owner = request.bound_path(Some(our)).starts_with(OWNER_PATH);
    let (way, path) = match (is_owner, path.strip_prefix(OWNER_PATH)) {
        (true, Some(path)) => (Way::Owner, path.to_owned()),
        (true, None) | (false, _) => (Way::Node, path),
    };
    let headers = request.headers();
    let text = headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let address = request.source_socket_addr();
    HttpRequest {
        method: request
            .method()
            .map_or_else(|_| String::new(), |method| method.to_string()),
        path,
        query: query(request),
        headers: text.collect(),
        remote: address.ok().map(|address| address.ip()),
        way,
        body: get_blob().map_or_else(Bytes::new, |blob| blob.bytes.into()),
    }
}

/// The query, which the node hands over decoded.
fn query(request: &IncomingHttpRequest) -> Option<String> {
    let parameters = request.query_params();
    let mut query = Serializer::new(String::new());
    query.extend_pairs(parameters);
    (!parameters.is_empty()).then(|| query.finish())
}
