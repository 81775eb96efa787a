//! What becomes of a WebSocket handshake.

use crate::auth::Credentials;
use crate::close;
use crate::ids::{AppId, RoomId, RoomName};

/// What a client asked for when it opened a WebSocket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Path as sent, percent-encoded.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: Option<String>,
    /// `Origin` header.
    pub origin: Option<String>,
    /// What follows `Bearer ` in the `Authorization` header.
    pub bearer: Option<String>,
    /// `User-Agent` header.
    pub user_agent: Option<String>,
}

/// What to do with a handshake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Let it into this document.
    Document(RoomId),
    /// Answer with an HTTP status.
    Refuse { status: u16, reason: String },
    /// Accept and close: a browser shows its page neither the status nor the reason of a refused
    /// handshake, and y-websocket would try for ever.
    AcceptAndClose { code: u16, reason: String },
}

/// First path segments that are no room's name, so that what comes there later breaks nobody.
const RESERVED: [&str; 8] = [
    "api", "doc", "health", "metrics", "signal", "t", "whip", "ws",
];

pub(crate) fn decide(handshake: &Handshake, credentials: &Credentials) -> Outcome {
    match admit(handshake, credentials) {
        Ok(room) => Outcome::Document(room),
        Err((status, reason)) if handshake.is_browser() => Outcome::AcceptAndClose {
            code: close::for_status(status),
            reason,
        },
        Err((status, reason)) => Outcome::Refuse { status, reason },
    }
}

fn admit(handshake: &Handshake, credentials: &Credentials) -> Result<RoomId, (u16, String)> {
    let refuse = |status, reason: &str| Err((status, reason.to_owned()));
    if !credentials.is_set_up() {
        return refuse(503, "no tokens are set up");
    }
    let Some(name) = room_path(&handshake.path) else {
        return refuse(404, "no such socket; documents are at /doc/<room>");
    };
    let token = handshake.query_token();
    let token = token.as_deref().or(handshake.bearer.as_deref());
    if !token.is_some_and(|token| credentials.is_master(token)) {
        return refuse(401, "missing or wrong token");
    }
    let Some(room) = percent_decode(name).as_deref().and_then(RoomName::parse) else {
        return refuse(400, "a room's name is UTF-8 text of 1 to 1024 bytes");
    };
    Ok(RoomId {
        app: AppId::default_app(),
        room,
    })
}

/// Whether a path without an upgrade deserves 426 rather than 404.
pub(crate) fn is_socket_path(path: &str) -> bool {
    path.starts_with("/doc/") && room_path(path).is_some()
}

/// The part of a path that names a room: `/doc/<room>`, or `/<room>` as y-websocket makes it of
/// a server URL without a path.
fn room_path(path: &str) -> Option<&str> {
    let path = path.strip_prefix('/')?;
    match path.strip_prefix("doc/") {
        Some(room) => Some(room).filter(|room| !room.is_empty()),
        None => {
            let first = path.split('/').next()?;
            (!first.is_empty() && !RESERVED.contains(&first)).then_some(path)
        }
    }
}

impl Handshake {
    /// Browsers send an origin, and a `User-Agent` that begins like this.
    fn is_browser(&self) -> bool {
        let user_agent = self.user_agent.as_deref().unwrap_or_default();
        self.origin.is_some() && user_agent.starts_with("Mozilla/")
    }

    /// The first `token` of the query.
    fn query_token(&self) -> Option<String> {
        let query = self.query.as_deref()?;
        let value = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("token="))?;
        percent_decode(&value.replace('+', " "))
    }
}

/// Decodes percent escapes; what is no escape stays as it is. `None` if that isn't UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escape = match (first, tail) {
            (b'%', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                decoded.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::TokenHash;

    fn credentials() -> Credentials {
        Credentials {
            master: Some(TokenHash::of("secret")),
            admin: Some(TokenHash::of("admin")),
        }
    }

    fn handshake(path: &str) -> Handshake {
        Handshake {
            path: path.to_owned(),
            query: Some("token=secret".to_owned()),
            ..Handshake::default()
        }
    }

    fn room(path: &str) -> Option<String> {
        match decide(&handshake(path), &credentials()) {
            Outcome::Document(room) => Some(room.room.as_str().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn co1_the_room_is_the_rest_of_the_path_decoded() {
        assert_eq!(room("/doc/a").as_deref(), Some("a"));
        assert_eq!(room("/a").as_deref(), Some("a"));
        assert_eq!(room("/doc/a/b%20c%C3%A4").as_deref(), Some("a/b cä"));
        assert_eq!(room("/a%2Fb").as_deref(), Some("a/b"));
        assert_eq!(room("/doc/100%").as_deref(), Some("100%"));
        assert_eq!(room("/doc/%zz").as_deref(), Some("%zz"));
        assert_eq!(room("/doc/%ff"), None);
        assert_eq!(room("/doc/doc").as_deref(), Some("doc"));
    }

    #[test]
    fn co2_reserved_paths_are_no_rooms() {
        for path in [
            "/",
            "/doc",
            "/doc/",
            "/api/x",
            "/ws/store",
            "/health",
            "/t/x/doc/y",
        ] {
            assert_eq!(room(path), None, "{path}");
        }
    }

    #[test]
    fn co3_a_wrong_token_is_401_and_4401_for_a_browser() {
        let mut wrong = handshake("/doc/a");
        wrong.query = Some("token=other".to_owned());
        assert!(matches!(
            decide(&wrong, &credentials()),
            Outcome::Refuse { status: 401, .. }
        ));
        wrong.origin = Some("https://app.example.com".to_owned());
        wrong.user_agent = Some("Mozilla/5.0 (X11)".to_owned());
        assert!(matches!(
            decide(&wrong, &credentials()),
            Outcome::AcceptAndClose { code: 4401, .. }
        ));
    }

    #[test]
    fn co4_the_token_may_come_as_bearer_or_escaped() {
        let mut bearer = handshake("/doc/a");
        bearer.query = None;
        bearer.bearer = Some("secret".to_owned());
        assert!(matches!(
            decide(&bearer, &credentials()),
            Outcome::Document(_)
        ));
        let mut escaped = handshake("/doc/a");
        escaped.query = Some("x=1&token=%73ecret&token=other".to_owned());
        assert!(matches!(
            decide(&escaped, &credentials()),
            Outcome::Document(_)
        ));
    }

    #[test]
    fn co5_nobody_is_let_in_before_tokens_are_set_up() {
        let outcome = decide(&handshake("/doc/a"), &Credentials::default());
        assert!(matches!(outcome, Outcome::Refuse { status: 503, .. }));
    }
}
