//! Any bytes as a row of document updates.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_core::fuzz::updates(data));
