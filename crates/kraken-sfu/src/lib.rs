//! Kraken's media router: rooms in which everybody receives what everybody else publishes.
//!
//! It forwards audio and video without decoding them, and does no IO: [`Sfu`] takes datagrams,
//! requests and the time, and gives datagrams. What it doesn't do: choose between layers of
//! video, estimate bandwidth, record, or decide who may join.

mod config;
mod demux;
mod error;
pub mod fuzz;
mod guard;
mod ids;
mod keyframes;
mod messages;
mod negotiation;
mod peer;
mod rebase;
mod sdp;
mod sfu;
mod slot;
mod source;
mod stats;

pub use config::{Config, Limits, Patience};
pub use demux::{Transport, asked_for};
pub use error::Error;
pub use ids::{IdError, RoomId, SessionId, UserId};
pub use messages::{Datagram, Event, Member, Publish, Transmit, Who};
pub use sfu::Sfu;
pub use stats::{RTT_BOUNDS, Stats};
