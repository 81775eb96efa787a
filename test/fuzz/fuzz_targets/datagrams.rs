//! Any bytes as datagrams of strangers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_sfu::fuzz::datagrams(data));
