//! Any bytes as a call of the JSON-RPC.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_engine::fuzz::rpc(data));
