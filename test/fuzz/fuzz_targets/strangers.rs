//! Any bytes as handshakes, requests and envelopes of strangers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_core::fuzz::strangers(data));
