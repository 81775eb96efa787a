//! Requests that only the media engine can answer. They wait, so many and so long at most.

use super::{Answer, Failure, HttpResponse, cors};
use crate::call::encode;
use crate::grant::{Grant, Refusal};
use crate::ids::{AppId, RequestId, Timestamp};
use crate::visits::Visit;
use crate::{Core, Effect};
use kraken_call as engine;
use kraken_call::{Problem, Question, ToEngine};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many wait at a time, and how long one does, in milliseconds.
const MOST: usize = 1_000;
const PATIENCE: u64 = 10_000;

/// The number of what is asked for nobody.
const NOBODY: u64 = 0;

const NO_ENGINE: Refusal = Refusal::new(
    503,
    "no_engine",
    "this server has no media engine now: see docs/engine.md",
);
const TOO_MANY: Refusal = Refusal::new(503, "overloaded", "too many requests wait for the engine");
const LATE: Refusal = Refusal::new(504, "engine_timeout", "the engine doesn't answer");
const MISUNDERSTOOD: Refusal = Refusal::new(
    502,
    "engine_failed",
    "the engine answers something that wasn't asked",
);

/// Requests that wait, in the order in which they came.
#[derive(Default)]
pub(crate) struct Questions {
    waiting: BTreeMap<u64, Waiting>,
    last: u64,
}

struct Waiting {
    request: RequestId,
    purpose: Purpose,
    /// The page that may see the answer.
    origin: Option<String>,
    until: Timestamp,
}

/// Something to ask the engine, and what for.
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) purpose: Purpose,
}

/// What becomes of the engine's answer.
pub(super) enum Purpose {
    /// A new session in a room, by this right. Its address is below this path, with this query.
    Session {
        room: String,
        grant: Box<Grant>,
        path: String,
        query: Option<String>,
    },
    /// A fragment, or nothing.
    Fragment,
    /// Only that it is done.
    Done {
        status: u16,
    },
    /// The calls of an app, or all.
    Calls {
        of: Option<AppId>,
    },
    Recording {
        status: u16,
    },
    Recordings,
}

impl Core {
    /// Asks the engine on behalf of a request, which is answered later.
    pub(super) fn ask_engine(
        &mut self,
        request: RequestId,
        asked: Asked,
        origin: Option<String>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if !self.calls.has_engine() {
            return Err(NO_ENGINE.into());
        }
        let Asked { question, purpose } = asked;
        if let Question::Leave { room, session } = &question {
            let (room, session) = (room.clone(), session.clone());
            self.visits.end(&Visit { room, session });
        }
        let number = self.questions.add(Waiting {
            request,
            purpose,
            origin,
            until: now.after(PATIENCE),
        })?;
        self.effects.push(encode(&ToEngine::Ask {
            request: number,
            question,
        }));
        Ok(())
    }

    /// Takes the engine's answer. What nobody waits for any more is dropped.
    pub(crate) fn engine_answered(
        &mut self,
        number: u64,
        answer: Result<engine::Answer, Problem>,
        now: Timestamp,
    ) {
        if let Some(waiting) = self.questions.waiting.remove(&number) {
            if let (
                Purpose::Session { room, grant, .. },
                Ok(engine::Answer::Session { session, .. }),
            ) = (&waiting.purpose, &answer)
            {
                let (room, session) = (room.clone(), session.clone());
                self.begin_visit(Visit { room, session }, grant, now);
            }
            let response = response(&waiting.purpose, answer);
            self.answer(waiting, response);
        }
    }

    /// A session has begun. Its right may have ended while the engine was asked.
    fn begin_visit(&mut self, visit: Visit, grant: &Grant, now: Timestamp) {
        let registry = &self.settings.registry;
        match registry.check(grant, now) {
            Ok(()) => self.visits.begin(visit, grant.clone(), registry),
            Err(_) => self.end_visits(vec![visit]),
        }
    }

    /// Ends sessions whose right has ended. Nobody waits for the answers.
    pub(crate) fn end_visits(&mut self, over: Vec<Visit>) {
        let has_engine = self.calls.has_engine();
        for Visit { room, session } in over.into_iter().filter(|_| has_engine) {
            self.effects.push(encode(&ToEngine::Ask {
                request: NOBODY,
                question: Question::Leave { room, session },
            }));
        }
    }

