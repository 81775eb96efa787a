//! The HTTP API.
//!
//! Errors are JSON: `{"error": {"code", "message"}}`. Times are milliseconds since the Unix epoch.

mod apps;
mod calls;
mod cors;
mod pages;
mod questions;
mod server;
mod stores;
mod tickets;
mod usage;
mod whip;

pub(crate) use questions::Questions;

use crate::grant::Refusal;
use crate::ids::{AppId, RequestId, Timestamp};
use crate::origin::Origin;
use crate::{Core, Effect, Settings, connect, token};
use bytes::Bytes;
use questions::Asked;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::net::IpAddr;
use whip::Door;

/// An HTTP request, as far as the API looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: Option<String>,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The client's address, if it is known.
    pub remote: Option<IpAddr>,
    /// How it came.
    pub way: Way,
    /// The body.
    pub body: Bytes,
}

/// How a request came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Through a gateway.
    #[default]
    Gateway,
    /// Through the node's own HTTP server.
    Node,
    /// Likewise, and the node has checked its owner's login.
    Owner,
}

/// The answer to an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// Why a request is not answered as asked.
struct Failure {
    status: u16,
    code: Cow<'static, str>,
    message: String,
    header: Option<(&'static str, &'static str)>,
}

type Answer = Result<HttpResponse, Failure>;

const NOT_FOUND: Refusal = Refusal::new(404, "not_found", "there is nothing here");
const NO_SUCH_APP: Refusal = Refusal::new(404, "no_such_app", "there is no such app");
const NOT_ADMIN: Refusal = Refusal::new(401, "unauthorized", "this needs the admin token");
const NOT_ENOUGH: Refusal = Refusal::new(
    403,
    "forbidden",
    "this needs the admin token, not one for documents",
);
const GATEWAY_ONLY: Refusal = Refusal::new(
    501,
    "gateway_only",
    "what concerns calls is to be asked for at the gateway",
);
const CROSS_SITE: Refusal = Refusal::new(
    403,
    "cross_site",
    "the owner's login is for pages of this node only",
);

/// Reads a field that may be absent, but not null.
fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Reads a field that may be absent; null is its default.
fn nullable<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    let value = Option::<T>::deserialize(deserializer)?;
    Ok(Some(value.unwrap_or_default()))
}

impl HttpRequest {
    /// The first value of a header.
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own == name)?;
        Some(&found.1)
    }

    fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    fn parameter(&self, name: &str) -> Option<String> {
        connect::parameter(self.query.as_deref()?, name)
    }

    /// Reads the body. An empty one is `{}`.
    fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let body: &[u8] = match self.body.is_empty() {
            true => b"{}",
            false => &self.body,
        };
        serde_json::from_slice(body).map_err(|error| Failure::bad_request(error.to_string()))
    }

    /// Whether a page of another site made this, in a browser that has the owner's login.
    fn is_cross_site(&self) -> bool {
        let host = self.header("host").unwrap_or_default();
        let is_own = |origin| Origin::parse(origin).is_some_and(|origin| origin.is_at(host));
        let is_same = |site| matches!(site, "same-origin" | "none");
        !self.header("origin").is_none_or(is_own)
            || !self.header("sec-fetch-site").is_none_or(is_same)
    }

    /// Whether this comes from the very machine, and not through a proxy on it.
    fn is_local(&self) -> bool {
        let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip"];
        self.remote.is_some_and(|remote| remote.is_loopback())
            && forwarded.iter().all(|name| self.header(name).is_none())
    }
}

impl HttpResponse {
    fn new(status: u16, content_type: &str, body: String) -> Self {
        let headers = [
            ("content-type", content_type),
            ("cache-control", "no-store"),
        ];
        Self {
            status,
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            body: body.into(),
        }
    }

    fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// An answer without a body.
    fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Failure {
    fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            header: None,
        }
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "bad_request", message)
    }

    fn method_not_allowed(allowed: &'static str) -> Self {
        Self {
            header: Some(("allow", allowed)),
            ..Self::new(405, "method_not_allowed", format!("use {allowed}"))
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            header: match refusal.status {
                401 => Some(("www-authenticate", "Bearer")),
                429 | 503 => Some(("retry-after", "1")),
                _ => None,
            },
            ..Self::new(refusal.status, refusal.code, refusal.message)
        }
    }
}

impl From<Failure> for HttpResponse {
    fn from(failure: Failure) -> Self {
        let error = json!({ "code": failure.code, "message": failure.message });
        let response = Self::json(failure.status, &json!({ "error": error }));
        match failure.header {
            Some((name, value)) => response.header(name, value),
            None => response,
        }
    }
}

