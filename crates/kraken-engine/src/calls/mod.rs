//! Calls of Kraken's own rooms. A process tells of members and what they say, and is told what
//! they should hear.
//!
//! [`Desk`] is what a worker knows of its calls: it translates between members, of whom the
//! process speaks, and sessions, of which the router knows. [`bridge`] carries messages between
//! the process and the desks.

pub(crate) mod bridge;
mod desk;
mod line;
mod moderation;
mod problem;
mod questions;
mod recordings;
mod words;

pub use bridge::CallSocket;
pub(crate) use desk::{CallCounts, Desk};
pub(crate) use recordings::heed;
