//! Tests Kraken inside of a node, as clients use it.
//!
//! `kit run-tests` puts this component into a drive of `tester:tester:sys`, which starts it as a
//! process of its own package, under a random name and not public, and sends it `Run`; see
//! [`protocol`]. It then goes through the [`scenarios`] and answers with the first that fails.
//!
//! Everything that it asks of Kraken goes through the node's own HTTP server and WebSockets
//! ([`net`]), as a browser's would. Only to restart Kraken it speaks to the kernel ([`restart`]).

mod component;
mod failure;
mod net;
mod protocol;
mod restart;
mod room;
mod scenarios;

use kinode_process_lib::{Address, Message, Response, await_message, println};
use net::Net;
use protocol::{Fail, TesterRequest, TesterResponse};

fn init(our: Address) {
    loop {
        match await_message() {
            Ok(Message::Request { source, body, .. }) if source.node == our.node => {
                if let Ok(TesterRequest::Run(run)) = serde_json::from_slice(&body) {
                    answer(test(&our, &run));
                }
            }
            // What is left of an earlier run.
            Ok(_) | Err(_) => {}
        }
    }
}

/// Runs every scenario on the first of the nodes. The others only serve it, if there are any.
fn test(our: &Address, run: &protocol::Run) -> Result<(), Fail> {
    if run.input_node_names.first() != Some(&our.node) {
        return Ok(());
    }
    let mut net = Net::new(our, run.http_port);
    scenarios::run(our, &mut net)
}

fn answer(result: Result<(), Fail>) {
    match &result {
        Ok(()) => println!("kraken-test: pass"),
        Err(fail) => println!("kraken-test: {} ({}:{})", fail.test, fail.file, fail.line),
    }
    let body = serde_json::to_vec(&TesterResponse::Run(result)).unwrap_or_default();
    if Response::new().body(body).send().is_err() {
        println!("kraken-test: nobody waits for the result");
    }
}
