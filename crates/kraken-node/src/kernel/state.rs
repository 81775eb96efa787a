//! The one byte string that each process may keep.

use std::io;
use std::path::{Path, PathBuf};

use crate::id::ProcessId;

/// One file per process. It is replaced as a whole, so that a crash leaves
/// either the old state or the new one.
pub(crate) struct States {
    folder: PathBuf,
}

impl States {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    pub(crate) fn get(&self, process: &ProcessId) -> Option<Vec<u8>> {
        std::fs::read(self.path(process)).ok()
    }

    pub(crate) fn set(&self, process: &ProcessId, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(process);
        let draft = self.folder.join(format!("{process}.draft"));
        std::fs::write(&draft, bytes)?;
        std::fs::rename(draft, path)
    }

    pub(crate) fn clear(&self, process: &ProcessId) -> io::Result<()> {
        match std::fs::remove_file(self.path(process)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn path(&self, process: &ProcessId) -> PathBuf {
        self.folder.join(process.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_outlives_its_writer_until_it_is_cleared() {
        let folder = std::env::temp_dir().join(format!("kraken-node-state-{}", std::process::id()));
        let process = "a:b:c.os".parse().unwrap();
        States::open(&folder)
            .unwrap()
            .set(&process, b"kept")
            .unwrap();
        let states = States::open(&folder).unwrap();
        assert_eq!(states.get(&process).as_deref(), Some(&b"kept"[..]));
        states.clear(&process).unwrap();
        states.clear(&process).unwrap();
        assert_eq!(states.get(&process), None);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
