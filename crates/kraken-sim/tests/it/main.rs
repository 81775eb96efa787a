//! The core's behaviour, through the simulation. Test names begin with the ids of SPEC.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail loudly"
)]

// Sync, step by step: what is sent to whom.
mod sync;
// Awareness across connections and time.
mod awareness;
// What bad input does, and to whom.
mod bad_input;
// What takes long, and who waits for it.
mod integration;
// What is kept, and when.
mod storage;
// Apps, tokens and limits while clients are connected.
mod tenants;
// Seeded runs with many clients and faults.
mod chaos;
// SDS stores: what is relayed, kept, and sent to whoever joins.
mod stores;
// Group calls: who may say what to the media engine.
mod calls;
// The doors for WHIP and WHEP.
mod whip;

use bytes::Bytes;
use kraken_core::doc::message::{self, Message};
use kraken_core::{Durability, Limits};
use kraken_sim::World;

fn relay_first() -> World {
    World::new(1, Durability::RelayFirst, Limits::default())
}

fn write_first() -> World {
    World::new(1, Durability::WriteFirst, Limits::default())
}

fn message(frame: &Bytes) -> Message {
    let mut found = None;
    message::parse_frame(frame, |message, alone| {
        assert!(alone, "one message a frame");
        found = Some(message);
        Ok::<_, message::Malformed>(())
    })
    .unwrap();
    found.unwrap()
}

fn messages(frames: &[Bytes]) -> Vec<Message> {
    frames.iter().map(message).collect()
}