    /// Answers those who have waited for too long.
    pub(crate) fn expire_questions(&mut self, now: Timestamp) {
        while let Some(first) = self.questions.waiting.first_entry()
            && first.get().until <= now
        {
            let waiting = first.remove();
            self.answer(waiting, Err(LATE.into()));
        }
    }

    /// Answers all: the engine has gone.
    pub(crate) fn drop_questions(&mut self) {
        for waiting in std::mem::take(&mut self.questions.waiting).into_values() {
            self.answer(waiting, Err(NO_ENGINE.into()));
        }
    }

    fn answer(&mut self, waiting: Waiting, answer: Answer) {
        let response = answer.unwrap_or_else(HttpResponse::from);
        self.effects.push(Effect::Respond {
            request: waiting.request,
            response: cors::allow(response, waiting.origin.as_deref()),
        });
    }
}

impl Questions {
    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        self.waiting
            .first_key_value()
            .map(|(_, waiting)| waiting.until)
    }

    fn add(&mut self, waiting: Waiting) -> Result<u64, Refusal> {
        if self.waiting.len() >= MOST {
            return Err(TOO_MANY);
        }
        self.last += 1;
        self.waiting.insert(self.last, waiting);
        Ok(self.last)
    }
}

fn response(purpose: &Purpose, answer: Result<engine::Answer, Problem>) -> Answer {
    let answer = answer.map_err(Failure::from)?;
    match (purpose, answer) {
        (Purpose::Session { path, query, .. }, engine::Answer::Session { session, sdp, etag }) => {
            let query = query.as_deref().map(|query| format!("?{query}"));
            let location = format!("{path}/{session}{}", query.unwrap_or_default());
            Ok(HttpResponse::new(201, "application/sdp", sdp)
                .header("location", &location)
                .header("etag", &format!("\"{etag}\"")))
        }
        (Purpose::Fragment, engine::Answer::Fragment { fragment, etag }) => {
            let response = match fragment {
                Some(fragment) => {
                    HttpResponse::new(200, "application/trickle-ice-sdpfrag", fragment)
                }
                None => HttpResponse::empty(204),
            };
            Ok(response.header("etag", &format!("\"{etag}\"")))
        }
        (Purpose::Done { status }, engine::Answer::Done {}) => Ok(HttpResponse::empty(*status)),
        (Purpose::Calls { of }, engine::Answer::Rooms { rooms }) => {
            let calls = rooms.iter().filter_map(|room| call_json(room, of.as_ref()));
            let body = json!({ "calls": calls.collect::<Vec<_>>() });
            Ok(HttpResponse::json(200, &body))
        }
        (Purpose::Recording { status }, engine::Answer::Recording(recording)) => {
            Ok(HttpResponse::json(*status, &recording_json(&recording)))
        }
        (Purpose::Recordings, engine::Answer::Recordings { recordings }) => {
            let recordings = recordings.iter().map(recording_json).collect::<Vec<_>>();
            let body = json!({ "recordings": recordings });
            Ok(HttpResponse::json(200, &body))
        }
        _ => Err(MISUNDERSTOOD.into()),
    }
}

/// A call as the API shows it; `None` if it is another app's.
fn call_json(room: &engine::Room, of: Option<&AppId>) -> Option<Value> {
    let (app, name) = room.room.split_once(':')?;
    let is_wanted = of.is_none_or(|of| of.as_str() == app);
    is_wanted.then(|| {
        json!({
            "app": app,
            "room": name,
            "locked": room.locked,
            "recorded": room.recorded,
            "peers": room.peers,
        })
    })
}

fn recording_json(recording: &engine::Recording) -> Value {
    let (app, room) = recording.room.split_once(':').unwrap_or_default();
    json!({
        "recording": recording.recording,
        "app": app,
        "room": room,
        "started": recording.started,
        "ended": recording.ended,
        "files": recording.files,
        "bytes": recording.bytes,
    })
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let status = match problem.code.as_str() {
            "bad_sdp" | "bad_fragment" => 400,
            "locked" | "removed" | "not_allowed" => 403,
            "no_such_room" | "no_such_session" | "no_such_track" | "no_such_peer" => 404,
            "recording" | "not_recording" | "peer_taken" => 409,
            "stale" => 412,
            "unsupported" | "too_many_tracks" => 422,
            "full" | "overloaded" | "too_many_publishers" | "recordings_off" => 503,
            _ => 502,
        };
        let header = (status == 503).then_some(("retry-after", "1"));
        Self {
            header,
            ..Self::new(status, problem.code, problem.message)
        }
    }
}
