//! What validation lets through must be harmless to `yrs`; sockets of the node itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail loudly"
)]

mod hostile;
// What fuzzing has been through.
mod corpus;
// The way in without a gateway.
mod direct;
// The web UI's files.
mod pages;
