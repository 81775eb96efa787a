//! Any bytes as a client's message of y-protocols.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_core::fuzz::messages(data));
