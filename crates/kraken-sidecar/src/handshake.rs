//! WebSocket handshakes: the process decides, before the client gets any answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    AUTHORIZATION, CONNECTION, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use kraken_link::Handshake;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::address::ClientAddress;
use crate::client;
use crate::gateway::Shared;
use crate::refusal::{refuse, refuse_for, refuse_too_many_handshakes, refuse_unavailable};
use crate::server::ConnectionPermit;
use crate::session::{Unavailable, Verdict};

/// Whether a request asks for a WebSocket, maybe in a wrong way.
pub(crate) fn is_upgrade(request: &Request) -> bool {
    has_token(request.headers(), &UPGRADE, "websocket")
}

/// Answers a handshake.
pub(crate) async fn open(shared: &Arc<Shared>, request: Request) -> Response {
    let response = negotiate(shared, request).await;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        shared.metrics.refuse(response.status());
    }
    response
}

/// Puts the handshake to the process, unless its address has tried too often, and answers as the
/// process says. What doesn't get to the process costs little and isn't counted as an attempt, so
/// that clients may come back at once when the link does.
async fn negotiate(shared: &Arc<Shared>, mut request: Request) -> Response {
    let accept_key = match check(&request) {
        Ok(key) => key,
        Err(response) => return *response,
    };
    let Some(session) = shared.session() else {
        return refuse_unavailable(Unavailable::Down);
    };
    let address = ClientAddress::of(&request, &shared.config.trusted_proxies);
    if let Err(wait) = count_attempt(shared, &address) {
        shared.metrics.limited.add(1);
        return refuse_too_many_handshakes(wait);
    }
    let (place, verdict) = match session.open(handshake_of(&request, &address)) {
        Ok(opened) => opened,
        Err(reason) => return refuse_unavailable(reason),
    };
    match timeout(shared.config.handshake_timeout, verdict).await {
        Ok(Ok(Verdict::Accept(client))) => {
            let protocol = first_protocol(request.headers());
            let permit = request.extensions().get::<ConnectionPermit>().cloned();
            let upgrade = hyper::upgrade::on(&mut request);
            shared.metrics.accepted.add(1);
            tokio::spawn(client::run(shared.clone(), upgrade, client, place, permit));
            switch_protocols(accept_key, protocol)
        }
        Ok(Ok(Verdict::Refuse {
            status,
            code,
            reason,
        })) => {
            place.forget();
            let status = StatusCode::from_u16(status).ok();
            let status = status.filter(|status| status.as_u16() >= 400);
            refuse_for(status.unwrap_or(StatusCode::FORBIDDEN), &code, &reason)
        }
        Ok(Err(_)) => refuse_unavailable(Unavailable::Down),
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, "no answer in time"),
    }
}

/// Fails with the time to wait if the address has tried too often. This machine may try as often as
/// it likes: it is the owner's, or that of a proxy that isn't trusted and stands for everybody.
fn count_attempt(shared: &Shared, address: &ClientAddress) -> Result<(), Duration> {
    match (&shared.attempts, address.counted) {
        (Some(attempts), Some(address)) if !address.is_loopback() => {
            attempts.count(address, Instant::now())
        }
        _ => Ok(()),
    }
}

/// What RFC 6455, 4.2.1, asks of a client. Returns the key of the answer.
pub(crate) fn check(request: &Request) -> Result<HeaderValue, Box<Response>> {
    let headers = request.headers();
    let bad = |reason| Box::new(refuse(StatusCode::BAD_REQUEST, reason));
    // Which of two counts is what proxies and servers disagree about.
    for name in [ORIGIN, AUTHORIZATION] {
        if headers.get_all(name).iter().count() > 1 {
            return Err(bad("Origin and Authorization are given once at most"));
        }
    }
    if request.method() != Method::GET {
        return Err(bad("a WebSocket handshake is a GET request"));
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err(bad("a WebSocket handshake has `Connection: Upgrade`"));
    }
    if headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        let mut response = refuse(StatusCode::UPGRADE_REQUIRED, "only WebSocket version 13");
        response
            .headers_mut()
            .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(Box::new(response));
    }
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY) else {
        return Err(bad("a WebSocket handshake has a key"));
    };
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| bad("a key is text"))
}

pub(crate) fn handshake_of(request: &Request, address: &ClientAddress) -> Handshake {
    let text = |name| text_of(request.headers(), &name);
    Handshake {
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        origin: text(ORIGIN),
        bearer: text(AUTHORIZATION).and_then(|value| bearer_of(&value).map(str::to_owned)),
        user_agent: text(USER_AGENT),
        remote: address.text(),
    }
}

fn bearer_of(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The sub-protocol that the client offers first: the process speaks them all, or none.
fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let first = offered.split(',').next()?.trim();
    if first.is_empty() {
        None
    } else {
        HeaderValue::from_str(first).ok()
    }
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value
                .split(',')
                .any(|offered| offered.trim().eq_ignore_ascii_case(token))
        })
}

fn switch_protocols(accept_key: HeaderValue, protocol: Option<HeaderValue>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept_key);
    if let Some(protocol) = protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::bearer_of;

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        assert_eq!(bearer_of("Bearer abc"), Some("abc"));
        assert_eq!(bearer_of("bearer  abc "), Some("abc"));
        assert_eq!(bearer_of("Basic abc"), None);
        assert_eq!(bearer_of("Bearer"), None);
    }
}
