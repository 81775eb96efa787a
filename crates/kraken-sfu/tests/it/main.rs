//! The SFU under virtual time: str0m clients behind a network that delays and loses packets as a
//! seed says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod calls;
mod chaos;
mod client;
mod corpus;
mod hostile;
mod leaving;
mod negotiation;
mod network;
mod video;
mod world;
