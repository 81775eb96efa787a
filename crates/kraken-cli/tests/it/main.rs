//! The real component in the embedded node, with the gateway in front: what only shows when all
//! of it is together. Requests to storage come back late and in any order here, and at the end
//! of each test the process must have done nothing that would hurt a real node.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail loudly"
)]

// `kraken token` and `kraken apps`, with a server that the test plays itself.
mod api;
// What becomes of clients and their edits when the process dies.
mod restart;
// Who may link, and what they are told.
mod link;
// `kraken serve` with a media engine.
mod engine;
// The package that tests Kraken inside of a node.
mod tester;
// `kraken sidecar` when something is missing.
mod sidecar;

mod command;
mod rig;
