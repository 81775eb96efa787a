//! Who may see more than others.

use super::Client;
use crate::config::RpcConfig;
use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

/// What a request may see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    sees_sessions: bool,
}

impl Access {
    pub(crate) fn new(config: &RpcConfig, headers: &HeaderMap) -> Self {
        let has_key = shows(config.key.as_deref(), headers);
        Self {
            sees_sessions: has_key || config.list_shows_sessions,
        }
    }

    /// Whether it may see the sessions of peers, and so speak for them.
    pub(crate) fn sees_sessions(self) -> bool {
        self.sees_sessions
    }
}

/// Whether a request shows the key. Nobody does if there is none.
pub(crate) fn shows(key: Option<&str>, headers: &HeaderMap) -> bool {
    let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let shown = shown.and_then(|value| value.strip_prefix(b"Bearer "));
    match (key, shown) {
        (Some(key), Some(shown)) => bool::from(key.as_bytes().ct_eq(shown)),
        (None, _) | (_, None) => false,
    }
}

/// Whether a request comes from this machine, and not through a proxy on it.
pub(crate) fn is_this_machine(client: Client, headers: &HeaderMap) -> bool {
    let client = client.map(|axum::Extension(ConnectInfo(address))| address);
    let is_forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name));
    client.is_some_and(|client| client.ip().is_loopback()) && !is_forwarded
}
