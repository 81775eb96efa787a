//! A monitor: it stands before several engines and places rooms on them.
//!
//! Clients can't tell it from an engine. Media doesn't pass through it.

mod fleet;
mod heartbeat;
mod passing;
mod show;

pub(crate) use heartbeat::{Heartbeat, Instruction};

use crate::http_client::HttpClient;
use crate::rpc::access::{is_this_machine, shows};
use crate::rpc::{self, Client, reply};
use crate::server;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{get, post};
use fleet::Fleet;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Bytes of one request.
const BODY_BYTES: usize = 1024 * 1024;
/// Bytes of a heartbeat, which names all rooms of an engine.
const HEARTBEAT_BYTES: usize = 16 * 1024 * 1024;
/// HTTP connections at a time.
const CONNECTIONS: usize = 16_384;

/// A running monitor. Clones are the same monitor.
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
}

struct Shared {
    key: String,
    fleet: Mutex<Fleet>,
    client: HttpClient,
    stopping: watch::Sender<bool>,
}

/// What the owner asks for with `POST /drain`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Drain {
    engine: String,
    drain: bool,
}

impl Monitor {
    /// A monitor whose engines show this key.
    pub fn new(key: String) -> Self {
        let (stopping, _) = watch::channel(false);
        Self {
            shared: Arc::new(Shared {
                key,
                fleet: Mutex::new(Fleet::new(Instant::now())),
                client: HttpClient::new(),
                stopping,
            }),
        }
    }

    /// Serves clients and engines until the monitor stops.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        let stopping = self.shared.stopping.subscribe();
        server::serve(listener, self.router(), CONNECTIONS, stopping).await
    }

    /// Stops serving. Calls go on.
    pub fn shutdown(&self) {
        self.shared.stopping.send_replace(true);
    }

    fn router(&self) -> Router {
        Router::new()
            .route(
                "/",
                post(passing::pass).get(show::page).fallback(rpc::not_found),
            )
            .route("/status", get(show::status).fallback(rpc::not_found))
            .route("/metrics", get(show::metrics).fallback(rpc::not_found))
            .route("/engines", post(hear).fallback(rpc::not_found))
            .route("/drain", post(drain).fallback(rpc::not_found))
            .fallback(rpc::not_found)
            .layer(DefaultBodyLimit::disable())
            .layer(from_fn(rpc::cors))
            .with_state(self.shared.clone())
    }
}

impl Shared {
    fn has_key(&self, headers: &HeaderMap) -> bool {
        shows(Some(&self.key), headers)
    }

    /// Whether a request may see what only the owner may see.
    fn may_look(&self, client: Client, headers: &HeaderMap) -> bool {
        self.has_key(headers) || is_this_machine(client, headers)
    }
}

/// An engine says how it is.
async fn hear(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    match read::<Heartbeat>(&shared, &headers, body, HEARTBEAT_BYTES).await {
        Ok(beat) => {
            let is_draining = shared.fleet.lock().heartbeat(Instant::now(), beat);
            reply(StatusCode::OK, &json!(Instruction { is_draining }))
        }
        Err(refusal) => *refusal,
    }
}

/// The owner wants an engine to get no more rooms, or to get some again.
async fn drain(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    match read::<Drain>(&shared, &headers, body, BODY_BYTES).await {
        Ok(Drain { engine, drain }) => {
            if shared.fleet.lock().drain(&engine, drain) {
                reply(StatusCode::OK, &json!({}))
            } else {
                let text = format!("there is no engine {engine}: GET /status names them");
                reply(StatusCode::NOT_FOUND, &json!({ "error": text }))
            }
        }
        Err(refusal) => *refusal,
    }
}

/// Reads a request of somebody who must show the key.
async fn read<T: DeserializeOwned>(
    shared: &Shared,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<T, Box<Response>> {
    let refuse = |status, text: String| Err(Box::new(reply(status, &json!({ "error": text }))));
    if !shared.has_key(headers) {
        return refuse(StatusCode::UNAUTHORIZED, "the key is wrong".to_owned());
    }
    let Ok(body) = axum::body::to_bytes(body, limit).await else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "the request can't be read".to_owned(),
        );
    };
    serde_json::from_slice(&body)
        .or_else(|error| refuse(StatusCode::BAD_REQUEST, error.to_string()))
}
