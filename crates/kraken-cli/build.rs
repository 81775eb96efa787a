//! Makes sure that the package is there to be embedded.

use std::path::Path;

fn main() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pkg");
    println!("cargo::rerun-if-changed={}", package.display());
    if !package.join("kraken.wasm").is_file() {
        println!("cargo::error=pkg/kraken.wasm is missing: build it with `cargo xtask component`");
    }
}
