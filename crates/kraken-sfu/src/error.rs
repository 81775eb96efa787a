//! What can be wrong with a request.

use crate::ids::{RoomId, SessionId, UserId};
use thiserror::Error;

/// Why a request was refused. Nothing has changed then, unless the variant says so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// As many others are in the room as the request, or the engine, allows.
    #[error("room full {0}")]
    RoomFull(usize),
    /// The engine has as many peers as it may have, or so many that are still connecting.
    #[error("engine full {0}")]
    EngineFull(usize),
    /// The user isn't in the room, or no longer.
    #[error("peer {user} not found in {room}")]
    PeerNotFound {
        /// Whom the request names.
        user: UserId,
        /// Where.
        room: RoomId,
    },
    /// The user is in the room with another session: somebody joined anew, or guesses.
    #[error("peer {user} track not match {session} in {room}")]
    SessionMismatch {
        /// Whom the request names.
        user: UserId,
        /// The session that the request names.
        session: SessionId,
        /// Where.
        room: RoomId,
    },
    /// The description can't be read, or breaks a limit.
    #[error("invalid sdp {0}")]
    InvalidSdp(String),
    /// The description was read, but can't be agreed to. An existing peer has been closed.
    #[error("offer not accepted: {0}")]
    OfferRefused(String),
    /// The answer doesn't fit the offer. The peer has been closed.
    #[error("answer not accepted: {0}")]
    AnswerRefused(String),
    /// There is no offer that waits for an answer.
    #[error("no offer waits for an answer")]
    NothingOffered,
    /// It is about a call, and doesn't fit it.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The candidate can't be read.
    #[error("invalid candidate {0}")]
    InvalidCandidate(String),
}

/// Why a request about a call was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// An offer was answered that no longer stands.
    #[error("offer {0} no longer stands")]
    OfferGone(u32),
    /// Only admins can join the room.
    #[error("the room is locked")]
    Locked,
    /// An admin has removed the user, and the room has not been empty since.
    #[error("removed from the room")]
    Removed,
    /// Somebody of this name is in the call.
    #[error("{0} is in the call already")]
    UserTaken(UserId),
    /// The user may not publish.
    #[error("not allowed to publish")]
    MayNotPublish,
    /// As many users publish as may.
    #[error("{0} users publish already")]
    TooManyPublishers(usize),
    /// A client wants to publish more tracks than it may.
    #[error("{0} tracks, the maximum is {1}")]
    TooManyTracks(usize, usize),
    /// A track doesn't fit the description.
    #[error("no such track in the description: {0}")]
    BadTrack(String),
    /// The description offers nothing that the SFU can use.
    #[error("nothing usable in the description")]
    NothingUsable,
    /// Nobody is in the room.
    #[error("no such room")]
    NoSuchRoom,
    /// Nobody in the call has this name.
    #[error("no such user")]
    NoSuchUser,
    /// Nobody in the call publishes this track.
    #[error("no such track")]
    NoSuchTrack,
    /// The ICE session that a client means has been replaced.
    #[error("another ICE session")]
    OtherIceSession,
}
