//! What is asked once: WHIP, WHEP, and what admins do by HTTP.

use super::desk::Desk;
use super::moderation::moderate;
use super::problem::{Refusal, of_error, of_id};
use super::{recordings, words};
use crate::engine::Shared;
use kraken_call::{Answer, Moderation, Peer, Problem, Question, Room, RoomLimits};
use kraken_sfu::{Attach, RoomId, SessionId, Sfu, UserId, Way, Who};
use std::time::Instant;
use uuid::Uuid;

/// Bytes of an answer with all rooms, as JSON: the process takes 1 MiB.
const MOST_ROOM_BYTES: usize = 900 * 1_024;

pub(super) async fn answer(shared: &Shared, question: Question) -> Result<Answer, Problem> {
    match question {
        Question::Whip { room, sdp, limits } => attach(shared, &room, Way::Whip, sdp, limits).await,
        Question::Whep { room, sdp, limits } => attach(shared, &room, Way::Whep, sdp, limits).await,
        Question::Trickle {
            room,
            session,
            if_match,
            fragment,
        } => trickle(shared, &room, session, if_match, fragment).await,
        Question::Leave { room, session } => leave(shared, &room, session).await,
        Question::Rooms {} => rooms(shared).await,
        Question::Moderate { room, moderation } => by_admin(shared, &room, moderation).await,
        Question::Record { room } => recordings::begin(shared, parse(&room)?).await,
        Question::StopRecording { room } => recordings::stop(shared, parse(&room)?).await,
        Question::Recordings {} => recordings::list(shared).await,
    }
}

async fn attach(
    shared: &Shared,
    room: &str,
    way: Way,
    offer: String,
    limits: RoomLimits,
) -> Result<Answer, Problem> {
    let room = parse(room)?;
    let session = Uuid::new_v4().to_string();
    // The name is no part of the session, which is a secret.
    let name = match way {
        Way::Whip => format!("whip-{}", Uuid::new_v4().simple()),
        Way::Whep => format!("whep-{}", Uuid::new_v4().simple()),
    };
    let attach = Attach {
        who: Who {
            room: room.clone(),
            user: UserId::of_call(&name).map_err(|error| of_id(&error))?,
            session: SessionId::new(session.clone()),
        },
        way,
        offer,
        bounds: words::bounds(limits),
    };
    let attached = shared.enter(&room, move |sfu, now| sfu.attach(now, attach));
    let attached = attached.await.map_err(|_| Refusal::Overloaded)?;
    let attached = attached.map_err(|error| of_error(&error))?;
    Ok(Answer::Session {
        session,
        sdp: attached.sdp,
        etag: attached.ice,
    })
}

async fn trickle(
    shared: &Shared,
    room: &str,
    session: String,
    if_match: String,
    fragment: String,
) -> Result<Answer, Problem> {
    on_session(shared, room, session, move |sfu, now, who| {
        let taken = sfu.take_fragment(now, who, &if_match, &fragment);
        let taken = taken.map_err(|error| of_error(&error))?;
        Ok(Answer::Fragment {
            fragment: taken.fragment,
            etag: taken.ice,
        })
    })
    .await
}

async fn leave(shared: &Shared, room: &str, session: String) -> Result<Answer, Problem> {
    on_session(shared, room, session, |sfu, now, who| {
        sfu.end(now, who).map_err(|error| of_error(&error))?;
        Ok(Answer::Done {})
    })
    .await
}

/// Lets the worker answer for the WHIP or WHEP client that has a session. Members' sessions are
/// not for this.
async fn on_session(
    shared: &Shared,
    room: &str,
    session: String,
    work: impl FnOnce(&mut Sfu, Instant, &Who) -> Result<Answer, Problem> + Send + 'static,
) -> Result<Answer, Problem> {
    let room = parse(room)?;
    let asked = room.clone();
    let answer = shared.ask_call(&room, move |_, sfu, now| {
        let session = SessionId::new(session);
        let user = sfu
            .attached(&asked, &session)
            .ok_or(Refusal::NoSuchSession)?;
        let who = Who {
            room: asked,
            user,
            session,
        };
        work(sfu, now, &who)
    });
    answer.await.map_err(|_| Refusal::Overloaded)?
}

async fn by_admin(shared: &Shared, room: &str, moderation: Moderation) -> Result<Answer, Problem> {
    let room = parse(room)?;
    let asked = room.clone();
    let done = shared.ask_call(&room, move |_, sfu, now| {
        moderate(sfu, now, &asked, &moderation)
    });
    done.await.map_err(|_| Refusal::Overloaded)??;
    Ok(Answer::Done {})
}

async fn rooms(shared: &Shared) -> Result<Answer, Problem> {
    let mut rooms = Vec::new();
    for worker in shared.workers() {
        let of_worker = worker.ask(|desk, sfu, _| show_rooms(desk, sfu)).await;
        rooms.extend(of_worker.map_err(|_| Refusal::Overloaded)?);
    }
    rooms.sort_by(|one, other| one.room.cmp(&other.room));
    let mut bytes = 0;
    rooms.retain(|room| {
        bytes += serde_json::to_vec(room).map_or(MOST_ROOM_BYTES, |room| room.len());
        bytes < MOST_ROOM_BYTES
    });
    Ok(Answer::Rooms { rooms })
}

fn show_rooms(desk: &Desk, sfu: &Sfu) -> Vec<Room> {
    let rooms = sfu
        .rooms()
        .filter_map(|room| Some((room, sfu.roster(room)?)));
    let shown = rooms.map(|(room, roster)| {
        let peers = roster.participants.into_iter().map(|participant| Peer {
            estimate: participant.estimate,
            member: desk.member(room, participant),
        });
        Room {
            room: room.to_string(),
            locked: roster.is_locked,
            recorded: desk.is_recorded(room),
            peers: peers.collect(),
        }
    });
    shown.collect()
}

fn parse(room: &str) -> Result<RoomId, Problem> {
    RoomId::of_call(room).map_err(|error| of_id(&error))
}
