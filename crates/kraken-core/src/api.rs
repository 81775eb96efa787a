//! The HTTP API.
//!
//! Errors are JSON: `{"error": {"code", "message"}}`.

use crate::auth::Credentials;
use crate::connect;
use crate::doc::Documents;
use bytes::Bytes;
use serde_json::{Value, json};

/// An HTTP request, as far as the API looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
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

impl HttpResponse {
    fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("cache-control".to_owned(), "no-store".to_owned()),
            ],
            body: body.to_string().into(),
        }
    }

    fn error(status: u16, code: &str, message: &str) -> Self {
        let error = json!({ "error": { "code": code, "message": message } });
        Self::json(status, &error)
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

pub(crate) fn respond(
    request: &HttpRequest,
    documents: &Documents,
    credentials: &Credentials,
) -> HttpResponse {
    match (request.path.as_str(), request.method.as_str()) {
        ("/health", "GET" | "HEAD") => health(documents, credentials),
        ("/health", _) => method_not_allowed("GET, HEAD"),
        (path, _) if connect::is_socket_path(path) => upgrade_required(),
        _ => HttpResponse::error(404, "not_found", "there is nothing here"),
    }
}

fn health(documents: &Documents, credentials: &Credentials) -> HttpResponse {
    let storage = match documents.is_storage_failing() {
        true => "failing",
        false => "ok",
    };
    let status = match (storage, credentials.is_set_up()) {
        ("ok", true) => "ok",
        (_, true) => "degraded",
        (_, false) => "not set up",
    };
    let body = json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "storage": storage,
        "connections": documents.connections(),
        "rooms": documents.rooms(),
    });
    HttpResponse::json(if status == "ok" { 200 } else { 503 }, &body)
}

fn upgrade_required() -> HttpResponse {
    HttpResponse::error(426, "upgrade_required", "this is a WebSocket, not a page")
        .header("upgrade", "websocket")
}

fn method_not_allowed(allowed: &str) -> HttpResponse {
    HttpResponse::error(405, "method_not_allowed", "use another method").header("allow", allowed)
}
