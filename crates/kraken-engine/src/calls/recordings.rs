//! Recordings of calls: the router gives what is published in a room, the recorder writes it, and
//! members are told.

use super::Desk;
use super::problem::{Refusal, of_error};
use crate::engine::Shared;
use crate::recording::{Notice, Recorder};
use crate::worker::Handle;
use kraken_call::{Answer, Problem};
use kraken_sfu::{RoomId, Sfu};
use std::time::Instant;

pub(super) async fn begin(shared: &Shared, room: RoomId) -> Result<Answer, Problem> {
    let recorder = recorder(shared)?;
    let asked = room.clone();
    let is_there = shared.ask_call(&room, move |_, sfu, _| sfu.roster(&asked).is_some());
    if !is_there.await.map_err(|_| Refusal::Overloaded)? {
        return Err(Refusal::NoSuchRoom.into());
    }
    let recording = recorder.begin(&room).await?;
    let asked = room.clone();
    let tapped = shared.ask_call(&room, move |desk, sfu, now| {
        sfu.tap(now, &asked, true)?;
        desk.record(&asked, true);
        Ok(())
    });
    let tapped = match tapped.await {
        Ok(tapped) => tapped.map_err(|error| of_error(&error)),
        Err(_) => Err(Refusal::Overloaded.into()),
    };
    match tapped {
        Ok(()) => Ok(Answer::Recording(recording)),
        Err(problem) => {
            recorder.stop(&room).await?;
            Err(problem)
        }
    }
}

pub(super) async fn stop(shared: &Shared, room: RoomId) -> Result<Answer, Problem> {
    let recorder = recorder(shared)?;
    let asked = room.clone();
    let ended = shared.ask_call(&room, move |desk, sfu, now| end(desk, sfu, now, &asked));
    ended.await.map_err(|_| Refusal::Overloaded)?;
    Ok(Answer::Recording(recorder.stop(&room).await?))
}

pub(super) async fn list(shared: &Shared) -> Result<Answer, Problem> {
    let recordings = recorder(shared)?.list().await?;
    Ok(Answer::Recordings { recordings })
}

/// Passes on what the recorder has to say to the workers.
pub(crate) fn heed(workers: &[Handle], notice: Notice) {
    match notice {
        Notice::Ended { room } => {
            for worker in workers {
                let room = room.clone();
                let told = worker.tell(move |desk, sfu, now| end(desk, sfu, now, &room));
                if told.is_err() {
                    tracing::error!("a worker isn't told of the end of a recording");
                }
            }
        }
        Notice::Keyframe { worker, track } => {
            // If the worker has too much to do, the recorder asks again.
            let worker = workers.get(worker);
            let _ = worker
                .map(|worker| worker.tell(move |_, sfu, now| sfu.ask_tap_keyframe(now, track)));
        }
    }
}

/// A room is no longer recorded. Does nothing on workers on which it isn't.
fn end(desk: &mut Desk, sfu: &mut Sfu, now: Instant, room: &RoomId) {
    // If nobody is in the room, nothing comes from it.
    let _ = sfu.tap(now, room, false);
    desk.record(room, false);
}

fn recorder(shared: &Shared) -> Result<&Recorder, Problem> {
    let recorder = shared.recorder.as_ref();
    Ok(recorder.ok_or(Refusal::NoRecordings)?)
}
