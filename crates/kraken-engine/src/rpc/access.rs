//! Who may see more than others.

use super::Client;
use crate::config::RpcConfig;
use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use kraken_sfu::RoomId;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// What a request may see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access<'a> {
    config: &'a RpcConfig,
    shown: Option<&'a [u8]>,
}

impl<'a> Access<'a> {
    pub(crate) fn new(config: &'a RpcConfig, headers: &'a HeaderMap) -> Self {
        Self {
            config,
            shown: bearer(headers),
        }
    }

    /// Whether it may see the sessions of a room's peers, and so speak for them: with the
    /// engine's key, with the room's, or if everybody may.
    pub(crate) fn sees_sessions(self, room: &RoomId) -> bool {
        let opens = |(key, shown): (&str, &[u8])| {
            let room_key = room_key(key, room);
            is_same(key.as_bytes(), shown)
                || room_key.is_some_and(|room_key| is_same(room_key.as_bytes(), shown))
        };
        let key = self.config.key.as_deref();
        self.config.list_shows_sessions || key.zip(self.shown).is_some_and(opens)
    }
}

/// What the engine's owner gives to who may see the sessions of one room.
fn room_key(key: &str, room: &RoomId) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(room.as_str().as_bytes());
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

/// Whether a request shows the key. Nobody does if there is none.
pub(crate) fn shows(key: Option<&str>, headers: &HeaderMap) -> bool {
    let shown = key.zip(bearer(headers));
    shown.is_some_and(|(key, shown)| is_same(key.as_bytes(), shown))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let shown = headers.get(AUTHORIZATION)?.as_bytes();
    shown.strip_prefix(b"Bearer ")
}

fn is_same(known: &[u8], shown: &[u8]) -> bool {
    known.ct_eq(shown).into()
}

/// Whether a request comes from this machine, and not through a proxy on it.
pub(crate) fn is_this_machine(client: Client, headers: &HeaderMap) -> bool {
    let client = client.map(|axum::Extension(ConnectInfo(address))| address);
    let is_forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name));
    client.is_some_and(|client| client.ip().is_loopback()) && !is_forwarded
}
