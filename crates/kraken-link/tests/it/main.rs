//! Tests of the link through its public API.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

/// Random bytes are errors, never panics.
mod arbitrary;
/// What fuzzing has been through.
mod corpus;
/// The exact bytes of every record.
mod golden;
/// Two endpoints that talk to each other in random order.
mod lockstep;
/// Records come out as they went in.
mod roundtrip;
/// Random records for the other modules.
mod strategies;
/// Each way to break the protocol has its own error.
mod violations;
/// What may be in flight, and when it is acknowledged.
mod windows;
