//! The JSON of requests and answers.

use std::fs::Metadata;
use std::io;

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) action: Action,
}

#[derive(Deserialize)]
pub(super) enum Action {
    CreateDrive,
    CreateDir,
    CreateDirAll,
    CreateFile,
    OpenFile { create: bool },
    CloseFile,
    Write,
    WriteAll,
    Append,
    SyncAll,
    Read,
    ReadDir,
    ReadToEnd,
    ReadExact { length: u64 },
    ReadToString,
    Seek(SeekFrom),
    RemoveFile,
    RemoveDir,
    RemoveDirAll,
    Rename { new_path: String },
    Metadata,
    AddZip,
    CopyFile { new_path: String },
    Len,
    SetLen(u64),
    Hash,
}

#[derive(Deserialize)]
pub(super) enum SeekFrom {
    Start(u64),
    End(i64),
    Current(i64),
}

#[derive(Serialize)]
pub(super) enum Reply {
    Ok,
    Err(Error),
    /// The bytes are in the blob.
    Read,
    SeekFrom {
        new_offset: u64,
    },
    ReadDir(Vec<DirEntry>),
    ReadToString(String),
    Metadata(FileMetadata),
    Len(u64),
    Hash([u8; 32]),
}

#[derive(Serialize)]
pub(super) struct DirEntry {
    pub(super) path: String,
    pub(super) file_type: FileType,
}

#[derive(Serialize)]
pub(super) struct FileMetadata {
    file_type: FileType,
    len: u64,
}

#[derive(Serialize)]
pub(super) enum FileType {
    File,
    Directory,
    Symlink,
    Other,
}

#[derive(Debug, thiserror::Error, Serialize)]
#[expect(clippy::enum_variant_names, reason = "these names are on the wire")]
pub(super) enum Error {
    #[error("no write capability for requested drive")]
    NoWriteCap,
    #[error("no read capability for requested drive")]
    NoReadCap,
    #[error("request could not be deserialized to valid VfsRequest")]
    MalformedRequest,
    #[error("request type used requires a blob")]
    NoBlob,
    #[error("error parsing path: {path}: {error}")]
    ParseError { error: String, path: String },
    #[error("IO error: {0}")]
    IOError(String),
}

impl Action {
    /// Which of the two capabilities is missing where one is.
    pub(super) fn writes(&self) -> bool {
        !matches!(
            self,
            Self::Read
                | Self::ReadDir
                | Self::ReadToEnd
                | Self::ReadExact { .. }
                | Self::ReadToString
                | Self::Seek(_)
                | Self::Metadata
                | Self::Len
                | Self::Hash
        )
    }
}

impl From<SeekFrom> for io::SeekFrom {
    fn from(position: SeekFrom) -> Self {
        match position {
            SeekFrom::Start(offset) => Self::Start(offset),
            SeekFrom::End(offset) => Self::End(offset),
            SeekFrom::Current(offset) => Self::Current(offset),
        }
    }
}

impl From<&Metadata> for FileMetadata {
    fn from(metadata: &Metadata) -> Self {
        Self {
            file_type: metadata.file_type().into(),
            len: metadata.len(),
        }
    }
}

impl From<std::fs::FileType> for FileType {
    fn from(file_type: std::fs::FileType) -> Self {
        match file_type {
            kind if kind.is_symlink() => Self::Symlink,
            kind if kind.is_dir() => Self::Directory,
            kind if kind.is_file() => Self::File,
            _ => Self::Other,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::IOError(error.to_string())
    }
}
