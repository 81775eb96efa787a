//! Drives nodes that run a real component, `tests/guest`, and checks what it
//! gets to see against what an unmodified Kinode v1.0.0 node does.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests fail loudly, as tests do"
)]

// Installing, granting and killing by messages to the kernel.
mod commands;
// Capabilities, timeouts, state, restarts, limits, messages in and out.
mod kernel;
// Pushing to, and hearing from, extensions in the same program.
mod extension;
// Requests and sockets of processes to servers.
mod client;
// Paths, requests, answers, cached content.
mod http;
// Who is logged in.
mod login;
// Building the component, and a node with it.
mod rig;
// Databases.
mod sqlite;
// The WebSockets of clients.
mod socket;
// Files.
mod vfs;
