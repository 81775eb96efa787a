//! Any bytes as names in paths, and as queries.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_core::fuzz::rooms(data));
