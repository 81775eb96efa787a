//! Any bytes as JSON that guests and the engine send.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_core::fuzz::envelopes(data));
