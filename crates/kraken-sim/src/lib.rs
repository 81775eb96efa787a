//! A deterministic world around `kraken-core`: clients, network, storage, faults and time.
//!
//! Test only. A test connects clients, acts, lets the world settle, and asserts. Everything that
//! is left to chance (delays, losses, crashes, edits) comes from one seed, so that a failure can
//! be run again; [`World::log`] tells what happened.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness fails loudly"
)]

pub mod calls;
mod client;
mod storage;
pub mod stores;
mod world;

pub use client::Client;
pub use storage::Storage;
pub use world::{ADMIN_TOKEN, ClientId, Faults, MASTER_TOKEN, World};
