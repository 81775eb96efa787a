//! What goes into an SFU and comes out of it.

use crate::demux::Transport;
use crate::ids::{RoomId, SessionId, UserId};
use std::net::SocketAddr;
use str0m::media::MediaKind;

/// A datagram that came in.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// How it came.
    pub transport: Transport,
    /// Who sent it.
    pub source: SocketAddr,
    /// Which of the SFU's addresses it was sent to, as peers know it.
    pub destination: SocketAddr,
    /// What is in it.
    pub contents: &'a [u8],
}

/// A datagram that is to go out.
#[derive(Debug)]
pub struct Transmit {
    /// How it goes.
    pub transport: Transport,
    /// From which of the SFU's addresses, as peers know it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Connectivity checks will ask for this name.
    Named(String),
    /// Nobody answers to this name any more.
    Unnamed(String),
    /// Something that members of a call should hear.
    Call(CallEvent),
}

/// What has happened in a call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallEvent {
    /// Which call.
    pub room: RoomId,
    /// What.
    pub news: News,
}

/// Something that members of a call should hear.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Somebody has come, or has other tracks than before.
    Changed {
        /// Who.
        user: UserId,
    },
    /// Somebody has left.
    Left {
        /// Who.
        user: UserId,
        /// With which session.
        session: SessionId,
        /// Why.
        why: Farewell,
    },
    /// What a member receives has changed: for that member.
    Offer(Offer),
    /// An admin has silenced a track: for its publisher.
    Silenced {
        /// Whose track.
        user: UserId,
        /// Which.
        track: String,
    },
    /// The call was locked or unlocked.
    Locked {
        /// Whether it is.
        is_locked: bool,
    },
    /// Others speak than before: for everybody.
    Speakers {
        /// Who speaks now, the loudest first.
        active: Vec<UserId>,
        /// All who have ever spoken, the latest first.
        order: Vec<UserId>,
    },
    /// What of its wishes a member's connection has room for: for that member.
    Layers {
        /// The member.
        user: UserId,
        /// The tracks of which something else is sent than before.
        layers: Vec<Layer>,
        /// What the connection is estimated to take, in bits a second.
        estimate: u64,
    },
}

/// Why somebody is no longer in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// They said so.
    Left,
    /// An admin wanted it.
    Removed,
    /// They joined anew.
    Replaced,
    /// Nothing was heard of them for too long, or their connection has failed.
    Lost,
}

/// An offer to a member of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// To whom.
    pub user: UserId,
    /// Its number, which the answer repeats.
    pub number: u32,
    /// The description.
    pub sdp: String,
    /// What is received on which media section.
    pub tracks: Vec<Received>,
}

/// What is received on a media section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The section.
    pub mid: String,
    /// Whose track it is.
    pub user: UserId,
    /// Which.
    pub track: String,
}

/// A request to join a room.
#[derive(Debug, Clone)]
pub struct Publish {
    /// Which room.
    pub room: RoomId,
    /// Who joins. If the user is there already, the new session takes the place of the old one.
    pub user: UserId,
    /// The name of the new session.
    pub session: SessionId,
    /// The client's description of the call.
    pub offer: String,
    /// The request is refused if so many others are in the room already.
    pub limit: Option<usize>,
}

/// Whom a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The room.
    pub room: RoomId,
    /// The user in it.
    pub user: UserId,
    /// The user's session.
    pub session: SessionId,
}

/// Who is in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// The user's session, which is a secret of the user.
    pub session: SessionId,
}

/// A request to join a call.
#[derive(Debug, Clone)]
pub struct Join {
    /// Who joins which room, under which new session.
    pub who: Who,
    /// What the user may do.
    pub rights: Rights,
    /// Bounds on the room, which the SFU's own may be below.
    pub bounds: Bounds,
}

/// What a user may do in a call. Everybody may receive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    /// Publish tracks.
    pub publish: bool,
    /// Join though the room is locked.
    pub moderate: bool,
}

/// Bounds on a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Users at a time.
    pub peers: usize,
    /// Users that publish at a time.
    pub publishers: usize,
    /// Bits a second that each user is sent at most.
    pub bitrate: u64,
}

/// A track that a client publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedTrack {
    /// The media section of the offer in which it is.
    pub mid: String,
    /// What it shows.
    pub source: TrackSource,
    /// Whether it is silent.
    pub is_muted: bool,
}

/// What a track shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrackSource {
    /// Somebody.
    Camera,
    /// Somebody's voice.
    Microphone,
    /// A screen.
    Screen,
    /// What a screen is heard to play.
    ScreenAudio,
}

impl TrackSource {
    /// Audio or video.
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Camera | Self::Screen => MediaKind::Video,
            Self::Microphone | Self::ScreenAudio => MediaKind::Audio,
        }
    }
}

/// A track as the others in the call know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its name, which no other track of the call has.
    pub name: String,
    /// What it shows.
    pub source: TrackSource,
    /// Whether its publisher says that it is silent.
    pub is_muted: bool,
    /// Whether an admin has silenced it: nothing of it goes to anybody.
    pub is_silenced: bool,
}

/// The answer to somebody who publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The description.
    pub sdp: String,
    /// The tracks, in the order in which they were offered.
    pub tracks: Vec<Track>,
}

/// Somebody in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// The user.
    pub user: UserId,
    /// The user's session, which is a secret of the user.
    pub session: SessionId,
    /// What the user publishes.
    pub tracks: Vec<Track>,
    /// Whether it is a client that only watches, of which the others need to know nothing.
    pub is_viewer: bool,
    /// What the user's connection is estimated to take, in bits a second.
    pub estimate: u64,
}

/// Who is in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Whether only admins can join.
    pub is_locked: bool,
    /// Who is in it, in the order of their names.
    pub participants: Vec<Participant>,
}

/// How a member wants to receive a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackWish {
    /// Which.
    pub track: String,
    /// Whether at all.
    pub is_enabled: bool,
    /// How many pixels wide it is shown; 0 if that isn't known.
    pub width: u32,
    /// How high.
    pub height: u32,
}

/// What of a video track a member is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Which track.
    pub track: String,
    /// The layer's name, if there are several.
    pub rid: Option<String>,
    /// Whether nothing is sent.
    pub is_paused: bool,
}

/// A request to join a call with one description, by WHIP or WHEP.
#[derive(Debug, Clone)]
pub struct Attach {
    /// Who joins which room, under which new session.
    pub who: Who,
    /// What the client wants.
    pub way: Way,
    /// The client's description.
    pub offer: String,
    /// Bounds on the room.
    pub bounds: Bounds,
}

/// What a client wants that has one description only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To publish: its first audio and its first video.
    Whip,
    /// To receive who is heard, on its first audio and its first video.
    Whep,
}

/// How such a client is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The answer to its description.
    pub sdp: String,
    /// Names the ICE session.
    pub ice: String,
}

/// The answer to a fragment of a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarted {
    /// The SFU's new credentials and its candidates, if the client has restarted ICE.
    pub fragment: Option<String>,
    /// Names the ICE session now.
    pub ice: String,
}
