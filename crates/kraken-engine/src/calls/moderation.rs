//! What admins do in calls.

use super::problem::{of_error, of_id};
use kraken_call::{Moderation, Problem};
use kraken_sfu::{RoomId, Sfu, UserId};
use std::time::Instant;

pub(super) fn moderate(
    sfu: &mut Sfu,
    now: Instant,
    room: &RoomId,
    moderation: &Moderation,
) -> Result<(), Problem> {
    let done = match moderation {
        Moderation::MuteTrack { track } => sfu.silence(room, track),
        Moderation::Remove { peer } => {
            let user = UserId::of_call(peer).map_err(|error| of_id(&error))?;
            sfu.remove(now, room, &user)
        }
        Moderation::Lock { locked } => sfu.lock(room, *locked),
    };
    done.map_err(|error| of_error(&error))
}
