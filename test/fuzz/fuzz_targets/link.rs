//! Any bytes as a frame of the link.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_link::fuzz::link(data));
