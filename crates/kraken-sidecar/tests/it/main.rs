//! Tests of the gateway over real TCP, with a process that each test plays itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

/// Whose request it is, and how often it may come.
mod address;
/// What fuzzing has been through.
mod corpus;
/// Messages of and for the media engine.
mod engine;
/// How a WebSocket is let in, or not.
mod handshake;
/// Plain HTTP requests.
mod http;
/// What too large, too slow and too silent clients get.
mod limits;
/// How the gateway finds, loses and leaves the process.
mod link;
/// What is logged, and what never is.
mod logs;
/// Messages in both directions, and the fan-out.
mod messages;
/// What is counted.
mod metrics;
/// What clients get that send too much.
mod rates;
/// The gateway, the process and clients of all tests.
mod rig;
