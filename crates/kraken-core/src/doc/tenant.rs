//! One app, as its documents see it.

use super::WRITE_WINDOW;
use super::awareness::AwarenessLimits;
use super::document::Segment;
use crate::Durability;
use crate::ids::{RoomName, Timestamp, TopicId};
use crate::limits::AppLimits;
use crate::log::{Item, Log};

/// How an app is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) limits: AppLimits,
    pub(crate) durability: Durability,
}

/// What an app has open and what it has to write.
#[derive(Default)]
pub(super) struct Tenant {
    pub(super) policy: Policy,
    pub(super) log: Log<RoomSegment>,
    pub(super) connections: u32,
    /// Rooms in memory.
    pub(super) rooms: u32,
    pub(super) leaving: Option<Leaving>,
}

/// A segment of one of its rooms, to be written.
pub(super) struct RoomSegment {
    pub(super) topic: TopicId,
    pub(super) room: RoomName,
    pub(super) segment: Segment,
}

impl Item for RoomSegment {
    fn bytes(&self) -> usize {
        self.segment.data.len()
    }
}

/// How far the deletion of an app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// It waits for what is under way in storage, or for another try.
    Waits,
    /// Storage has been asked.
    Asked,
}

impl Policy {
    /// When something is written that was recorded now.
    pub(super) fn writes_at(&self, now: Timestamp) -> Timestamp {
        match self.durability {
            Durability::RelayFirst => now.after(WRITE_WINDOW),
            Durability::WriteFirst => now,
        }
    }

    pub(super) fn awareness(&self) -> AwarenessLimits {
        AwarenessLimits {
            entries: self.limits.awareness_states as usize,
            state_bytes: self.limits.awareness_state_bytes as usize,
        }
    }
}
