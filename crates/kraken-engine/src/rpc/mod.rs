//! The HTTP API: the JSON-RPC of Mixin Kraken, and metrics.

pub(crate) mod access;
pub(crate) mod call;
pub(crate) mod error;
mod methods;
mod turn;

use crate::engine::Shared;
use access::Access;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use call::Call;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a request may take to come in.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Who sends a request.
pub(crate) type Client = Option<axum::Extension<ConnectInfo<SocketAddr>>>;

/// All that an engine answers.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let limit = shared.config.rpc.body_bytes;
    let metrics = Router::new().route("/metrics", get(metrics).fallback(not_found));
    routes()
        .merge(metrics)
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(from_fn(cors))
        .with_state((shared, limit))
}

/// The JSON-RPC alone, for a server that answers more at the same address.
pub(crate) fn calls(shared: Arc<Shared>) -> Router {
    let limit = shared.config.rpc.body_bytes;
    routes().layer(from_fn(cors)).with_state((shared, limit))
}

/// Browsers ask with `OPTIONS` whether they may call; `cors` answers them.
fn routes() -> Router<(Arc<Shared>, usize)> {
    Router::new()
        .route("/", post(answer).options(not_found))
        .layer(DefaultBodyLimit::disable())
}

async fn answer(
    State((shared, limit)): State<(Arc<Shared>, usize)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let call = match read(body, limit).await {
        Ok((_, call)) => call,
        Err(refusal) => return *refusal,
    };
    let access = Access::new(&shared.config.rpc, &headers);
    let id = call.id.clone();
    let result = methods::run(&shared, access, call).await;
    reply(StatusCode::OK, &envelope(&id, result))
}

/// Reads a call of at most so many bytes. Gives what was read as well.
pub(crate) async fn read(body: Body, limit: usize) -> Result<(Bytes, Call), Box<Response>> {
    let refuse = |status, text: String| Err(Box::new(reply(status, &json!({ "error": text }))));
    let reading = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit));
    let body = match reading.await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let text = format!("the request can't be read, or has more than {limit} bytes");
            return refuse(StatusCode::BAD_REQUEST, text);
        }
        Err(_) => {
            let text = "the request took too long".to_owned();
            return refuse(StatusCode::REQUEST_TIMEOUT, text);
        }
    };
    match Call::parse(&body) {
        Ok(call) => Ok((body, call)),
        Err(error) => refuse(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

/// The answer to a call. There is never a key without a value: clients look for keys.
pub(crate) fn envelope(id: &str, result: Result<Value, error::RpcError>) -> Value {
    let mut answer = match result {
        Ok(data) => json!({ "data": data }),
        Err(error) => json!({ "error": error.body() }),
    };
    if !id.is_empty() {
        answer["id"] = json!(id);
    }
    answer
}

async fn metrics(
    State((shared, _)): State<(Arc<Shared>, usize)>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    let has_key = access::shows(shared.config.rpc.key.as_deref(), &headers);
    if !(has_key || access::is_this_machine(client, &headers)) {
        return not_found().await;
    }
    let text = shared.metrics();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

pub(crate) async fn not_found() -> Response {
    reply(StatusCode::NOT_FOUND, &json!({ "error": "not found" }))
}

/// Any page may call: whoever may join is for the room's owner to say, not for a browser.
pub(crate) async fn cors(request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        return next.run(request).await;
    };
    let mut response = if request.method() == Method::OPTIONS {
        reply(StatusCode::OK, &json!({}))
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Content-Type,Authorization,Mixin-Conversation-ID"),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("OPTIONS,GET,POST,DELETE"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

pub(crate) fn reply(status: StatusCode, body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json; charset=UTF-8")];
    (status, headers, body.to_string()).into_response()
}
