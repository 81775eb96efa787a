//! What is wrong with a request, as programs and people are told.

use kraken_call::Problem;
use kraken_sfu::{CallError, Error, IdError};

/// Why the engine refuses something itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too much is going on.
    Overloaded,
    /// The message breaks a bound, or makes no sense here.
    BadCall,
    /// It is for admins.
    NotAllowed,
    /// A WHIP or WHEP client that isn't there.
    NoSuchSession,
    /// A room in which nobody is.
    NoSuchRoom,
    /// The engine has no place for recordings.
    NoRecordings,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, message) = match refusal {
            Refusal::Overloaded => ("overloaded", "the media engine has too much to do"),
            Refusal::BadCall => ("bad_call", "too long, too much, or not in this place"),
            Refusal::NotAllowed => ("not_allowed", "only admins of the room may do that"),
            Refusal::NoSuchSession => ("no_such_session", "no such session"),
            Refusal::NoSuchRoom => ("no_such_room", "nobody is in the room"),
            Refusal::NoRecordings => ("recordings_off", "this engine doesn't record"),
        };
        problem(code, message)
    }
}

/// A problem with an error of the router.
pub(super) fn of_error(error: &Error) -> Problem {
    let code = match error {
        Error::RoomFull(_) | Error::EngineFull(_) => "full",
        Error::PeerNotFound { .. } | Error::SessionMismatch { .. } => "no_such_session",
        Error::InvalidSdp(_) | Error::OfferRefused(_) | Error::AnswerRefused(_) => "bad_sdp",
        Error::InvalidCandidate(_) => "bad_sdp",
        Error::NothingOffered => "no_such_offer",
        Error::Call(error) => code_of_call(error),
    };
    problem(code, &error.to_string())
}

fn code_of_call(error: &CallError) -> &'static str {
    match error {
        CallError::OfferGone(_) => "no_such_offer",
        CallError::Locked => "locked",
        CallError::Removed => "removed",
        CallError::UserTaken(_) => "peer_taken",
        CallError::MayNotPublish => "not_allowed",
        CallError::TooManyPublishers(_) => "too_many_publishers",
        CallError::TooManyTracks(..) => "too_many_tracks",
        CallError::BadTrack(_) => "bad_track",
        CallError::NothingUsable => "unsupported",
        CallError::NoSuchRoom => "no_such_room",
        CallError::NoSuchUser => "no_such_peer",
        CallError::NoSuchTrack => "no_such_track",
        CallError::OtherIceSession => "stale",
    }
}

pub(super) fn of_id(error: &IdError) -> Problem {
    problem("bad_call", &error.to_string())
}

/// The problem, as one with a message of this kind.
pub(super) fn about(problem: Problem, kind: &str) -> Problem {
    Problem {
        about: Some(kind.to_owned()),
        ..problem
    }
}

fn problem(code: &str, message: &str) -> Problem {
    Problem {
        code: code.to_owned(),
        message: message.to_owned(),
        about: None,
    }
}
