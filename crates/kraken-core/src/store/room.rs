//! One store in memory.

use super::frame::Frame;
use super::journal::Journal;
use crate::ids::{ConnectionId, StoreName, Timestamp, TopicId};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// One store in memory.
pub(super) struct Store {
    pub(super) name: StoreName,
    pub(super) topic: TopicId,
    /// Who is here, and from which frame on they get all.
    pub(super) members: BTreeMap<ConnectionId, u64>,
    /// Who is being sent what was stored.
    pub(super) readers: BTreeSet<ConnectionId>,
    pub(super) content: Content,
    pub(super) opened: Timestamp,
    pub(super) empty_since: Timestamp,
    pub(super) messages: u64,
    pub(super) last_change: Option<Timestamp>,
}

/// What is known of a store.
pub(super) enum Content {
    /// Nothing is kept.
    Relay,
    /// Storage has been asked how much there is.
    Opening(Opening),
    /// What comes is kept.
    Kept(Journal),
}

/// What waits for storage's answer.
#[derive(Default)]
pub(super) struct Opening {
    pub(super) frames: Vec<(ConnectionId, Bytes, Frame)>,
    pub(super) failures: u32,
}

/// A store in use, as its owner sees it.
pub(crate) struct Usage<'a> {
    pub(crate) store: &'a StoreName,
    pub(crate) connections: usize,
    pub(crate) bytes: Option<u64>,
    pub(crate) messages: u64,
    pub(crate) last_change: Option<Timestamp>,
}

impl Store {
    pub(super) fn new(name: StoreName, topic: TopicId, persist: bool, now: Timestamp) -> Self {
        Self {
            name,
            topic,
            members: BTreeMap::new(),
            readers: BTreeSet::new(),
            content: match persist {
                true => Content::Opening(Opening::default()),
                false => Content::Relay,
            },
            opened: now,
            empty_since: now,
            messages: 0,
            last_change: None,
        }
    }

    /// Whether all that is to be kept of it is stored.
    pub(super) fn is_stored(&self) -> bool {
        match &self.content {
            Content::Relay => true,
            Content::Opening(_) => false,
            Content::Kept(journal) => journal.is_stored(),
        }
    }

    /// When it may leave memory, if nobody comes.
    pub(super) fn end(&self, grace: u64) -> Timestamp {
        match &self.content {
            Content::Relay => self.empty_since,
            Content::Opening(_) | Content::Kept(_) => self.empty_since.after(grace),
        }
    }

    pub(super) fn usage(&self) -> Usage<'_> {
        Usage {
            store: &self.name,
            connections: self.members.len(),
            bytes: match &self.content {
                Content::Kept(journal) => Some(journal.bytes),
                Content::Relay | Content::Opening(_) => None,
            },
            messages: self.messages,
            last_change: self.last_change,
        }
    }
}

impl Opening {
    /// Bytes of what waits.
    pub(super) fn bytes(&self) -> usize {
        let frames = self.frames.iter();
        frames.map(|(_, message, _)| message.len()).sum()
    }
}
