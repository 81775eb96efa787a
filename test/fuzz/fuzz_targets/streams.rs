//! Any bytes as media that comes by TCP.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_engine::fuzz::streams(data));
