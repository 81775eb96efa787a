//! The data folder, which belongs to one process at a time.

use anyhow::{Context, Result, bail};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// A data folder that nobody else has. It is free again when this is dropped, or the process ends.
pub(crate) struct Home {
    path: PathBuf,
    _lock: File,
}

impl Home {
    /// Creates the folder if need be, and takes it.
    pub(crate) fn take(path: PathBuf) -> Result<Self> {
        fs::create_dir_all(&path)
            .with_context(|| format!("can't create the data folder {}", path.display()))?;
        let lock = File::create(path.join("lock"))
            .with_context(|| format!("can't write to the data folder {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!(
                "another Kraken uses the data folder {}: stop it, or name another with --data-dir",
                path.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("can't lock {}", path.display()))
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder for compiled components: the one that is named, or one in here.
    pub(crate) fn cache(&self, named: Option<PathBuf>) -> PathBuf {
        named.unwrap_or_else(|| self.path.join("cache"))
    }
}
