//! Any bytes as payloads of video on their way to a receiver.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_sfu::fuzz::payloads(data));
