//! Kraken's media engine: sockets, workers and an HTTP API around [`kraken_sfu`].
//!
//! Clients talk to it in the JSON-RPC of Mixin Kraken, and send media to one UDP and one TCP
//! port. Each worker is a thread with rooms of its own; workers share nothing but two tables: on
//! whom each room is, and who is asked for by which name.
//!
//! Members of calls in Kraken's own rooms don't talk to it themselves, but by way of a process,
//! which is at the other end of a [`CallSocket`].
//!
//! A [`Monitor`] stands before several engines: it speaks the same JSON-RPC, and passes each call
//! on to the engine on which the room is.

mod calls;
mod config;
mod directory;
mod engine;
mod file;
#[doc(hidden)]
pub mod fuzz;
mod http_client;
mod metrics;
mod monitor;
mod network;
mod placement;
mod recording;
mod rpc;
mod server;
mod worker;

pub use calls::CallSocket;
pub use config::{Address, Config, MonitorLink, RecordingConfig, RpcConfig, TurnConfig};
pub use engine::{Engine, StartError};
pub use file::{ConfigError, File};
pub use monitor::Monitor;
pub use network::{NetworkError, addresses};
