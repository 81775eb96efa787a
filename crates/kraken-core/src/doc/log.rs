//! The write side of storage: one log per app, written in batches, one at a time.
//!
//! While a batch is being written the rooms go on recording; what gathers is the next batch. So
//! the pace of storage sets the size of the batches, and no room's segments overtake each other.

use super::document::Segment;
use crate::ids::{RoomName, TopicId};
use std::collections::BTreeSet;

/// Bytes of segments in one batch, beyond which further rooms wait for the next.
const BATCH_BYTES: usize = 4 << 20;
/// Rooms in one batch: storage binds three parameters for each, and has 32,766.
const BATCH_ROOMS: usize = 4_096;
/// Wait before a failed batch is tried again, in milliseconds: doubles from the first to the last.
const RETRY: (u64, u64) = (250, 8_000);

/// What one app has to write.
#[derive(Default)]
pub(super) struct Log {
    /// Rooms with an open segment.
    pub(super) dirty: BTreeSet<TopicId>,
    /// The batch that is being written, or is to be tried again.
    pub(super) batch: Option<Batch>,
    /// Whether the time to write the next batch has come.
    pub(super) due: bool,
    /// Bytes recorded and not known to be stored.
    pub(super) unstored: usize,
    /// Failures since the last success.
    pub(super) failures: u32,
}

/// Segments that are written together.
pub(super) struct Batch {
    pub(super) segments: Vec<(TopicId, RoomName, Segment)>,
    pub(super) in_flight: bool,
}

impl Batch {
    pub(super) fn bytes(&self) -> usize {
        self.segments
            .iter()
            .map(|(.., segment)| segment.data.len())
            .sum()
    }
}

impl Log {
    /// Gathers the next batch from the dirty rooms; `take` ends a room's segment.
    pub(super) fn gather(
        &mut self,
        mut take: impl FnMut(TopicId) -> Option<(RoomName, Segment)>,
    ) -> Option<&Batch> {
        let mut segments = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES && segments.len() < BATCH_ROOMS {
            let Some(topic) = self.dirty.pop_first() else {
                break;
            };
            if let Some((room, segment)) = take(topic) {
                bytes += segment.data.len();
                segments.push((topic, room, segment));
            }
        }
        self.due = !self.dirty.is_empty();
        self.batch = (!segments.is_empty()).then_some(Batch {
            segments,
            in_flight: true,
        });
        self.batch.as_ref()
    }

    /// Milliseconds to wait before the next try.
    pub(super) fn retry_after(&self) -> u64 {
        let (first, last) = RETRY;
        let doublings = self.failures.saturating_sub(1).min(16);
        (first << doublings).min(last)
    }

    /// Whether nothing is left to write.
    pub(super) fn is_idle(&self) -> bool {
        self.batch.is_none() && self.dirty.is_empty()
    }
}
