//! The methods of the JSON-RPC.

use super::access::Access;
use super::call::{Call, candidate, description, limit, text, who};
use super::error::{Code, RpcError};
use super::turn;
use crate::engine::Shared;
use kraken_sfu::{IdError, Publish, RoomId, SessionId, UserId};
use serde_json::{Value, json};
use std::time::SystemTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

type Answer = Result<Value, RpcError>;

pub(super) async fn run(shared: &Shared, access: Access<'_>, call: Call) -> Answer {
    match call.method.as_str() {
        "turn" => turn(shared, &call),
        "info" => info(shared, &call),
        "list" => list(shared, access, &call).await,
        "publish" => publish(shared, &call).await,
        "restart" => restart(shared, &call).await,
        "end" => end(shared, &call).await,
        "trickle" => trickle(shared, &call).await,
        "subscribe" => subscribe(shared, &call).await,
        "answer" => answer(shared, &call).await,
        _ => Err(RpcError::UnknownMethod),
    }
}

fn turn(shared: &Shared, call: &Call) -> Answer {
    let [user] = call.exactly()?;
    let user = text("uid", user)?;
    let turn = shared.config.turn.as_ref();
    Ok(turn::servers(turn, user, SystemTime::now()))
}

fn info(shared: &Shared, call: &Call) -> Answer {
    let [] = call.exactly()?;
    let sum = |count: fn(&kraken_sfu::Stats) -> u64| -> u64 {
        let reports = shared.reports();
        reports.iter().map(|report| count(&report.stats)).sum()
    };
    let now = OffsetDateTime::now_utc().format(&Rfc3339);
    Ok(json!({
        "updated_at": now.unwrap_or_default(),
        "active_peers": sum(|stats| stats.peers),
        "closed_peers": sum(|stats| stats.peers_closed),
        "active_rooms": sum(|stats| stats.rooms),
        "closed_rooms": sum(|stats| stats.rooms_closed),
    }))
}

async fn list(shared: &Shared, access: Access<'_>, call: &Call) -> Answer {
    let [room] = call.exactly()?;
    // A name that can't be a room's is that of an empty one.
    let Ok(room) = RoomId::parse(text("rid", room)?) else {
        return Ok(json!({ "peers": [] }));
    };
    let asked = room.clone();
    let sees_sessions = access.sees_sessions(&room);
    let members = shared
        .ask(&room, move |sfu, now| sfu.list(now, &asked))
        .await?;
    let peers = members.iter().map(|member| {
        let mut peer = json!({ "id": member.user.as_str() });
        if sees_sessions {
            peer["track"] = json!(member.session.as_str());
        }
        peer
    });
    Ok(json!({ "peers": peers.collect::<Vec<_>>() }))
}

async fn publish(shared: &Shared, call: &Call) -> Answer {
    let [room, user, jsep, rest @ ..] = call.params.as_slice() else {
        return Err(call.wrong_count());
    };
    let (room, user) = (text("rid", room)?, text("uid", user)?);
    text("sdp", jsep)?;
    let limit = match rest {
        [limit_value, callback] => {
            refuse_callback(text("callback", callback)?)?;
            limit(limit_value)?
        }
        _ => None,
    };
    let room = RoomId::parse(room).map_err(|error| wrong_id("rid", room, &error))?;
    let user = UserId::parse(user).map_err(|error| wrong_id("uid", user, &error))?;
    let offer = description("sdp", jsep, "offer")?;
    let session = Uuid::new_v4().to_string();
    let publish = Publish {
        room: room.clone(),
        user,
        session: SessionId::new(session.clone()),
        offer,
        limit,
    };
    let answer = shared
        .enter(&room, move |sfu, now| sfu.publish(now, publish))
        .await??;
    let sdp = json!({ "type": "answer", "sdp": answer });
    Ok(json!({ "track": session, "jsep": sdp.to_string(), "sdp": sdp }))
}

async fn restart(shared: &Shared, call: &Call) -> Answer {
    let [room, user, session, jsep] = call.exactly()?;
    let who = who(room, user, session)?;
    let offer = description("jsep", jsep, "offer")?;
    let room = who.room.clone();
    let answer = shared
        .ask(&room, move |sfu, now| sfu.restart(now, &who, &offer))
        .await??;
    let sdp = json!({ "type": "answer", "sdp": answer });
    Ok(json!({ "jsep": sdp.to_string() }))
}

async fn end(shared: &Shared, call: &Call) -> Answer {
    let [room, user, session] = call.exactly()?;
    let who = who(room, user, session)?;
    let room = who.room.clone();
    shared
        .ask(&room, move |sfu, now| sfu.end(now, &who))
        .await??;
    Ok(json!({}))
}

async fn trickle(shared: &Shared, call: &Call) -> Answer {
    let [room, user, session, candidate_value] = call.exactly()?;
    text("rid", room)?;
    text("uid", user)?;
    text("cid", session)?;
    let candidate = candidate(candidate_value)?;
    if candidate.is_empty() {
        return Ok(json!({}));
    }
    let who = who(room, user, session)?;
    let room = who.room.clone();
    shared
        .ask(&room, move |sfu, _| sfu.trickle(&who, &candidate))
        .await??;
    Ok(json!({}))
}

async fn subscribe(shared: &Shared, call: &Call) -> Answer {
    let [room, user, session] = call.exactly()?;
    let who = who(room, user, session)?;
    let room = who.room.clone();
    let offer = shared
        .ask(&room, move |sfu, now| sfu.subscribe(now, &who))
        .await??;
    let sdp = match offer {
        Some(offer) => json!({ "type": "offer", "sdp": offer }),
        None => json!({ "type": "unknown", "sdp": "" }),
    };
    Ok(json!({ "type": sdp["type"], "sdp": sdp["sdp"], "jsep": sdp.to_string() }))
}

async fn answer(shared: &Shared, call: &Call) -> Answer {
    let [room, user, session, jsep] = call.exactly()?;
    let who = who(room, user, session)?;
    let answer = description("sdp", jsep, "answer")?;
    let room = who.room.clone();
    shared
        .ask(&room, move |sfu, now| sfu.answer(now, &who, &answer))
        .await??;
    Ok(json!({}))
}

/// The original calls any `https` address that a client names. Nobody asks for that here: it
/// would let strangers send requests from inside the engine's network.
fn refuse_callback(callback: &str) -> Result<(), RpcError> {
    if callback.is_empty() {
        return Ok(());
    }
    Err(Code::InvalidParams.error(format!("invalid callback value {callback}")))
}

fn wrong_id(name: &str, id: &str, error: &IdError) -> RpcError {
    let shown: String = id.chars().take(300).collect();
    Code::InvalidParams.error(format!("invalid {name} format {shown} {error}"))
}
