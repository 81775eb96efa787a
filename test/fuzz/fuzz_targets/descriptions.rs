//! Any text as a client's session description.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_sfu::fuzz::descriptions(data));