impl Core {
    /// Answers a request, or asks the engine what to answer.
    pub(crate) fn respond(&mut self, id: RequestId, request: &HttpRequest, now: Timestamp) {
        let origin = cors::allowed_origin(request, &self.settings.registry).map(str::to_owned);
        let answer = match origin.is_some() && cors::is_preflight(request) {
            true => Ok(cors::preflight()),
            false => match self.question(request, now) {
                Some(asked) => {
                    let asked =
                        asked.and_then(|asked| self.ask_engine(id, asked, origin.clone(), now));
                    match asked {
                        Ok(()) => return,
                        Err(failure) => Err(failure),
                    }
                }
                None => self.route(request, now),
            },
        };
        let response = answer.unwrap_or_else(HttpResponse::from);
        let response = cors::allow(response, origin.as_deref());
        self.effects.push(Effect::Respond {
            request: id,
            response,
        });
    }

    /// What a request asks of the engine, if it does.
    fn question(&self, request: &HttpRequest, now: Timestamp) -> Option<Result<Asked, Failure>> {
        let door = Door::of(&request.path).filter(|_| request.method != "OPTIONS");
        if door.is_none() && !matches!(request.path.as_str(), "/api/calls" | "/api/recordings") {
            return None;
        }
        // The node takes an answer only while it asks.
        if request.way != Way::Gateway {
            return Some(Err(GATEWAY_ONLY.into()));
        }
        Some(match door {
            Some((door, rest)) => self.enter(door, rest, request, now),
            None if request.path == "/api/calls" => self.calls(request, now),
            None => self.recordings(request, now),
        })
    }

    fn route(&mut self, request: &HttpRequest, now: Timestamp) -> Answer {
        if request.way == Way::Owner && request.is_cross_site() {
            return Err(CROSS_SITE.into());
        }
        let segments: Vec<_> = request.path.split('/').skip(1).collect();
        match segments.as_slice() {
            ["health"] => self.health(request),
            ["metrics"] => self.metrics(request, now),
            ["api", "apps"] => self.apps(request, now),
            ["api", "apps", id] => self.app(id, request, now),
            ["api", "apps", id, "secrets"] => self.app_secrets(id, request, now),
            ["api", "apps", id, "secrets", number] => self.app_secret(id, number, request, now),
            ["api", "apps", id, "tokens"] => self.app_tokens(id, request, now),
            ["api", "tickets"] => self.issue_ticket(request, now),
            ["api", "credentials"] => self.renew_credentials(request, now),
            ["api", "settings"] => self.server_settings(request, now),
            ["api", "link"] => self.link(request, now),
            ["api", "rooms"] => self.list_rooms(request, now),
            ["api", "stores"] => self.list_stores(request, now),
            ["api", "stores", id] => self.store(id, request, now),
            ["api", "revocations"] => self.revocations(request, now),
            ["api", "revocations", id] => self.revocation(id, request, now),
            ["api", "token"] => self.store_token(request, now),
            ["whip" | "whep", _, ..] if request.method == "OPTIONS" => whip::options(),
            ["ws" | "signal", ..] => Ok(stores::not_found()),
            _ if connect::is_socket_path(&request.path) => Err(Failure {
                header: Some(("upgrade", "websocket")),
                ..Failure::new(426, "upgrade_required", "this is a WebSocket, not a page")
            }),
            _ => self.page(request).unwrap_or(Err(NOT_FOUND.into())),
        }
    }

    /// Lets only the owner pass: by the admin token, or the node's login.
    fn check_admin(&self, request: &HttpRequest, now: Timestamp) -> Result<(), Failure> {
        if request.way == Way::Owner {
            return Ok(());
        }
        let Settings {
            credentials,
            registry,
            ..
        } = &self.settings;
        let bearer = request.bearer().unwrap_or_default();
        if credentials.is_admin(bearer) {
            return Ok(());
        }
        let is_client = credentials.is_master(bearer)
            || token::is_jwt(bearer) && token::verify(bearer, registry, now).is_ok();
        Err(match is_client {
            true => NOT_ENOUGH.into(),
            false => NOT_ADMIN.into(),
        })
    }

    /// Lets the owner pass, and whoever has a token with the scope `admin` of this app.
    fn check_app_admin(
        &self,
        app: &AppId,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let registry = &self.settings.registry;
        let is_of_app = |token: &str| {
            token::is_jwt(token)
                && token::verify(token, registry, now).is_ok_and(|grant| grant.administers(app))
        };
        match request.bearer().is_some_and(is_of_app) {
            true => Ok(()),
            false => self.check_admin(request, now),
        }
    }
}
