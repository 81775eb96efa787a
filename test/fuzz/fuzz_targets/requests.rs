//! Any bytes as requests to the HTTP API.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_core::fuzz::requests(data));
