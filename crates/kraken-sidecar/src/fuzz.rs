//! Bodies of the fuzz targets in `test/fuzz`, which `cargo test` runs over the corpus.

mod handshakes;
mod websocket;

pub use handshakes::handshakes;
pub use websocket::websocket;
