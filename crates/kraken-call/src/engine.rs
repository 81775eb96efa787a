//! Between the process and a media engine.

use crate::client::{FromClient, Join, Member, Moderation, Problem, ToClient};
use serde::{Deserialize, Serialize};

/// What the process tells an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum ToEngine {
    /// A client joins a call, or comes back to it.
    Join {
        /// The process's number for the client's connection.
        member: u64,
        /// The room: `app:room`.
        room: String,
        /// What the client says about itself.
        join: Join,
        /// What it may do.
        rights: Rights,
        /// Bounds on the room.
        limits: RoomLimits,
    },
    /// A client that has joined says something else.
    Say {
        /// Which.
        member: u64,
        /// What: anything but [`FromClient::Join`].
        message: FromClient,
    },
    /// A client's connection is gone. Its media goes on, and it may come back with its session;
    /// if no media comes any more, it is lost.
    Gone {
        /// Which.
        member: u64,
    },
    /// Something that is answered once, by [`FromEngine::Answer`].
    Ask {
        /// The process's number for it.
        request: u64,
        /// What is asked.
        question: Question,
    },
}

/// What an engine tells the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum FromEngine {
    /// Something for a client.
    Tell {
        /// Which.
        member: u64,
        /// What. After [`ToClient::Ended`] the member is forgotten.
        message: ToClient,
    },
    /// Answers [`ToEngine::Ask`].
    Answer {
        /// Which.
        request: u64,
        /// The answer, or why there is none.
        answer: Result<Answer, Problem>,
    },
}

/// What a client may do in a call. Everybody may receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Publish tracks.
    pub publish: bool,
    /// Mute, remove, lock.
    pub moderate: bool,
}

/// Bounds on a room; the engine may have lower ones of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomLimits {
    /// Members at a time.
    pub peers: u32,
    /// Members that publish at a time.
    pub publishers: u32,
    /// Bits a second that a member is sent at most.
    pub bitrate: u64,
}

/// What the process asks an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Question {
    /// A WHIP client publishes (RFC 9725). Answered by [`Answer::Session`].
    Whip {
        /// The room: `app:room`.
        room: String,
        /// The client's offer.
        sdp: String,
        /// Bounds on the room.
        limits: RoomLimits,
    },
    /// A WHEP client receives. Answered by [`Answer::Session`].
    Whep {
        /// The room: `app:room`.
        room: String,
        /// The client's offer.
        sdp: String,
        /// Bounds on the room.
        limits: RoomLimits,
    },
    /// Such a client sends a fragment of a description (RFC 8840): candidates, or a restart of
    /// ICE. Answered by [`Answer::Fragment`].
    Trickle {
        /// The room.
        room: String,
        /// The session, as [`Answer::Session`] named it.
        session: String,
        /// The ICE session that it means, as [`Answer::Session`] or [`Answer::Fragment`] named it;
        /// `*` for whichever there is.
        if_match: String,
        /// The fragment.
        fragment: String,
    },
    /// Such a client leaves. Answered by [`Answer::Done`].
    Leave {
        /// The room.
        room: String,
        /// The session.
        session: String,
    },
    /// All calls. Answered by [`Answer::Rooms`].
    Rooms {},
    /// What an admin does by the HTTP API. Answered by [`Answer::Done`].
    Moderate {
        /// The room.
        room: String,
        /// What.
        moderation: Moderation,
    },
    /// Starts to record a room. Answered by [`Answer::Recording`].
    Record {
        /// The room.
        room: String,
    },
    /// Stops to record a room. Answered by [`Answer::Recording`].
    StopRecording {
        /// The room.
        room: String,
    },
    /// The recordings that there are. Answered by [`Answer::Recordings`].
    Recordings {},
}

/// What an engine answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Answer {
    /// A WHIP or WHEP client is in.
    Session {
        /// Its name, which is hard to guess.
        session: String,
        /// The answer to its offer.
        sdp: String,
        /// Names the ICE session, for `ETag`.
        etag: String,
    },
    /// What a fragment is answered with.
    Fragment {
        /// A fragment with the server's new ICE credentials, after a restart of ICE.
        fragment: Option<String>,
        /// Names the ICE session now.
        etag: String,
    },
    /// It is done.
    Done {},
    /// All calls.
    Rooms {
        /// In the order of their names.
        rooms: Vec<Room>,
    },
    /// A recording.
    Recording(Recording),
    /// All recordings, the newest first.
    Recordings {
        /// Which.
        recordings: Vec<Recording>,
    },
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// `app:room`.
    pub room: String,
    /// Whether only admins can join.
    pub locked: bool,
    /// Whether it is recorded.
    pub recorded: bool,
    /// Who is in it.
    pub peers: Vec<Peer>,
}

/// Somebody in a call, for the admin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// As the others see it.
    #[serde(flatten)]
    pub member: Member,
    /// What its connection is estimated to take, in bits a second.
    pub estimate: u64,
}

/// A recording of a room: a folder of files, of which every participant has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// Its name, and that of its folder.
    pub recording: String,
    /// The room.
    pub room: String,
    /// When it began, in milliseconds since 1970.
    pub started: u64,
    /// When it ended, in milliseconds since 1970; nothing while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<u64>,
    /// Paths of its files on the engine's machine.
    pub files: Vec<String>,
    /// Bytes of all files together.
    pub bytes: u64,
}
