//! Compiled components, kept in a folder: to compile one takes a second, to load it a moment.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiled components that are kept, the newest ones.
const KEPT: usize = 8;
const EXTENSION: &str = "cwasm";

/// A folder of compiled components that nobody but its owner can write to.
///
/// What is in it is run as it is, so whoever could change it could do what this program can.
pub(super) struct Cache(PathBuf);

impl Cache {
    /// Uses a folder, which is made if it isn't there. Fails if others may write to it.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        anyhow::ensure!(is_private(folder), "others may write to it");
        Ok(Self(folder.to_owned()))
    }

    /// The component, from the folder or compiled and put there.
    pub(super) fn compile(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
        let file = self.0.join(name(engine, wasm)).with_extension(EXTENSION);
        if let Some(component) = load(engine, &file) {
            return Ok(component);
        }
        let component = Component::new(engine, wasm)?;
        let kept = component
            .serialize()
            .and_then(|bytes| Ok(self.keep(&file, &bytes)?));
        if let Err(error) = kept {
            tracing::debug!(%error, "a compiled component is not kept");
        }
        Ok(component)
    }

    /// Puts a file there at once, so that nobody sees half of it.
    fn keep(&self, file: &Path, bytes: &[u8]) -> std::io::Result<()> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.0.join(format!("{}-{number}", std::process::id()));
        let written = File::create_new(&unfinished).and_then(|mut file| file.write_all(bytes));
        if let Err(error) = written.and_then(|()| fs::rename(&unfinished, file)) {
            // What is left of it is of no use; if it can't go, it does no harm.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        self.forget_old()
    }

    fn forget_old(&self) -> std::io::Result<()> {
        let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.extension().is_some_and(|own| own == EXTENSION) {
                files.push((fs::metadata(&path)?.modified()?, path));
            }
        }
        files.sort();
        let old = files.len().saturating_sub(KEPT);
        files
            .into_iter()
            .take(old)
            .try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// What a compiled component is kept under: engines of other settings compile another.
fn name(engine: &Engine, wasm: &[u8]) -> String {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let digest = Sha256::digest(wasm);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}-{:016x}", settings.finish())
}

/// Loads what was kept; `None` if there is nothing, or nothing that this engine made.
fn load(engine: &Engine, file: &Path) -> Option<Component> {
    if !is_private(file) {
        return None;
    }
    #[allow(
        unsafe_code,
        reason = "the file is of this user's own making, see `Cache`"
    )]
    // SAFETY: only this user can have written the file, and this program writes it whole, as
    // `Component::serialize` made it; the engine checks that it was one of its version and
    // configuration.
    let loaded = unsafe { Component::deserialize_file(engine, file) };
    loaded
        .inspect_err(|error| tracing::debug!(%error, "a kept component is compiled again"))
        .ok()
}

/// Whether nobody but the owner can write there.
fn is_private(path: &Path) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return false;
    };
    #[cfg(unix)]
    let is_guarded = std::os::unix::fs::MetadataExt::mode(&metadata) & 0o022 == 0;
    #[cfg(not(unix))]
    let is_guarded = false;
    is_guarded && !metadata.is_symlink()
}
