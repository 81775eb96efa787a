//! The WASM component, built as `kit build` builds it.

use crate::command::{Step, answers, cargo, output, root};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

const TARGET: &str = "wasm32-wasip1";

/// Builds `pkg/kraken.wasm`; its path.
pub(crate) fn build() -> Result<PathBuf> {
    let module = build_module()?;
    let component = encode(&module)?;
    let path = root().join("pkg/kraken.wasm");
    // An unchanged file keeps its time, so that what embeds it isn't built again.
    if fs::read(&path).ok().as_deref() != Some(&component) {
        fs::write(&path, &component).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(path)
}

fn build_module() -> Result<PathBuf> {
    let root = root();
    let wit = root.join("kraken/target/wit");
    fs::create_dir_all(&wit)?;
    fs::copy(
        root.join("crates/kraken-node/wit/kinode.wit"),
        wit.join("kinode.wit"),
    )?;
    let mut command = cargo();
    command
        .args([
            "build",
            "--release",
            "--no-default-features",
            "--package",
            "kraken",
        ])
        .args(["--target", TARGET, "--target-dir", "kraken/target"]);
    if !has_target()? {
        build_std_with_debian(&mut command)?;
    }
    Step::new("build the component").run(&mut command)?;
    Ok(root
        .join("kraken/target")
        .join(TARGET)
        .join("release/kraken.wasm"))
}

/// Whether rustc has the target, after asking rustup for it if need be.
fn has_target() -> Result<bool> {
    if target_is_installed()? {
        return Ok(true);
    }
    let step = Step::new(format!("install the Rust target {TARGET}"));
    let mut rustup = Command::new("rustup");
    let added = step.run(rustup.args(["target", "add", TARGET]));
    if let Err(error) = &added {
        eprintln!("   {error:#}");
    }
    target_is_installed()
}

fn target_is_installed() -> Result<bool> {
    let mut rustc = Command::new("rustc");
    let libraries = output(rustc.args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(Path::new(&libraries).is_dir())
}

/// Where rustup has no such target, Debian's rustc builds the standard library from its source.
fn build_std_with_debian(command: &mut Command) -> Result<()> {
    const LIBC: &str = "/usr/lib/wasm32-wasi";
    const RUSTC: &str = "/usr/bin/rustc";
    let source = Path::new("/usr/lib/rustlib/src/rust/library");
    let has_source = source.exists() || Path::new("/usr/src/rustc-web").exists();
    if !Path::new(LIBC).is_dir() || !answers(RUSTC, "--version") || !has_source {
        bail!(
            "the Rust target {TARGET} is missing. Install it with `rustup target add {TARGET}`; \
             where rustup can't reach it, Debian has another way: \
             `apt-get install --no-install-recommends rustc-web rust-web-src wasi-libc`"
        );
    }
    eprintln!("   building the standard library with {RUSTC}");
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let linker = format!("{sysroot}/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    let flags = format!("-C linker={linker} -C link-self-contained=no -L {LIBC}");
    command
        .args(["-Z", "build-std=std,panic_abort"])
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags);
    Ok(())
}

fn encode(module: &Path) -> Result<Vec<u8>> {
    let module = fs::read(module).with_context(|| format!("no {}", module.display()))?;
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| {
            encoder.adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )
        })
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| anyhow::anyhow!("the module doesn't make a component: {error:#}"))
}
