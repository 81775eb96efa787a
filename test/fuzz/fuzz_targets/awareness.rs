//! Any bytes as what connections say of presence.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_core::fuzz::awareness(data));
