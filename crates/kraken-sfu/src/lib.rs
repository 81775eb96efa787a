//! Kraken's media router: rooms in which everybody receives what everybody else publishes.
//!
//! It forwards audio and video without decoding them, and does no IO: [`Sfu`] takes datagrams,
//! requests and the time, and gives datagrams. Clients of calls are sent the layers of video for
//! which their connections have room; those of JSON-RPC get all as it comes. What it doesn't do:
//! transcode, record, or decide who may join.

mod bandwidth;
mod channels;
mod codec;
mod config;
mod demux;
mod error;
mod feed;
pub mod fuzz;
mod guard;
mod ids;
mod keyframes;
mod layers;
mod messages;
mod meter;
mod negotiation;
mod peer;
mod pictures;
mod rebase;
mod role;
mod sdp;
mod sfu;
mod slot;
mod source;
mod speakers;
mod stats;
mod tap;

pub use config::{Config, Limits, Patience};
pub use demux::{Transport, asked_for};
pub use error::{CallError, Error};
pub use ids::{IdError, RoomId, SessionId, UserId};
pub use messages::{
    Attach, Attached, Bounds, CallEvent, Datagram, Event, Farewell, Join, Layer, Member, News,
    Offer, OfferedTrack, Participant, Publish, Published, Received, Restarted, Rights, Roster,
    Track, TrackSource, TrackWish, Transmit, Way, Who,
};
pub use sfu::Sfu;
pub use stats::{RTT_BOUNDS, Stats};
pub use str0m::media::MediaKind;
pub use tap::{SenderTime, Tap, TapId, TapPacket, TapTrack};
