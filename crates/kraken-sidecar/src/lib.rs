//! The native half of Kraken: the gateway that holds the clients.
//!
//! The gateway does what a WASM process in a Kinode node can't: it sees the whole handshake of a
//! WebSocket and can refuse it with a status, holds any number of sockets, isolates those that
//! read slowly, and fans one message out to a room. It decides nothing else: every handshake and
//! every HTTP request is put to the process over the link (see `kraken-link`).
//!
//! - `gateway`: the public handle and the state that all parts share
//! - `connector`, `websocket_connector`: ways to reach the process
//! - `link`: keeps a link up; `key`: its secret; `life`: one link from hello to drain; `session`,
//!   `place`: what clients use of it; `engine`: the media engine at the other end of it
//! - `switchboard`: who gets what the process sends; `outbox`: what waits for one client
//! - `server`: accepts connections; `handshake`, `forward`: WebSocket and plain requests
//! - `client`: the task of one WebSocket; `incoming`, `writing`: its halves; `budget`: how much it
//!   may send; `farewell`: its end; `frame`: the WebSocket protocol
//! - `address`: whose request it is; `attempts`: how often one address may try to get in
//! - `metrics`: what is counted; `refusal`: the gateway's own error answers
//!
//! Every queue has a bound:
//!
//! | queue | bound | when full |
//! |---|---|---|
//! | link, to the process | [`GatewayConfig::max_link_queue`] and one message | clients aren't read; new handshakes and requests get 503 |
//! | link, from the process | the link's window | the process waits |
//! | to the media engine | the channel's | the engine is left, and asked for again |
//! | from the media engine | the channel's | the engine waits |
//! | one client's outbox | [`GatewayConfig::max_outbox`] and one message | the client is closed with the code of its `Accept` |
//! | handshakes and requests | [`GatewayConfig::max_pending`] | 503 |
//! | bodies that arrive | [`GatewayConfig::max_bodies`] | wait, then 503 |
//! | connections | [`GatewayConfig::max_connections`] | wait in the listen queue |
//! | messages and bytes a second of a client | its `Accept`; ten times that at once | the client isn't read for a while; after [`GatewayConfig::throttle_timeout`] it is closed with the code of its `Accept` |
//! | handshakes a minute of an address | [`GatewayConfig::handshakes_per_minute`] | 429 |
//!
//! What clients say is never logged, whatever the level: no path, query, header or address, and so
//! no room, token or person. Log lines tell connections apart by number.

mod address;
mod attempts;
mod budget;
mod client;
mod config;
mod connector;
mod engine;
mod farewell;
mod forward;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod gateway;
mod handshake;
mod incoming;
mod key;
mod life;
mod link;
mod metrics;
mod outbox;
mod place;
mod refusal;
mod server;
mod session;
mod status;
mod switchboard;
mod websocket_connector;
mod writing;

pub use address::is_forwarded;
pub use config::GatewayConfig;
pub use connector::{ConnectError, ConnectFuture, LinkConnector, LinkSocket};
pub use engine::{EngineConnector, EngineSocket};
pub use forward::SMALL_BODY;
pub use gateway::Gateway;
pub use key::LinkKey;
pub use status::LinkStatus;
pub use websocket_connector::{LINK_PATH, WebSocketConnector};
