//! Requests to engines and monitors.

use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;
use thiserror::Error;

/// How long an answer may take. Less than clients wait for theirs.
const TIMEOUT: Duration = Duration::from_secs(8);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes of an answer.
const LONGEST: usize = 4 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum CallError {
    /// Nobody takes connections there.
    #[error("it can't be reached")]
    Unreachable,
    /// The answer broke off, took too long, or is too large.
    #[error("it gave no answer")]
    NoAnswer,
}

/// Sends JSON by `POST`, over connections that are kept.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient(Client<HttpConnector, Body>);

impl HttpClient {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Sends `body`, with `authorization` if there is one, and gives the answer.
    pub(crate) async fn post(
        &self,
        url: &str,
        authorization: Option<&HeaderValue>,
        body: impl Into<Body>,
    ) -> Result<(StatusCode, Bytes), CallError> {
        let mut request = Request::post(url).header(CONTENT_TYPE, "application/json");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request
            .body(body.into())
            .map_err(|_| CallError::Unreachable)?;
        let exchange = async {
            let response =
                self.0
                    .request(request)
                    .await
                    .map_err(|error| match error.is_connect() {
                        true => CallError::Unreachable,
                        false => CallError::NoAnswer,
                    })?;
            let status = response.status();
            let body = axum::body::to_bytes(Body::new(response.into_body()), LONGEST).await;
            let body = body.map_err(|_| CallError::NoAnswer)?;
            Ok((status, body))
        };
        let answered = tokio::time::timeout(TIMEOUT, exchange).await;
        answered.unwrap_or(Err(CallError::NoAnswer))
    }
}

/// The header that shows a key.
pub(crate) fn bearer(key: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
