//! The native half of Kraken: the gateway that holds the clients.
//!
//! The gateway does what a WASM process in a Kinode node can't: it sees the whole handshake of a
//! WebSocket and can refuse it with a status, holds any number of sockets, isolates those that
//! read slowly, and fans one message out to a room. It decides nothing else: every handshake and
//! every HTTP request is put to the process over the link (see `kraken-link`).
//!
//! - `gateway`: the public handle and the state that all parts share
//! - `connector`, `websocket_connector`: ways to reach the process
//! - `link`: keeps a link up; `life`: one link from hello to drain; `session`, `place`: what clients
//!   use of it
//! - `switchboard`: who gets what the process sends; `outbox`: what waits for one client
//! - `server`: accepts connections; `handshake`, `forward`: WebSocket and plain requests
//! - `client`: the task of one WebSocket; `incoming`, `writing`: its halves; `farewell`: its end;
//!   `frame`: the WebSocket protocol
//!
//! Every queue has a bound:
//!
//! | queue | bound | when full |
//! |---|---|---|
//! | link, to the process | [`GatewayConfig::max_link_queue`] and one message | clients aren't read; new handshakes and requests get 503 |
//! | link, from the process | the link's window | the process waits |
//! | one client's outbox | [`GatewayConfig::max_outbox`] and one message | the client is closed with the code of its `Accept` |
//! | handshakes and requests | [`GatewayConfig::max_pending`] | 503 |
//! | connections | [`GatewayConfig::max_connections`] | wait in the listen queue |
//!
//! Tokens travel in queries and headers, so neither is ever logged; addresses only at DEBUG.

mod client;
mod config;
mod connector;
mod farewell;
mod forward;
mod frame;
mod gateway;
mod handshake;
mod incoming;
mod life;
mod link;
mod outbox;
mod place;
mod server;
mod session;
mod status;
mod switchboard;
mod websocket_connector;
mod writing;

pub use config::GatewayConfig;
pub use connector::{ConnectError, ConnectFuture, LinkConnector, LinkSocket};
pub use gateway::Gateway;
pub use status::LinkStatus;
pub use websocket_connector::{LINK_PATH, WebSocketConnector};
