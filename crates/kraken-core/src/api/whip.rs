//! The doors for programs that know WebRTC and HTTP, and nothing of Kraken: WHIP (RFC 9725) for
//! those who publish, WHEP (draft-ietf-wish-whep) for those who receive.
//!
//! `/whip/<room>` is an endpoint, `/whip/<room>/<session>` a session; likewise `/whep`.

use super::questions::{Asked, Purpose};
use super::{Answer, Failure, HttpRequest, HttpResponse};
use crate::call::{MOST_FRAGMENT, MOST_SDP};
use crate::grant::{Access, Grant, Refusal};
use crate::ids::{RoomId, Timestamp};
use crate::{Core, connect};
use kraken_call::Question;

const SDP: &str = "application/sdp";
/// How every description begins (RFC 8866, 5.1).
const SDP_VERSION: &str = "v=0";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const METHODS: &str = "POST, PATCH, DELETE, OPTIONS";
const MOST_SESSION: usize = 128;

const NOT_FOR_READERS: Refusal = Refusal::new(403, "not_allowed", "the token is for reading");
const NO_SUCH_SESSION: Refusal = Refusal::new(404, "no_such_session", "there is no such session");
const NOT_ACCEPTABLE: Refusal =
    Refusal::new(406, "not_acceptable", "the answer is application/sdp");
const NOT_SDP: Refusal = Refusal::new(400, "bad_sdp", "the body is no description");
const TOO_LARGE: Refusal = Refusal::new(413, "too_large", "a description has at most 128 KiB");
const NO_ETAG: Refusal = Refusal::new(
    428,
    "precondition_required",
    "If-Match names the ICE session by its ETag, or is * to restart it",
);

/// Which door somebody comes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// To publish.
    Whip,
    /// To receive.
    Whep,
}

impl Door {
    /// The door to which a path leads, and what follows there.
    pub(super) fn of(path: &str) -> Option<(Self, &str)> {
        let doors = [("/whip/", Self::Whip), ("/whep/", Self::Whep)];
        doors
            .into_iter()
            .find_map(|(prefix, door)| Some((door, path.strip_prefix(prefix)?)))
    }
}

/// Says what an endpoint or a session takes.
pub(super) fn options() -> Answer {
    Ok(HttpResponse::empty(204)
        .header("allow", METHODS)
        .header("accept-post", SDP)
        .header("accept-patch", FRAGMENT))
}

impl Core {
    /// What a request at a door asks of the engine.
    pub(super) fn enter(
        &self,
        door: Door,
        rest: &str,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<Asked, Failure> {
        match request.method.as_str() {
            "POST" => self.begin(door, rest, request, now),
            "PATCH" => {
                let (room, session) = self.session(door, rest, request, now)?;
                check_type(request, FRAGMENT)?;
                let if_match = if_match(request)?;
                let fragment = text(request, MOST_FRAGMENT)?;
                Ok(Asked {
                    question: Question::Trickle {
                        room,
                        session,
                        if_match,
                        fragment,
                    },
                    purpose: Purpose::Fragment,
                })
            }
            "DELETE" => {
                let (room, session) = self.session(door, rest, request, now)?;
                Ok(Asked {
                    question: Question::Leave { room, session },
                    purpose: Purpose::Done { status: 200 },
                })
            }
            _ => Err(Failure::method_not_allowed(METHODS)),
        }
    }

    fn begin(
        &self,
        door: Door,
        room: &str,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<Asked, Failure> {
        let (room, grant) = self.room_behind(door, room, request, now)?;
        check_type(request, SDP)?;
        if !accepts(request, SDP) {
            return Err(NOT_ACCEPTABLE.into());
        }
        let sdp = text(request, MOST_SDP)?;
        if !sdp.starts_with(SDP_VERSION) {
            return Err(NOT_SDP.into());
        }
        let limits = self.policy(&room.app).limits.call();
        let room = room.to_string();
        let purpose = Purpose::Session {
            room: room.clone(),
            grant: Box::new(grant),
            path: request.path.trim_end_matches('/').to_owned(),
            query: request.query.clone(),
        };
        let question = match door {
            Door::Whip => Question::Whip { room, sdp, limits },
            Door::Whep => Question::Whep { room, sdp, limits },
        };
        Ok(Asked { question, purpose })
    }

    /// The room and session that a path names, of a client that may use it.
    fn session(
        &self,
        door: Door,
        rest: &str,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<(String, String), Failure> {
        let (room, session) = rest.rsplit_once('/').ok_or(NO_SUCH_SESSION)?;
        let (room, _) = self.room_behind(door, room, request, now)?;
        match (1..=MOST_SESSION).contains(&session.len()) {
            true => Ok((room.to_string(), session.to_owned())),
            false => Err(NO_SUCH_SESSION.into()),
        }
    }

    /// The room that a path names, if the client's token opens it, and by what right it does.
    fn room_behind(
        &self,
        door: Door,
        encoded: &str,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<(RoomId, Grant), Failure> {
        let room = connect::room_name(encoded.trim_end_matches('/'))?;
        let of_query = request.parameter("token");
        let token = of_query.as_deref().or_else(|| request.bearer());
        let origin = request.header("origin");
        let grant = connect::authorize(token, origin, &self.settings, now)?;
        connect::check_room(&grant, &room)?;
        if door == Door::Whip && grant.access < Access::Write {
            return Err(NOT_FOR_READERS.into());
        }
        let app = grant.app.clone();
        Ok((RoomId { app, room }, grant))
    }
}

fn check_type(request: &HttpRequest, wanted: &'static str) -> Result<(), Failure> {
    let sent = request.header("content-type").unwrap_or_default();
    let sent = sent.split(';').next().unwrap_or_default().trim();
    match sent.eq_ignore_ascii_case(wanted) {
        true => Ok(()),
        false => Err(Failure::new(
            415,
            "unsupported_media_type",
            format!("the body is {wanted}"),
        )),
    }
}

/// Whether the client takes such an answer. It takes anything if it doesn't say.
fn accepts(request: &HttpRequest, wanted: &str) -> bool {
    let accepted = |range: &str| {
        let range = range.split(';').next().unwrap_or_default().trim();
        matches!(range, "*/*" | "application/*") || range.eq_ignore_ascii_case(wanted)
    };
    request
        .header("accept")
        .is_none_or(|ranges| ranges.split(',').any(accepted))
}

/// The tag in `If-Match`, without its quotes.
fn if_match(request: &HttpRequest) -> Result<String, Failure> {
    let header = request.header("if-match").ok_or(NO_ETAG)?.trim();
    if header == "*" {
        return Ok(header.to_owned());
    }
    let tag = header
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match tag.filter(|tag| tag.len() <= MOST_SESSION && !tag.contains('"')) {
        // What isn't quoted, or is several, can't be the one that there is.
        Some(tag) if tag != "*" => Ok(tag.to_owned()),
        _ => Err(Failure::new(412, "stale", "If-Match is one ETag")),
    }
}

fn text(request: &HttpRequest, most: usize) -> Result<String, Failure> {
    if request.body.len() > most {
        return Err(TOO_LARGE.into());
    }
    match std::str::from_utf8(&request.body) {
        Ok(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(Failure::new(
            400,
            "bad_sdp",
            "the body is empty, or no text",
        )),
    }
}
