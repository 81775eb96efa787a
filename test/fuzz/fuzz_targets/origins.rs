//! Any bytes as origins, and patterns of them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_core::fuzz::origins(data));
