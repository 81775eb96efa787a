//! The JSON of requests and answers.

use serde::{Deserialize, Serialize};

use crate::id::PackageId;

#[derive(Deserialize)]
pub(super) struct Request {
    pub(super) package_id: PackageId,
    pub(super) db: String,
    pub(super) action: Action,
}

#[derive(Deserialize)]
pub(super) enum Action {
    Open,
    RemoveDb,
    Write {
        statement: String,
        tx_id: Option<u64>,
    },
    Query(String),
    BeginTx,
    Commit {
        tx_id: u64,
    },
}

#[derive(Serialize)]
pub(super) enum Reply {
    Ok,
    /// The rows are in the blob.
    Read,
    BeginTx {
        tx_id: u64,
    },
    Err(Error),
}

#[derive(Debug, thiserror::Error, Serialize)]
#[expect(clippy::enum_variant_names, reason = "these names are on the wire")]
pub(super) enum Error {
    #[error("no transaction {0} found")]
    NoTx(u64),
    #[error("no write capability for requested DB")]
    NoWriteCap,
    #[error("no read capability for requested DB")]
    NoReadCap,
    #[error("request to open or remove DB with mismatching package ID")]
    MismatchingPackageId,
    #[error("write statement started with non-existent write keyword")]
    NotAWriteKeyword,
    #[error("read query started with non-existent read keyword")]
    NotAReadKeyword,
    #[error("parameters blob in read/write was misshapen or contained invalid JSON objects")]
    InvalidParameters,
    #[error("sqlite got a malformed request that failed to deserialize")]
    MalformedRequest,
    #[error("rusqlite error: {0}")]
    RusqliteError(String),
    #[error("IO error: {0}")]
    IOError(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::RusqliteError(error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::IOError(error.to_string())
    }
}
