//! What clients of a store, its storage and time may do.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_sim::stores::fuzz(data));
