//! What the core asks of storage, and what comes back.
//!
//! The host carries requests out in any order and answers each once. Documents are kept by app;
//! names are bytes to it.

use crate::doc::{Segment, Snapshot};
use crate::ids::{AppId, RoomName, StorageId, StoreName, Timestamp};
use crate::store::{Cursor, Record, StoreRecord};
use bytes::Bytes;

/// One request to storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageRequest {
    /// Comes back with the answer.
    pub id: StorageId,
    /// What to do.
    pub operation: StorageOperation,
}

/// What storage can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageOperation {
    /// Something with an app's documents.
    Documents {
        /// Whose.
        app: AppId,
        /// What to do.
        operation: DocumentOperation,
    },
    /// Something with SDS stores.
    Stores(StoreOperation),
}

/// What storage can do with the documents of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentOperation {
    /// Read all of a room: answered by [`StorageReply::Loaded`].
    Load {
        /// The room.
        room: RoomName,
    },
    /// Keep all of these, or none: answered by [`StorageReply::Done`] once they are durable.
    Append {
        /// At most one segment of each room.
        segments: Vec<(RoomName, Segment)>,
    },
    /// Replace a room's snapshot, and drop its segments up to the snapshot's sequence number, in
    /// one transaction: answered by [`StorageReply::Done`].
    Compact {
        /// The room.
        room: RoomName,
        /// All of it.
        snapshot: Snapshot,
    },
    /// Delete everything of the app: answered by [`StorageReply::Done`], also if there was
    /// nothing.
    Remove,
}

/// What storage can do with SDS stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOperation {
    /// Say how much there is of a store: answered by [`StorageReply::Opened`].
    Open {
        /// The store.
        store: StoreName,
    },
    /// Read the records behind a cursor: answered by [`StorageReply::Records`], with at least
    /// one if there is one, and so many that those before the last are less than
    /// [`crate::store::PAGE_BYTES`].
    Read {
        /// The store.
        store: StoreName,
        /// Where to begin, and in which order to go on.
        after: Cursor,
    },
    /// Read the first value behind a sequence number whose hash field begins with these bytes:
    /// answered by [`StorageReply::Records`], with none or one.
    Find {
        /// The store.
        store: StoreName,
        /// 1 to 32 bytes.
        prefix: Bytes,
        /// The sequence number.
        after: u64,
    },
    /// Keep all of these, or none: answered by [`StorageReply::Done`] once they are durable. A
    /// value takes the place of the one with its hash field, whatever their sequence numbers.
    Append {
        /// With the moment at which they came in, in milliseconds since the epoch.
        records: Vec<StoreRecord>,
    },
    /// Delete some of what came in before a moment: answered by [`StorageReply::Done`].
    Expire {
        /// The moment.
        before: Timestamp,
    },
    /// Delete a store: answered by [`StorageReply::Done`], also if there was nothing.
    Remove {
        /// The store.
        store: StoreName,
    },
}

/// The answer to a [`StorageRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageReply {
    /// What is stored of a room.
    Loaded {
        /// The latest snapshot.
        snapshot: Option<Snapshot>,
        /// The segments, by sequence number.
        segments: Vec<Segment>,
    },
    /// How much is stored of a store.
    Opened {
        /// The highest sequence number, 0 if there is none.
        last: u64,
        /// Bytes of all records.
        bytes: u64,
    },
    /// Some of a store, in the order that was asked for.
    Records {
        /// The records.
        records: Vec<Record>,
        /// Whether there are no more behind them.
        is_last: bool,
    },
    /// It is done, and survives a crash.
    Done,
    /// It was not done, or it isn't known whether it was.
    Failed {
        /// For the log.
        reason: String,
    },
}

impl StorageOperation {
    /// The answer of a storage that keeps nothing.
    pub fn answer_of_nothing(&self) -> StorageReply {
        match self {
            Self::Documents {
                operation: DocumentOperation::Load { .. },
                ..
            } => StorageReply::Loaded {
                snapshot: None,
                segments: Vec::new(),
            },
            Self::Stores(StoreOperation::Open { .. }) => StorageReply::Opened { last: 0, bytes: 0 },
            Self::Stores(StoreOperation::Read { .. } | StoreOperation::Find { .. }) => {
                StorageReply::Records {
                    records: Vec::new(),
                    is_last: true,
                }
            }
            Self::Documents { .. } | Self::Stores(_) => StorageReply::Done,
        }
    }
}
