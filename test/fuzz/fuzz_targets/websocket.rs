//! Any bytes as what a client sends on a WebSocket.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kraken_sidecar::fuzz::websocket(data));
