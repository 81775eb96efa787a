//! Tests of the gateway over real TCP, with a process that each test plays itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

/// How a WebSocket is let in, or not.
mod handshake;
/// Plain HTTP requests.
mod http;
/// What too large, too slow and too silent clients get.
mod limits;
/// How the gateway finds, loses and leaves the process.
mod link;
/// Messages in both directions, and the fan-out.
mod messages;
/// The gateway, the process and clients of all tests.
mod rig;
