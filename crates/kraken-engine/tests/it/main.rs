//! An engine over loopback: real sockets, real HTTP, and str0m clients.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

/// A member of a call with a socket.
mod caller;
/// Everybody hears everybody, whichever way the packets go.
mod calls;
/// A client with sockets.
mod client;
/// What fuzzing has been through.
mod corpus;
/// Calls of a process's rooms.
mod group;
/// What strangers send.
mod hostile;
/// What is counted.
mod metrics;
/// A monitor before engines.
mod monitor;
/// A process with members of calls.
mod process;
/// An engine to test.
mod rig;
/// Shapes, codes and texts of the JSON-RPC.
mod rpc;
