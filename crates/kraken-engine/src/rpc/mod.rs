//! The HTTP API: the JSON-RPC of Mixin Kraken, and metrics.

mod access;
mod call;
mod error;
mod methods;
mod turn;

use crate::engine::Shared;
use access::Access;
use axum::Router;
use axum::body::Body;
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

type Client = Option<axum::Extension<ConnectInfo<SocketAddr>>>;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let limit = shared.config.rpc.body_bytes;
    Router::new()
        .route("/", post(answer).fallback(not_found))
        .route("/metrics", get(metrics).fallback(not_found))
        .fallback(not_found)
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(cors))
        .with_state((shared, limit))
}

async fn answer(
    State((shared, limit)): State<(Arc<Shared>, usize)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let reading = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit));
    let body = match reading.await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let text = format!("the request can't be read, or has more than {limit} bytes");
            return reply(StatusCode::BAD_REQUEST, &json!({ "error": text }));
        }
        Err(_) => {
            let text = "the request took too long";
            return reply(StatusCode::REQUEST_TIMEOUT, &json!({ "error": text }));
        }
    };
    let call = match Call::parse(&body) {
        Ok(call) => call,
        Err(error) => {
            let text = error.to_string();
            return reply(StatusCode::BAD_REQUEST, &json!({ "error": text }));
        }
    };
    let access = Access::new(&shared.config.rpc, &headers);
    let id = call.id.clone();
    let result = methods::run(&shared, &access, call).await;
    reply(StatusCode::OK, &envelope(&id, result))
}

/// The answer to a call. There is never a key without a value: clients look for keys.
fn envelope(id: &str, result: Result<Value, error::RpcError>) -> Value {
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
    let client = client.map(|axum::Extension(ConnectInfo(address))| address);
    let access = Access::new(&shared.config.rpc, &headers);
    if !(access.has_key() || access::is_this_machine(client, &headers)) {
        return not_found().await;
    }
    let text = shared.metrics();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn not_found() -> Response {
    reply(StatusCode::NOT_FOUND, &json!({ "error": "not found" }))
}

/// Any page may call: whoever may join is for the room's owner to say, not for a browser.
async fn cors(request: Request, next: Next) -> Response {
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

fn reply(status: StatusCode, body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json; charset=UTF-8")];
    (status, headers, body.to_string()).into_response()
}
