//! Plain HTTP requests: the process answers them all.

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};

use crate::address::ClientAddress;
use crate::gateway::Shared;
use crate::refusal::{refuse, refuse_unavailable, unhealthy};
use crate::session::{Answer, Question, Unavailable};

/// The largest body, in bytes, that always has room.
pub const SMALL_BODY: usize = 16 * 1024;

/// Puts the request to the process and answers as it says. To its metrics the gateway adds its own.
pub(crate) async fn forward(shared: &Shared, request: Request) -> Response {
    let is_for_metrics = request.method() == Method::GET && request.uri().path() == "/metrics";
    let Some(session) = shared.session() else {
        return match request.uri().path() {
            "/health" => unhealthy(),
            _ => refuse_unavailable(Unavailable::Down),
        };
    };
    let Arrived { question, room } = match read(shared, request).await {
        Ok(arrived) => arrived,
        Err(response) => return *response,
    };
    let asked = session.ask(question);
    drop(room);
    let mut asked = match asked {
        Ok(asked) => asked,
        Err(reason) => return refuse_unavailable(reason),
    };
    match timeout(shared.config.request_timeout, &mut asked.answer).await {
        Ok(Ok(mut answer)) => {
            if is_for_metrics && is_text(&answer) {
                answer.body = append(&answer.body, &shared.render_metrics().await);
            }
            respond(answer)
        }
        Ok(Err(_)) => refuse_unavailable(Unavailable::Down),
        Err(_) => refuse(StatusCode::GATEWAY_TIMEOUT, "no answer in time"),
    }
}

/// A request that has arrived, and the room that its body takes.
struct Arrived<'a> {
    question: Question,
    room: Option<SemaphorePermit<'a>>,
}

async fn read(shared: &Shared, request: Request) -> Result<Arrived<'_>, Box<Response>> {
    let config = &shared.config;
    let remote = ClientAddress::of(&request, &config.trusted_proxies).text();
    let (head, body) = request.into_parts();
    let too_large = || {
        let message = format!("a body has at most {} bytes", config.max_body);
        Box::new(refuse(StatusCode::PAYLOAD_TOO_LARGE, &message))
    };
    // A body that is announced as too large isn't read.
    if body.size_hint().lower() > config.max_body as u64 {
        return Err(too_large());
    }
    let due = Instant::now() + config.request_timeout;
    let Ok(room) = timeout_at(due, room_for(shared, body.size_hint().upper())).await else {
        return Err(Box::new(refuse_unavailable(Unavailable::Busy)));
    };
    let body = match timeout_at(due, to_bytes(body, config.max_body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(too_large()),
        Err(_) => {
            return Err(Box::new(refuse(
                StatusCode::REQUEST_TIMEOUT,
                "the body is late",
            )));
        }
    };
    let question = Question {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: end_to_end(&head.headers),
        remote,
        body,
    };
    Ok(Arrived { question, room })
}

/// Waits until a body may be received. Small ones may at once, so that large ones that never end
/// are in nobody's way but each other's.
async fn room_for(shared: &Shared, announced: Option<u64>) -> Option<SemaphorePermit<'_>> {
    let largest = shared.config.max_body;
    let bytes = announced.map_or(largest, |bytes| {
        usize::try_from(bytes).map_or(largest, |bytes| bytes.min(largest))
    });
    if bytes <= SMALL_BODY {
        return None;
    }
    let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
    shared.bodies.acquire_many(permits).await.ok()
}

/// The headers that are meant for the process, as far as they are text.
pub(crate) fn end_to_end(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, _)| !is_hop_by_hop(name));
    kept.filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    })
    .collect()
}

/// Whether the process has answered with text that may be added to.
fn is_text(answer: &Answer) -> bool {
    let is_text = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()) && value.starts_with("text/plain")
    };
    answer.status == StatusCode::OK.as_u16() && answer.headers.iter().any(is_text)
}

/// Lines after lines, of which the last may be open.
fn append(text: &[u8], lines: &str) -> Bytes {
    let is_open = text.last().is_some_and(|last| *last != b'\n');
    let end: &[u8] = if is_open { b"\n" } else { b"" };
    Bytes::from([text, end, lines.as_bytes()].concat())
}

fn respond(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = match StatusCode::from_u16(answer.status) {
        Ok(status) if status.as_u16() >= 200 => status,
        _ => StatusCode::BAD_GATEWAY,
    };
    for (name, value) in answer.headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value))
        else {
            tracing::debug!("the process sent a malformed header");
            continue;
        };
        // `Upgrade` belongs to one connection as well, but a 426 has to name what it wants.
        if name == UPGRADE {
            let upgrade = HeaderValue::from_static("upgrade");
            response.headers_mut().insert(CONNECTION, upgrade);
            response.headers_mut().insert(name, value);
        } else if !is_hop_by_hop(&name) && name != CONTENT_LENGTH {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Headers of one connection, not of the request or response (RFC 9110, 7.6.1).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ]
    .contains(name)
}
