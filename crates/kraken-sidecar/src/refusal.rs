//! Answers of the gateway itself, in the form that the process uses too.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::session::Unavailable;

/// An error with the usual code of its status.
pub(crate) fn refuse(status: StatusCode, message: &str) -> Response {
    let code = match status {
        StatusCode::BAD_REQUEST => "bad_request",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => "timeout",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UPGRADE_REQUIRED => "upgrade_required",
        StatusCode::TOO_MANY_REQUESTS => "too_many",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "refused",
    };
    error(status, code, message)
}

/// An error that the process names, for which waiting may help if its status says so.
pub(crate) fn refuse_for(status: StatusCode, code: &str, message: &str) -> Response {
    let response = error(status, code, message);
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            retry_after(response, Duration::from_secs(1))
        }
        _ => response,
    }
}

pub(crate) fn refuse_unavailable(reason: Unavailable) -> Response {
    let message = match reason {
        Unavailable::Down => "the Kraken process is not reachable, try again soon",
        Unavailable::Busy => "too busy, try again soon",
    };
    let response = refuse(StatusCode::SERVICE_UNAVAILABLE, message);
    retry_after(response, Duration::from_secs(1))
}

/// For an address that has to wait this long before it may try again.
pub(crate) fn refuse_too_many_handshakes(wait: Duration) -> Response {
    let message = "too many WebSocket handshakes from this address, try again later";
    let response = error(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_handshakes",
        message,
    );
    retry_after(response, wait)
}

/// The health of a gateway without a link.
pub(crate) fn unhealthy() -> Response {
    let body = json!({
        "status": "unavailable",
        "version": env!("CARGO_PKG_VERSION"),
        "link": "down",
    });
    json_response(StatusCode::SERVICE_UNAVAILABLE, &body)
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    json_response(
        status,
        &json!({ "error": { "code": code, "message": message } }),
    )
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Says after how many whole seconds to come back, at least one.
fn retry_after(mut response: Response, wait: Duration) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}
