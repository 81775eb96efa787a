//! Yjs documents: rooms, sync and awareness (y-protocols over WebSocket).
//!
//! An update goes through here like this: it is validated, its bytes go to the room, and it is
//! recorded for storage. It is integrated into the document in memory later, with its neighbours.

mod awareness;
mod causality;
mod document;
mod exchange;
mod log;
pub mod message;
mod persistence;
mod room;
mod slice;
pub mod update;

pub use awareness::{Awareness, AwarenessLimits, GRACE, News, OUTDATED, Refused, Voice};
pub use document::{Document, Segment, Snapshot};

use crate::ids::{AppId, ConnectionId, RoomId, StorageId, Timestamp, TopicId};
use crate::timers::{Timer, Timers};
use crate::{Durability, Effect, Limits, close};
use bytes::Bytes;
use log::Log;
use message::Malformed;
use persistence::Asked;
use room::{Content, Room, Waiting};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use yrs::ClientID;

/// How long updates gather before they are written in [`Durability::RelayFirst`], in milliseconds.
pub const WRITE_WINDOW: u64 = 50;

/// All rooms of all apps.
pub(crate) struct Documents {
    limits: Limits,
    durability: Durability,
    client: ClientID,
    rooms: BTreeMap<TopicId, Room>,
    topics: BTreeMap<RoomId, TopicId>,
    members: BTreeMap<ConnectionId, TopicId>,
    logs: BTreeMap<AppId, Log>,
    timers: Timers,
    asked: BTreeMap<StorageId, Asked>,
    /// Rooms whose load has to wait for that of others.
    load_queue: VecDeque<TopicId>,
    loads: usize,
    /// Whether the last load failed.
    load_failed: bool,
    compactions: usize,
    last_topic: u32,
    last_storage: u64,
}

/// Why a connection is to be closed.
struct Violation {
    code: u16,
    reason: String,
}

impl Violation {
    fn new(code: u16, reason: impl Display) -> Self {
        Self {
            code,
            reason: reason.to_string(),
        }
    }
}

impl From<Malformed> for Violation {
    fn from(malformed: Malformed) -> Self {
        Self::new(close::MALFORMED, malformed)
    }
}

impl From<Refused> for Violation {
    fn from(refused: Refused) -> Self {
        let code = match refused {
            Refused::Malformed(_) => close::MALFORMED,
            Refused::StateTooLarge(_) | Refused::TooManyStates(_) => close::TOO_LARGE,
        };
        Self::new(code, refused)
    }
}

impl Documents {
    pub(crate) fn new(limits: Limits, durability: Durability, client: ClientID) -> Self {
        Self {
            limits,
            durability,
            client,
            rooms: BTreeMap::new(),
            topics: BTreeMap::new(),
            members: BTreeMap::new(),
            logs: BTreeMap::new(),
            timers: Timers::default(),
            asked: BTreeMap::new(),
            load_queue: VecDeque::new(),
            loads: 0,
            load_failed: false,
            compactions: 0,
            last_topic: 0,
            last_storage: 0,
        }
    }

    pub(crate) fn set_durability(&mut self, durability: Durability) {
        self.durability = durability;
    }

    /// Rooms in memory.
    pub(crate) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Connections in rooms.
    pub(crate) fn connections(&self) -> usize {
        self.members.len()
    }

    /// Whether storage has failed since it last succeeded.
    pub(crate) fn is_storage_failing(&self) -> bool {
        self.load_failed || self.logs.values().any(|log| log.failures > 0)
    }

    /// Whether some app has as much unstored as is allowed, and storage is at work on it.
    pub(crate) fn is_congested(&self) -> bool {
        let full = |log: &Log| log.unstored > self.limits.unstored_bytes && log.failures == 0;
        self.logs.values().any(full)
    }

    /// Whether everything that came in is stored.
    pub(crate) fn is_stored(&self) -> bool {
        self.logs.values().all(Log::is_idle)
    }

    /// Whether nothing waits for storage.
    pub(crate) fn is_idle(&self) -> bool {
        let is_loading = |room: &Room| matches!(room.content, Content::Loading(_));
        self.asked.is_empty() && self.is_stored() && !self.rooms.values().any(is_loading)
    }

    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Lets an accepted connection into a room, which is loaded first if it isn't in memory.
    pub(crate) fn join(
        &mut self,
        connection: ConnectionId,
        id: RoomId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let topic = match self.topics.get(&id) {
            Some(&topic) => topic,
            None => self.open(id, now, effects),
        };
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        self.members.insert(connection, topic);
        room.members.insert(connection, Voice::Own);
        if self.durability == Durability::RelayFirst
            && let Content::Loaded(loaded) = &mut room.content
        {
            loaded.document.integrate();
        }
        room.greet(connection, effects);
        let deadline = room.deadline(&self.limits);
        self.timers.set(Timer::Room(topic), deadline);
    }

    /// Takes a connection out of its room. Unknown ones have left before.
    pub(crate) fn leave(&mut self, connection: ConnectionId, now: Timestamp) {
        let Some(topic) = self.members.remove(&connection) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(&topic) {
            room.remove(connection, now);
            let deadline = room.deadline(&self.limits);
            self.timers.set(Timer::Room(topic), deadline);
        }
    }

    /// Takes a binary frame of a client.
    pub(crate) fn frame(
        &mut self,
        connection: ConnectionId,
        frame: Bytes,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(&topic) = self.members.get(&connection) else {
            return;
        };
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        let taken = match &mut room.content {
            Content::Loading(waiting) => waiting.push(connection, frame, &self.limits),
            Content::Loaded(_) => self.read(topic, connection, &frame, now, effects),
        };
        if let Err(violation) = taken {
            self.close(connection, violation, now, effects);
        }
    }

    /// Does everything whose time has come.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Flush(app) => self.write_now(&app, effects),
                Timer::Room(topic) => self.look_after(topic, now, effects),
                Timer::Load(topic) => self.load(topic, effects),
            }
        }
    }

    fn open(&mut self, id: RoomId, now: Timestamp, effects: &mut Vec<Effect>) -> TopicId {
        self.last_topic += 1;
        let topic = TopicId(self.last_topic);
        self.topics.insert(id.clone(), topic);
        self.rooms.insert(topic, Room::new(id, topic, now));
        self.load(topic, effects);
        topic
    }

    fn look_after(&mut self, topic: TopicId, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        room.look_after(now, effects);
        if room.can_go(&self.limits, now) {
            self.forget(topic);
            return;
        }
        // Something that can't go yet is asked again after a moment, not at once.
        let deadline = room.deadline(&self.limits).max(now.after(WRITE_WINDOW));
        self.timers.set(Timer::Room(topic), deadline);
    }

    fn forget(&mut self, topic: TopicId) {
        if let Some(room) = self.rooms.remove(&topic) {
            self.topics.remove(&room.id);
            self.timers.clear(&Timer::Room(topic));
            self.timers.clear(&Timer::Load(topic));
        }
    }

    fn close(
        &mut self,
        connection: ConnectionId,
        violation: Violation,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.leave(connection, now);
        effects.push(Effect::Close {
            connection,
            code: violation.code,
            reason: violation.reason,
        });
    }
}

impl Waiting {
    fn push(
        &mut self,
        connection: ConnectionId,
        frame: Bytes,
        limits: &Limits,
    ) -> Result<(), Violation> {
        self.bytes += frame.len();
        if self.bytes > limits.waiting_bytes {
            return Err(Violation::new(close::TRY_AGAIN, "the document is loading"));
        }
        self.frames.push_back((connection, frame));
        Ok(())
    }
}
