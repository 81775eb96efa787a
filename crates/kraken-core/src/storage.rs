//! What the core asks of storage, and what comes back.
//!
//! The host carries requests out in any order and answers each once. Whatever it keeps it keeps
//! by app; names are bytes to it.

use crate::doc::{Segment, Snapshot};
use crate::ids::{AppId, RoomName, StorageId};

/// One request to storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageRequest {
    /// Comes back with the answer.
    pub id: StorageId,
    /// Whose storage.
    pub app: AppId,
    /// What to do.
    pub operation: StorageOperation,
}

/// What storage can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageOperation {
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
    /// It is done, and survives a crash.
    Done,
    /// It was not done, or it isn't known whether it was.
    Failed {
        /// For the log.
        reason: String,
    },
}

impl StorageReply {
    /// The reply for a room that nothing is stored of.
    pub fn nothing() -> Self {
        Self::Loaded {
            snapshot: None,
            segments: Vec::new(),
        }
    }
}
