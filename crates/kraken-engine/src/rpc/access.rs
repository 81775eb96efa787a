//! Who may see more than others.

use crate::config::RpcConfig;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use std::net::SocketAddr;
use subtle::ConstantTimeEq;

/// What a request may see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    has_key: bool,
    sees_sessions: bool,
}

impl Access {
    pub(super) fn new(config: &RpcConfig, headers: &HeaderMap) -> Self {
        let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let shown = shown.and_then(|value| value.strip_prefix(b"Bearer "));
        let has_key = match (&config.key, shown) {
            (Some(key), Some(shown)) => bool::from(key.as_bytes().ct_eq(shown)),
            (None, _) | (_, None) => false,
        };
        Self {
            has_key,
            sees_sessions: has_key || config.list_shows_sessions,
        }
    }

    /// Whether the request shows the engine's key.
    pub(super) fn has_key(self) -> bool {
        self.has_key
    }

    /// Whether it may see the sessions of peers, and so speak for them.
    pub(super) fn sees_sessions(self) -> bool {
        self.sees_sessions
    }
}

/// Whether a request comes from this machine, and not through a proxy on it.
pub(super) fn is_this_machine(client: Option<SocketAddr>, headers: &HeaderMap) -> bool {
    let is_forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name));
    client.is_some_and(|client| client.ip().is_loopback()) && !is_forwarded
}
