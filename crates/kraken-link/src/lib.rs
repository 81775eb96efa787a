//! Frames between the Kraken process and its sidecar.
//!
//! The link is one ordered, message-based channel: an extension WebSocket of a Kinode node, or a
//! queue in memory. This crate turns [records](Record) into numbered frames and back, and keeps
//! each side from growing the other's memory. It owns no socket, no clock and no thread.
//!
//! # Layout
//!
//! ```text
//! frame   0xC1 | number u32 | ack u32 | record*
//! record  kind u8 | length varint | body
//! ```
//!
//! Integers are little-endian. `number` counts 1, 2, 3… in each direction and wraps from
//! `u32::MAX` to 1. `ack` is the highest number that the sender of the frame has fully consumed, 0
//! if none. A frame numbered 0 has no records, only carries `ack`, and is not acknowledged itself.
//! 0xC1 is never valid MessagePack, so a node passes frames through untouched.
//!
//! In bodies, `varint` is unsigned LEB128 of at most 32 bits in its shortest form, a string is a
//! varint length and UTF-8, a flag is 0 or 1, an optional string is a flag and, if 1, a string. A payload
//! is the rest of the body.
//!
//! A record of more than [`PART_SIZE`] bytes travels as consecutive `Part` records (kind 0x7F, body
//! `last u8 | chunk`), each alone in its frame.
//!
//! # Use
//!
//! An [`Endpoint`] is one end. Records go in with [`Endpoint::queue`], frames for the channel come
//! out of [`Endpoint::poll_frame`]; frames of the channel go into [`Endpoint::receive`], records
//! come out of [`Endpoint::next`]. After any error the channel is of no more use: drop the endpoint
//! and the channel.
//!
//! ```
//! use kraken_link::{Endpoint, ToProcess};
//!
//! let mut sidecar = Endpoint::sidecar();
//! let mut process = Endpoint::process();
//! sidecar.queue(&ToProcess::Drain);
//! while let Some(frame) = sidecar.poll_frame() {
//!     process.receive(frame.into())?;
//! }
//! assert_eq!(process.next()?, Some(ToProcess::Drain));
//! # Ok::<(), kraken_link::LinkError>(())
//! ```

mod endpoint;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod receiving;
mod record;
mod sending;
mod sequence;
mod to_process;
mod to_sidecar;
mod window;
mod wire;

pub use endpoint::Endpoint;
pub use error::LinkError;
pub use record::Record;
pub use to_process::{Handshake, ToProcess};
pub use to_sidecar::ToSidecar;

/// The version both sides say in `Hello` and `Welcome`. Sides of different versions don't talk.
pub const VERSION: u16 = 4;

/// The first byte of every frame.
pub const FRAME_MARK: u8 = 0xC1;

/// Bytes before the first record of a frame.
pub const HEADER_SIZE: usize = 9;

/// A frame takes no further record once it would pass this many bytes.
pub const FRAME_SOFT_LIMIT: usize = 256 * 1024;

/// The largest frame that is accepted, in bytes.
pub const MAX_FRAME: usize = 2 * 1024 * 1024;

/// A record of more bytes, encoded, travels in parts of at most this size.
pub const PART_SIZE: usize = 1024 * 1024;

/// The largest record, encoded, in bytes: a message of 100 MiB and what surrounds it.
pub const MAX_RECORD: usize = 100 * 1024 * 1024 + 64 * 1024;

/// The largest message of or for the media engine, in bytes.
pub const MAX_ENGINE_MESSAGE: usize = 1024 * 1024;
