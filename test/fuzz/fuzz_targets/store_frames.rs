//! Any bytes as frames of SDS clients.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_core::fuzz::store_frames(data));
