//! The door for clients: WebSockets first, then the login, then HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::bindings::{normalize, relative};
use super::http::{self, Incoming, Refusal, ask, plain, screen};
use super::{login, rpc, websocket};
use crate::kernel::Kernel;

/// The largest body of a request, in bytes. A real node has no limit.
const BODY: usize = 128 << 20;
/// How long a client may take to send it. A real node waits for ever.
const BODY_WITHIN: Duration = Duration::from_secs(60);
/// How many requests may be under way.
const REQUESTS: usize = 1_024;

struct Door {
    kernel: Arc<Kernel>,
    requests: Semaphore,
}

/// Serves the node. The client's address is taken from axum's `ConnectInfo`;
/// without it no client counts as local.
pub(crate) fn router(kernel: Arc<Kernel>) -> Router {
    let door = Door {
        kernel,
        requests: Semaphore::new(REQUESTS),
    };
    Router::new().fallback(enter).with_state(Arc::new(door))
}

/// Whether a path is the server's own.
pub(crate) fn is_own(path: &str) -> bool {
    path == "/login" || path == rpc::PATH
}

async fn enter(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut incoming = Incoming {
        path: normalize(parts.uri.path()).to_owned(),
        host: host(&parts),
        client: parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|client| client.0),
        parts,
    };
    if let Some(response) = upgrade(&door.kernel, &mut incoming).await {
        return response;
    }
    // It is never closed.
    let _under_way = door.requests.acquire().await;
    let login = &door.kernel.http_server.login;
    match (incoming.path.as_str(), &incoming.parts.method) {
        ("/login", &Method::GET) => login.page(),
        ("/login", &Method::POST) => match to_bytes(body, login::REQUEST).await {
            Ok(body) => login.log_in(&body),
            Err(_) => plain(StatusCode::PAYLOAD_TOO_LARGE),
        },
        (rpc::PATH, _) => match read(body).await {
            Ok(body) => rpc::handle(&door.kernel, incoming.is_local(), &body).await,
            Err(status) => plain(status),
        },
        _ => pass_on(&door.kernel, &incoming, body).await,
    }
}

async fn pass_on(kernel: &Arc<Kernel>, incoming: &Incoming, body: Body) -> Response {
    let server = &kernel.http_server;
    let found = server.bindings.read().http(&incoming.path);
    let Some((binding, params)) = found else {
        return plain(StatusCode::NOT_FOUND);
    };
    if let Err(refusal) = screen(server, incoming, &binding) {
        return refuse(server, refusal);
    }
    match read(body).await {
        Ok(body) => ask(kernel, incoming, binding, params, body).await,
        Err(status) => plain(status),
    }
}

/// Accepts a WebSocket if its path is bound and the client may use it. Anything
/// else goes on as HTTP.
async fn upgrade(kernel: &Arc<Kernel>, incoming: &mut Incoming) -> Option<Response> {
    if !incoming.parts.headers.contains_key(header::UPGRADE) {
        return None;
    }
    let server = &kernel.http_server;
    let binding = server.bindings.read().socket(&incoming.path)?;
    let headers = &incoming.parts.headers;
    if !server
        .login
        .allows(&binding.access, &incoming.host, headers)
    {
        return None;
    }
    if binding.extension && !incoming.is_local() {
        return None;
    }
    let slot = server.channels.slot()?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut incoming.parts, &()).await;
    let path = relative(&incoming.path, &binding.process).into_owned();
    let kernel = kernel.clone();
    Some(
        upgrade
            .ok()?
            .max_message_size(websocket::MESSAGE)
            .max_frame_size(websocket::FRAME)
            .on_upgrade(move |socket| websocket::serve(kernel, socket, binding, path, slot)),
    )
}

fn refuse(server: &super::HttpServer, refusal: Refusal) -> Response {
    match refusal {
        Refusal::Login => server.login.page(),
        Refusal::Status(status) => plain(status),
        Refusal::Redirect(location) => {
            let mut response = plain(StatusCode::TEMPORARY_REDIRECT);
            if let Ok(location) = HeaderValue::try_from(location) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Refusal::Content(content) => {
            let mut response = Response::new(Body::from(content.bytes));
            http::octet_stream(response.headers_mut());
            let mime = content.mime.as_deref().unwrap_or("text/plain");
            if let Ok(mime) = HeaderValue::from_str(mime) {
                response.headers_mut().insert(header::CONTENT_TYPE, mime);
            }
            response
        }
    }
}

async fn read(body: Body) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(BODY_WITHIN, to_bytes(body, BODY)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

fn host(parts: &Parts) -> String {
    let named = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| host.parse::<Authority>().ok());
    match named.as_ref().or(parts.uri.authority()) {
        Some(authority) => authority.host().to_owned(),
        None => "localhost".to_owned(),
    }
}
