//! The WASM components, built as `kit build` builds them.

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

/// Where all components are built, so that what they have in common is built once.
const TARGET_DIR: &str = "kraken/target";

/// A process of a package.
struct Process {
    /// The folder of its crate, which has its name.
    folder: &'static str,
    /// The folder of the package that it is built into.
    package: &'static str,
}

const KRAKEN: Process = Process {
    folder: "kraken",
    package: "pkg",
};

const TESTER: Process = Process {
    folder: "test/kraken-test/kraken-test",
    package: "test/kraken-test/pkg",
};

/// Builds `pkg/kraken.wasm`; its path.
pub(crate) fn build() -> Result<PathBuf> {
    KRAKEN.build()
}

/// Builds the package that tests Kraken inside of a node.
pub(crate) fn build_tester() -> Result<PathBuf> {
    TESTER.build()
}

impl Process {
    fn build(&self) -> Result<PathBuf> {
        let component = encode(&self.build_module()?)?;
        let path = root().join(self.package).join(self.name() + ".wasm");
        write_if_changed(&path, &component)?;
        Ok(path)
    }

    fn build_module(&self) -> Result<PathBuf> {
        let (root, name) = (root(), self.name());
        let folder = root.join(self.folder);
        let wit = folder.join("target/wit");
        fs::create_dir_all(&wit)?;
        let world = fs::read(root.join("crates/kraken-node/wit/kinode.wit"))?;
        write_if_changed(&wit.join("kinode.wit"), &world)?;
        let target_dir = root.join(TARGET_DIR);
        let mut command = cargo();
        command
            .current_dir(folder)
            .args(["build", "--release", "--no-default-features"])
            .args(["--package", &name, "--target", TARGET, "--target-dir"])
            .arg(&target_dir);
        if !has_target()? {
            build_std_with_debian(&mut command)?;
        }
        Step::new(format!("build the component {name}")).run(&mut command)?;
        let module = name.replace('-', "_") + ".wasm";
        Ok(target_dir.join(TARGET).join("release").join(module))
    }

    fn name(&self) -> String {
        let name = self.folder.rsplit('/').next().unwrap_or(self.folder);
        name.to_owned()
    }
}

/// Writes a file. An unchanged one keeps its time, so that what depends on it isn't built again.
fn write_if_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).ok().as_deref() == Some(content) {
        return Ok(());
    }
    fs::write(path, content).with_context(|| format!("can't write {}", path.display()))
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
