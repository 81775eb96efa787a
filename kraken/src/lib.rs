//! The Kraken process: Kinode messages in and out of `kraken-core`.
//!
//! Nothing is decided here. A message is decoded, handed to the core with the time, and the
//! core's effects become messages. After [`init`] no request blocks: a process that waits while
//! messages come in can stall its whole node.

mod clock;
mod component;
mod link;
mod process;
mod settings;
mod storage;

use kinode_process_lib::http::server::{HttpBindingConfig, HttpServer, WsBindingConfig};
use kinode_process_lib::{Address, await_message, println};
use process::Process;
use settings::Settings;

/// Where the sidecar connects, as a runtime extension.
const LINK_PATH: &str = "/link";
/// Seconds that the node may take to answer while the process starts.
const START_TIMEOUT: u64 = 10;

fn init(our: Address) {
    let settings = Settings::load(&our);
    let mut server = HttpServer::new(START_TIMEOUT);
    let open = HttpBindingConfig::default().authenticated(false);
    let extension = WsBindingConfig::new(false, false, true);
    let bound = server
        .bind_http_path("/", open)
        .and_then(|()| server.bind_ws_path(LINK_PATH, extension));
    if let Err(error) = bound {
        println!("kraken: the node's HTTP server refuses a path: {error}");
    }
    let mut process = Process::new(our, settings);
    loop {
        match await_message() {
            Ok(message) => process.handle(&message),
            Err(error) => process.undelivered(&error),
        }
    }
}
