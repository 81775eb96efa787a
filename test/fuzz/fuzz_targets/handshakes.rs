//! Any bytes as what a TCP connection brings to the gateway.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_sidecar::fuzz::handshakes(data));
