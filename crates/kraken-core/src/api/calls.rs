//! Calls and their recordings, for the owner; calls also for who administers their app.

use super::questions::{Asked, Purpose};
use super::{Failure, HttpRequest};
use crate::call::check_moderation;
use crate::grant::Access;
use crate::ids::{AppId, RoomId, RoomName, Timestamp};
use crate::{Core, token};
use kraken_call::{Moderation, Question};
use serde::Deserialize;

/// What an admin does in a call.
#[derive(Deserialize)]
struct ModerationRequest {
    app: Option<String>,
    room: String,
    #[serde(flatten)]
    moderation: Moderation,
}

/// The room to be recorded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingRequest {
    app: Option<String>,
    room: String,
}

impl Core {
    pub(super) fn calls(&self, request: &HttpRequest, now: Timestamp) -> Result<Asked, Failure> {
        match request.method.as_str() {
            "GET" => Ok(Asked {
                question: Question::Rooms {},
                purpose: Purpose::Calls {
                    of: self.administered_app(request, now)?,
                },
            }),
            "POST" => {
                // Before the body: strangers aren't told what is wrong with it.
                let of = self.administered_app(request, now)?;
                let ModerationRequest {
                    app,
                    room,
                    moderation,
                } = request.json()?;
                let app = app.or_else(|| of.map(String::from));
                let room = room_id(app.as_deref(), &room)?;
                self.check_app_admin(&room.app, request, now)?;
                check_moderation(&moderation)
                    .map_err(|(code, message)| Failure::new(400, code, message))?;
                Ok(Asked {
                    question: Question::Moderate {
                        room: room.to_string(),
                        moderation,
                    },
                    purpose: Purpose::Done { status: 204 },
                })
            }
            _ => Err(Failure::method_not_allowed("GET, POST")),
        }
    }

    pub(super) fn recordings(
        &self,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<Asked, Failure> {
        self.check_admin(request, now)?;
        match request.method.as_str() {
            "GET" => Ok(Asked {
                question: Question::Recordings {},
                purpose: Purpose::Recordings,
            }),
            "POST" => {
                let RecordingRequest { app, room } = request.json()?;
                let room = room_id(app.as_deref(), &room)?.to_string();
                Ok(Asked {
                    question: Question::Record { room },
                    purpose: Purpose::Recording { status: 201 },
                })
            }
            "DELETE" => {
                let room = request.parameter("room").unwrap_or_default();
                let room = room_id(request.parameter("app").as_deref(), &room)?.to_string();
                Ok(Asked {
                    question: Question::StopRecording { room },
                    purpose: Purpose::Recording { status: 200 },
                })
            }
            _ => Err(Failure::method_not_allowed("GET, POST, DELETE")),
        }
    }

    /// The app to which a request is bound: that of its token, unless it is the owner's.
    fn administered_app(
        &self,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<Option<AppId>, Failure> {
        let bearer = request.bearer().unwrap_or_default();
        let registry = &self.settings.registry;
        let grant = token::is_jwt(bearer).then(|| token::verify(bearer, registry, now).ok());
        let app = grant
            .flatten()
            .filter(|grant| grant.access == Access::Admin);
        match app {
            Some(grant) => {
                self.check_app_admin(&grant.app, request, now)?;
                Ok(Some(grant.app))
            }
            None => {
                self.check_admin(request, now)?;
                Ok(None)
            }
        }
    }
}

fn room_id(app: Option<&str>, room: &str) -> Result<RoomId, Failure> {
    let app = app.map_or_else(|| Some(AppId::default_app()), AppId::parse);
    let app = app.ok_or_else(|| Failure::bad_request("app is the id of an app"))?;
    let room = RoomName::parse(room)
        .ok_or_else(|| Failure::new(400, "invalid_room", "a room has 1 to 1024 bytes"))?;
    Ok(RoomId { app, room })
}
