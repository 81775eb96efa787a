//! Calls of clients, and the engines that they are passed on to.

use super::fleet::PlaceError;
use super::{BODY_BYTES, Shared};
use crate::http_client::CallError;
use crate::rpc::call::{Call, text};
use crate::rpc::error::{Code, RpcError};
use crate::rpc::{self, envelope, reply};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How many engines are tried for a room before its first peer is told that there is none.
const ATTEMPTS: usize = 3;
/// How long a first peer waits until the monitor knows all engines.
const LEARNING: Duration = Duration::from_secs(4);
/// Between two looks whether it does.
const LOOK: Duration = Duration::from_millis(100);

/// Answers a call, in most cases with what an engine says.
pub(super) async fn pass(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (body, call) = match rpc::read(body, BODY_BYTES).await {
        Ok(read) => read,
        Err(refusal) => return *refusal,
    };
    let passed = match call.method.as_str() {
        "info" => Err(info(&shared, &call)),
        "turn" => turn(&shared, &headers, body).await.map_err(Err),
        "publish" => publish(&shared, &headers, &call, body).await.map_err(Err),
        "list" | "restart" | "end" | "trickle" | "subscribe" | "answer" => {
            member(&shared, &headers, &call, body).await
        }
        _ => Err(Err(RpcError::UnknownMethod)),
    };
    match passed {
        Ok(answer) => {
            let headers = [(CONTENT_TYPE, "application/json; charset=UTF-8")];
            (StatusCode::OK, headers, answer).into_response()
        }
        Err(answer) => reply(StatusCode::OK, &envelope(&call.id, answer)),
    }
}

/// The sums of all engines.
fn info(shared: &Shared, call: &Call) -> Result<Value, RpcError> {
    let [] = call.exactly()?;
    let fleet = shared.fleet.lock();
    let (mut peers, mut peers_closed, mut rooms_closed) = (0, 0, 0);
    for (member, is_alive) in fleet.members(Instant::now()) {
        peers += if is_alive { member.beat.peers } else { 0 };
        peers_closed += member.beat.peers_closed;
        rooms_closed += member.beat.rooms_closed;
    }
    let now = OffsetDateTime::now_utc().format(&Rfc3339);
    Ok(json!({
        "updated_at": now.unwrap_or_default(),
        "active_peers": peers,
        "closed_peers": peers_closed,
        "active_rooms": fleet.rooms().count(),
        "closed_rooms": rooms_closed,
    }))
}

/// Credentials are the same at every engine.
async fn turn(shared: &Shared, headers: &HeaderMap, body: Bytes) -> Result<Bytes, RpcError> {
    let engine = shared.fleet.lock().any(Instant::now());
    let engine = engine.ok_or_else(|| refused(PlaceError::NoEngine))?;
    ask(shared, &engine, headers, body)
        .await
        .map_err(|_| no_answer())
}

/// Somebody joins a room, perhaps as the first.
async fn publish(
    shared: &Shared,
    headers: &HeaderMap,
    call: &Call,
    body: Bytes,
) -> Result<Bytes, RpcError> {
    let room = call.params.first().ok_or_else(|| call.wrong_count())?;
    let room = text("rid", room)?;
    if room.len() > 256 {
        return Err(Code::InvalidParams.error("id too long, the maximum is 256"));
    }
    for _ in 0..ATTEMPTS {
        let engine = place(shared, room).await.map_err(refused)?;
        match ask(shared, &engine, headers, body.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(CallError::Unreachable) => {}
            Err(CallError::NoAnswer) => return Err(no_answer()),
        }
    }
    Err(refused(PlaceError::NoEngine))
}

async fn place(shared: &Shared, room: &str) -> Result<String, PlaceError> {
    let start = Instant::now();
    loop {
        let now = Instant::now();
        let placed = shared.fleet.lock().place(now, room);
        match placed {
            Err(PlaceError::Learning) if now < start + LEARNING => tokio::time::sleep(LOOK).await,
            placed => return placed,
        }
    }
}

/// Somebody who is in a room says something. If the room's engine is gone, so is the peer: the
/// client then joins anew, elsewhere.
async fn member(
    shared: &Shared,
    headers: &HeaderMap,
    call: &Call,
    body: Bytes,
) -> Result<Bytes, Result<Value, RpcError>> {
    let room = call.params.first().ok_or_else(|| Err(call.wrong_count()))?;
    let room = text("rid", room).map_err(Err)?;
    let Some(engine) = find(shared, room).await else {
        return Err(nobody(call, room));
    };
    match ask(shared, &engine, headers, body).await {
        Ok(answer) => Ok(answer),
        Err(CallError::Unreachable) => Err(nobody(call, room)),
        Err(CallError::NoAnswer) => Err(Err(no_answer())),
    }
}

/// The engine on which a room is. While the monitor learns, it waits rather than say that a call
/// is lost.
async fn find(shared: &Shared, room: &str) -> Option<String> {
    loop {
        let now = Instant::now();
        let (found, is_learning) = {
            let mut fleet = shared.fleet.lock();
            (fleet.find(now, room), fleet.is_learning(now))
        };
        if found.is_some() || !is_learning {
            return found;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What an engine says of a room in which nobody is.
fn nobody(call: &Call, room: &str) -> Result<Value, RpcError> {
    if call.method == "list" {
        return Ok(json!({ "peers": [] }));
    }
    let user = call
        .params
        .get(1)
        .and_then(Value::as_str)
        .unwrap_or_default();
    Err(Code::PeerNotFound.error(format!("peer {user} not found in {room}")))
}

async fn ask(
    shared: &Shared,
    engine: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Bytes, CallError> {
    let authorization = headers.get(AUTHORIZATION);
    let answered = shared.client.post(engine, authorization, body).await;
    if answered == Err(CallError::Unreachable) {
        shared.fleet.lock().unreachable(engine);
        tracing::warn!(engine, "an engine can't be reached");
    }
    match answered? {
        (StatusCode::OK, answer) => Ok(answer),
        (_, _) => Err(CallError::NoAnswer),
    }
}

fn refused(error: PlaceError) -> RpcError {
    let code = match error {
        PlaceError::Full => Code::RoomFull,
        PlaceError::Learning | PlaceError::NoEngine => Code::NewPeerConnection,
    };
    code.error(error.to_string())
}

fn no_answer() -> RpcError {
    Code::Timeout.error("the engine gave no answer: try again")
}
