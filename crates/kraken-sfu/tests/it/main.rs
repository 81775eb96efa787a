//! The SFU under virtual time: str0m clients behind a network that delays and loses packets as a
//! seed says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod bottleneck;
mod calls;
mod chaos;
mod client;
mod connection;
mod corpus;
mod film;
mod hostile;
mod layers;
mod leaving;
mod member;
mod membership;
mod messages;
mod negotiation;
mod network;
mod own;
mod page;
mod pages;
mod replay;
mod setup;
mod stage;
mod video;
mod viewing;
mod whip;
mod world;
