//! The secret of the link.

use std::path::PathBuf;

use bytes::Bytes;

use crate::link::Failure;

/// Where the secret is that the process expects in `Hello`.
#[derive(Clone)]
pub enum LinkKey {
    /// Here.
    Given(Bytes),
    /// In a file, maybe with white space around it. The file is read for each link anew, since the
    /// process may get another key at any time.
    File(PathBuf),
}

impl LinkKey {
    pub(crate) async fn read(&self) -> Result<Bytes, Failure> {
        match self {
            Self::Given(key) => Ok(key.clone()),
            Self::File(path) => match tokio::fs::read_to_string(path).await {
                Ok(key) => Ok(Bytes::copy_from_slice(key.trim().as_bytes())),
                Err(source) => Err(Failure::Key {
                    path: path.clone(),
                    source,
                }),
            },
        }
    }
}

impl Default for LinkKey {
    fn default() -> Self {
        Self::Given(Bytes::new())
    }
}

impl From<Bytes> for LinkKey {
    fn from(key: Bytes) -> Self {
        Self::Given(key)
    }
}

impl From<Vec<u8>> for LinkKey {
    fn from(key: Vec<u8>) -> Self {
        Self::Given(key.into())
    }
}

impl std::fmt::Debug for LinkKey {
    /// Doesn't show the secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Given(_) => formatter.write_str("Given"),
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
        }
    }
}
