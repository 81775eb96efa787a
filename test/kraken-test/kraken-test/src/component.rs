//! The component's exports, generated from the node's WIT.
#![allow(
    missing_docs,
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    reason = "generated"
)]

use crate::init;
use kinode_process_lib::{Address, call_init};

wit_bindgen::generate!({
    path: "target/wit",
    world: "process-v1",
    generate_unused_types: true,
});

call_init!(init);
