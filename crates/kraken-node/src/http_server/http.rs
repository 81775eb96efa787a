//! HTTP requests to processes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::bindings::{Access, HttpBinding};
use super::wire::{self, Event};
use crate::id::random_id;
use crate::kernel::Kernel;
use crate::message::{Blob, Envelope, Message, Request};

/// How long a process has to answer, in seconds.
pub(super) const ANSWER_WITHIN: u64 = 15;

/// Requests that processes haven't answered yet.
#[derive(Default)]
pub(super) struct PendingRequests(Mutex<HashMap<u64, oneshot::Sender<Envelope>>>);

/// A request, and where it came from.
pub(super) struct Incoming {
    pub(super) parts: Parts,
    /// The path without a slash at its end.
    pub(super) path: String,
    /// The host without port.
    pub(super) host: String,
    pub(super) client: Option<SocketAddr>,
}

impl Incoming {
    pub(super) fn is_local(&self) -> bool {
        self.client.is_some_and(|client| client.ip().is_loopback())
    }

    fn query(&self) -> HashMap<String, String> {
        let query = self.parts.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    fn headers(&self) -> HashMap<String, String> {
        let headers = self.parts.headers.iter();
        headers
            .map(|(name, value)| {
                let value = value.to_str().unwrap_or_default();
                (name.as_str().to_owned(), value.to_owned())
            })
            .collect()
    }
}

/// Why a request isn't passed on.
pub(super) enum Refusal {
    Login,
    Status(StatusCode),
    Redirect(String),
    Content(Blob),
}

/// Decides what can be decided without the process.
pub(super) fn screen(
    server: &super::HttpServer,
    incoming: &Incoming,
    binding: &HttpBinding,
) -> Result<(), Refusal> {
    let headers = &incoming.parts.headers;
    if let Access::Secure(subdomain) = &binding.access
        && incoming.host.split('.').next() != Some(subdomain.as_str())
    {
        return Err(Refusal::Redirect(on_subdomain(incoming, subdomain)));
    }
    if !server
        .login
        .allows(&binding.access, &incoming.host, headers)
    {
        return Err(Refusal::Login);
    }
    if binding.local_only && !incoming.is_local() {
        return Err(Refusal::Status(StatusCode::FORBIDDEN));
    }
    match &binding.content {
        Some(content) if incoming.parts.method == Method::GET => {
            Err(Refusal::Content(content.clone()))
        }
        _ => Ok(()),
    }
}

/// Asks the process.
pub(super) async fn ask(
    kernel: &Arc<Kernel>,
    incoming: &Incoming,
    binding: HttpBinding,
    url_params: HashMap<String, String>,
    body: Bytes,
) -> Response {
    let event = Event::Http(Box::new(wire::Request {
        source_socket_addr: incoming.client.map(|client| client.to_string()),
        method: incoming.parts.method.as_str(),
        url: format!("http://{}{}", incoming.host, incoming.path),
        bound_path: binding.path,
        headers: incoming.headers(),
        url_params,
        query_params: incoming.query(),
    }));
    let request = Envelope {
        id: random_id(),
        source: kernel.http_server.id.clone(),
        target: binding.process,
        rsvp: None,
        message: Message::Request(Request {
            expects_response: Some(ANSWER_WITHIN),
            body: event.to_body(),
            ..Request::default()
        }),
        blob: Some(Blob {
            mime: None,
            bytes: body,
        }),
    };
    match kernel.http_server.pending.ask(kernel, request).await {
        Ok(answer) => respond(answer),
        Err(status) => plain(status),
    }
}

impl PendingRequests {
    /// Sends a request in the name of the server and awaits the answer.
    pub(super) async fn ask(
        &self,
        kernel: &Arc<Kernel>,
        request: Envelope,
    ) -> Result<Envelope, StatusCode> {
        let id = request.id;
        let (sender, receiver) = oneshot::channel();
        self.0.lock().insert(id, sender);
        let _forget = Forget { pending: self, id };
        let answer = async {
            kernel.send(request).await;
            receiver.await
        };
        match tokio::time::timeout(Duration::from_secs(ANSWER_WITHIN), answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(StatusCode::INTERNAL_SERVER_ERROR),
            Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        }
    }

    pub(super) fn answer(&self, answer: Envelope) {
        if let Some(sender) = self.0.lock().remove(&answer.id) {
            // Fails only if the client has gone.
            let _ = sender.send(answer);
        }
    }
}

struct Forget<'a> {
    pending: &'a PendingRequests,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.pending.0.lock().remove(&self.id);
    }
}

fn respond(answer: Envelope) -> Response {
    let Message::Response(message) = answer.message else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let Ok(head) = serde_json::from_slice::<wire::Response>(&message.body) else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let body = answer.blob.map(|blob| blob.bytes).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    octet_stream(headers);
    for (name, value) in head.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            headers.insert(name, value);
        }
    }
    // The length is that of the body, whatever the process says.
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    response
}

/// An answer without a body.
pub(super) fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    octet_stream(response.headers_mut());
    response
}

pub(super) fn octet_stream(headers: &mut HeaderMap) {
    let value = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, value);
}

fn on_subdomain(incoming: &Incoming, subdomain: &str) -> String {
    let headers = &incoming.parts.headers;
    let text = |name: &str, default| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or(default).to_owned()
    };
    let query = incoming.parts.uri.query();
    format!(
        "{}://{subdomain}.{}{}{}",
        text("x-forwarded-proto", "http"),
        text("host", "localhost"),
        incoming.path,
        query.map(|query| format!("?{query}")).unwrap_or_default(),
    )
}
