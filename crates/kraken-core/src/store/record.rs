//! What storage keeps of a store.

use super::frame;
use crate::doc::message::Reader;
use crate::ids::{StoreName, Timestamp};
use bytes::Bytes;

/// One row of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands among all of its store: the number of its last frame.
    pub sequence: u64,
    /// What it holds.
    pub body: Body,
}

/// What a row holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A value: its hash field and what follows.
    Value(Bytes),
    /// Patches that follow each other, each behind its length as a `varUint`.
    Patches(Bytes),
}

/// A record, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreRecord {
    /// Whose it is.
    pub store: StoreName,
    /// When it was written.
    pub time: Timestamp,
    /// The record.
    pub record: Record,
}

/// A place in a store, and which way to go on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// Behind these values, by their sequence numbers; then all patches.
    Values {
        /// The number of the last value that was read.
        after: u64,
        /// The number of the last record to read.
        until: u64,
    },
    /// Behind these patches, by their sequence numbers.
    Patches {
        /// The number of the last patches that were read.
        after: u64,
        /// The number of the last record to read.
        until: u64,
    },
    /// Behind all up to this number, by the sequence numbers of patches and values.
    All {
        /// The number of the last record that was read.
        after: u64,
    },
}

impl Body {
    /// The bytes that it is kept as.
    pub fn data(&self) -> &Bytes {
        let (Self::Value(data) | Self::Patches(data)) = self;
        data
    }

    /// What a value is found by; `None` for patches.
    pub fn hash_field(&self) -> Option<Bytes> {
        match self {
            Self::Value(payload) => Some(frame::hash_field(payload)),
            Self::Patches(_) => None,
        }
    }

    /// The messages that bring it to a client.
    pub(super) fn messages(&self) -> Vec<Bytes> {
        let mut messages = Vec::new();
        match self {
            Self::Value(payload) => messages.push(frame::value(payload)),
            Self::Patches(data) => {
                let mut reader = Reader::new(data);
                while let Ok(patch) = reader.var_bytes() {
                    messages.push(frame::patch(patch));
                }
            }
        }
        messages
    }
}

impl Cursor {
    /// The place behind a record.
    pub(super) fn behind(self, record: &Record) -> Self {
        let after = record.sequence;
        match (self, &record.body) {
            (Self::Values { until, .. }, Body::Value(_)) => Self::Values { after, until },
            (Self::Values { until, .. } | Self::Patches { until, .. }, _) => {
                Self::Patches { after, until }
            }
            (Self::All { .. }, _) => Self::All { after },
        }
    }
}
