//! Any bytes as packets of a participant who is recorded.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_recording::fuzz::packets(data));
