//! What Kraken's clients, its process and its media engine say to each other about calls.
//!
//! A client speaks JSON text on its room's socket: `{"kraken": "call", "call": {"type", …}}`, with
//! a [`FromClient`] in it, and gets the like with a [`ToClient`]. The process knows who the client
//! is and what it may do; it passes on what it says as [`ToEngine`], and gets [`FromEngine`] back.
//! Both travel as JSON, since a call says little.

mod client;
mod engine;

pub use client::{
    Ended, Envelope, FromClient, Join, Kind, Layer, Member, Moderation, OfferedTrack, Problem,
    ReceivedTrack, Source, ToClient, Track, TrackWish,
};
pub use engine::{
    Answer, FromEngine, Peer, Question, Recording, Rights, Room, RoomLimits, ToEngine,
};
