//! Between a client and its room.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The text message that carries one of the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// Always `call`.
    pub kraken: String,
    /// What is said.
    pub call: T,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum FromClient {
    /// Lets it join the room's call, or come back to it: answered by [`ToClient::Joined`].
    Join(Join),
    /// Its description of what it sends: new tracks, other tracks, new network paths. Answered by
    /// [`ToClient::Answer`]. It takes back an offer of the server that it hasn't answered.
    Publish {
        /// The offer.
        sdp: String,
        /// The tracks in it; one that is left out is no longer published.
        tracks: Vec<OfferedTrack>,
    },
    /// Answers [`ToClient::Offer`].
    Answer {
        /// The number of the offer.
        offer: u32,
        /// The answer.
        sdp: String,
    },
    /// How it wants to receive tracks. Those that aren't named stay as they are.
    Receive {
        /// What it wants.
        tracks: Vec<TrackWish>,
    },
    /// Whether a track of its own is silent, so that others can show it.
    Mute {
        /// Which.
        track: String,
        /// Whether it is.
        muted: bool,
    },
    /// Something for which it must be an admin of the room.
    Moderate(Moderation),
    /// What it has seen of the call, for the metrics.
    Report {
        /// How often a picture stood still since the last report.
        freezes: u32,
    },
    /// Lets it leave.
    Leave {},
}

impl FromClient {
    /// The message's type, as its JSON has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Join(_) => "join",
            Self::Publish { .. } => "publish",
            Self::Answer { .. } => "answer",
            Self::Receive { .. } => "receive",
            Self::Mute { .. } => "mute",
            Self::Moderate(_) => "moderate",
            Self::Report { .. } => "report",
            Self::Leave {} => "leave",
        }
    }
}

/// What a client says about itself when it joins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Join {
    /// Its name for programs, which nobody else in the call has. At most 128 bytes.
    pub peer: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whatever the app wants others to know.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
    /// The session to come back to, as [`ToClient::Joined`] named it: its media went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// A track that a client publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedTrack {
    /// The media section of the offer in which it is.
    pub mid: String,
    /// What it shows.
    pub source: Source,
    /// Whether it is silent.
    #[serde(default)]
    pub muted: bool,
}

/// What a track shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Somebody.
    Camera,
    /// Somebody's voice.
    Microphone,
    /// A screen.
    Screen,
    /// What a screen is heard to play.
    ScreenAudio,
}

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Audio.
    Audio,
    /// Video.
    Video,
}

/// How a client wants to receive a track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrackWish {
    /// Which.
    pub track: String,
    /// Not at all, if false: a tile that nobody sees.
    pub enabled: bool,
    /// How many pixels wide it is shown; 0 or nothing if that isn't known.
    #[serde(default)]
    pub width: u32,
    /// How high.
    #[serde(default)]
    pub height: u32,
}

/// What an admin of the room does. Answered by nothing, or by [`ToClient::Error`]; others hear of
/// what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "action",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Moderation {
    /// Nothing of a track goes to anybody until its publisher unmutes it by itself.
    MuteTrack {
        /// Which.
        track: String,
    },
    /// Somebody has to leave, and can come back only with another token or when the room is
    /// empty.
    Remove {
        /// Who.
        peer: String,
    },
    /// Nobody but admins can join, or everybody again.
    Lock {
        /// Whether it is locked.
        locked: bool,
    },
}

/// What the server says to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum ToClient {
    /// It is in the call.
    Joined {
        /// To come back with. A secret of the client.
        session: String,
        /// Whether its media went on: otherwise it publishes anew.
        resumed: bool,
        /// The others.
        peers: Vec<Member>,
        /// Whether it may publish.
        may_publish: bool,
        /// Whether it may moderate.
        may_moderate: bool,
        /// Whether the room is locked.
        locked: bool,
        /// Whether the room is recorded.
        recorded: bool,
    },
    /// Answers [`FromClient::Publish`].
    Answer {
        /// The answer.
        sdp: String,
        /// The tracks as others will know them, in the order of the offer.
        tracks: Vec<Track>,
    },
    /// Tracks have come or gone. Answered by [`FromClient::Answer`], unless the client has an offer
    /// of its own under way: then the server takes this one back.
    Offer {
        /// Its number.
        offer: u32,
        /// The offer.
        sdp: String,
        /// What is in it: one for each media section on which something is received.
        tracks: Vec<ReceivedTrack>,
    },
    /// Somebody is there, or has changed: name, tracks, what is muted.
    Peer(Member),
    /// Somebody has left.
    PeerLeft {
        /// Who.
        peer: String,
    },
    /// Who speaks, loudest first, and who has spoken lately, latest first.
    Speakers {
        /// Those who speak now.
        active: Vec<String>,
        /// All who have ever spoken, the latest first: an order for tiles.
        order: Vec<String>,
    },
    /// What of the client's wishes its connection has room for.
    Layers {
        /// The tracks whose layer has changed, with what is sent now.
        tracks: Vec<Layer>,
        /// What its connection is estimated to take, in bits a second.
        estimate: u64,
    },
    /// An admin has silenced a track of the client.
    Muted {
        /// Which.
        track: String,
    },
    /// The room was locked or unlocked.
    Locked {
        /// Whether it is.
        locked: bool,
    },
    /// The room is recorded, or no longer.
    Recorded {
        /// Whether it is.
        recorded: bool,
    },
    /// The call is over for this client.
    Ended {
        /// Why.
        reason: Ended,
    },
    /// Something the client said was refused; all is as it was.
    Error(Problem),
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// An admin has removed the client.
    Removed,
    /// The client joined again elsewhere.
    Replaced,
    /// No media came for too long. It can join again.
    Lost,
    /// The engine has gone. It can join again once there is one.
    Engine,
}

/// What was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// The type of the message that was refused, such as `publish`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// Somebody in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its name for programs.
    pub peer: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the app says about it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
    /// What it publishes.
    pub tracks: Vec<Track>,
}

/// A published track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Track {
    /// Its name, which no other track of the call has.
    pub track: String,
    /// Audio or video.
    pub kind: Kind,
    /// What it shows.
    pub source: Source,
    /// Whether it is silent.
    pub muted: bool,
}

/// What a client receives on a media section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedTrack {
    /// The media section.
    pub mid: String,
    /// Whose track it is.
    pub peer: String,
    /// Which.
    pub track: String,
}

/// What of a video track a client is sent now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Which track.
    pub track: String,
    /// The layer's name, such as `q`, `h` or `f`; nothing if there is only one; see `paused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Whether nothing is sent: it was not wanted, or there is no room for it.
    pub paused: bool,
}
