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
    /// The candidate can't be read.
    #[error("invalid candidate {0}")]
    InvalidCandidate(String),
}
