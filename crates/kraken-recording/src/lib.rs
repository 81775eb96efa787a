//! Writes what the participants of a call send to files that players open, without decoding it.
//!
//! A [`Participant`] takes RTP packets and gives files, one after the other: each holds the tracks
//! that there were at its beginning, and another one begins when a track is added. Audio alone
//! becomes Ogg (RFC 7845); with VP8, VP9 or AV1 it is WebM, with H.264 Matroska.
//!
//! Where files are and what they are called is for [`Files`] to say, and the time comes in with
//! the packets.

mod bits;
mod depacketize;
mod ebml;
pub mod fuzz;
mod matroska;
mod ogg_opus;
mod opus;
mod packet;
mod part;
mod participant;
mod reorder;
mod timeline;

pub use packet::{Codec, Packet, SenderTime, TrackId};
pub use part::{Container, Files};
pub use participant::Participant;
