//! The Kraken process: Kinode messages in and out of `kraken-core`.
//!
//! Nothing is decided here. A message is decoded, handed to the core with the time, and the
//! core's effects become messages. After [`init`] no request blocks: a process that waits while
//! messages come in can stall its whole node.

mod clock;
mod component;
mod direct;
mod link;
mod pages;
mod process;
mod state;
mod storage;

use kinode_process_lib::http::server::{
    HttpBindingConfig, HttpServer, HttpServerError, WsBindingConfig,
};
use kinode_process_lib::{Address, await_message, println};
use process::Process;
use state::State;

/// Faster than the allocator of the C library, which is made for larger machines.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// Where the sidecar connects, as a runtime extension.
const LINK_PATH: &str = "/link";
/// What the node's owner asks for, recognized by the node: the API below this.
const OWNER_PATH: &str = "/owner";
/// Where documents are for those who came with a ticket.
const TICKET_PATHS: [&str; 3] = [
    "/t/:ticket/doc/*room",
    "/t/:ticket/ws/:store",
    "/t/:ticket/signal/:store",
];
/// Seconds that the node may take to answer while the process starts.
const START_TIMEOUT: u64 = 10;

fn init(our: Address) {
    if let Err(error) = bind() {
        println!("kraken: the node's HTTP server refuses a path: {error}");
    }
    let mut process = match State::load() {
        Ok(state) => Process::new(our, state),
        Err(error) => return refuse_to_start(&error),
    };
    loop {
        match await_message() {
            Ok(message) => process.handle(&message),
            Err(error) => process.undelivered(&error),
        }
    }
}

fn bind() -> Result<(), HttpServerError> {
    let mut server = HttpServer::new(START_TIMEOUT);
    let everybody = HttpBindingConfig::default().authenticated(false);
    let owner = HttpBindingConfig::default().authenticated(true);
    let socket = WsBindingConfig::new(false, false, false);
    let extension = WsBindingConfig::new(false, false, true);
    server.bind_http_path("/", everybody)?;
    server.bind_http_path(format!("{OWNER_PATH}/*path"), owner)?;
    server.bind_ws_path("/", socket)?;
    for path in TICKET_PATHS {
        server.bind_ws_path(path, socket)?;
    }
    server.bind_ws_path(LINK_PATH, extension)
}

/// Does nothing, for ever: to end would mean to be started again at once, and to go on would
/// mean to replace what can't be read.
fn refuse_to_start(error: &anyhow::Error) {
    println!("kraken: the settings that were kept can't be read, so nothing is served: {error:#}");
    loop {
        // Whatever comes, there is nothing to say to it.
        let _ = await_message();
    }
}
