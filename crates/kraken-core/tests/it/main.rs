//! What validation lets through must be harmless to `yrs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail loudly"
)]

mod hostile;
// What fuzzing has been through.
mod corpus;
