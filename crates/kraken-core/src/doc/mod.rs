//! Yjs documents: rooms, sync and awareness (y-protocols over WebSocket).
//!
//! An update goes through here like this: it is validated, its bytes go to the room, and it is
//! recorded for storage. It is integrated into the document in memory later, with its neighbours.

mod awareness;
mod causality;
mod document;
mod log;
pub mod message;
mod room;
pub mod update;

pub use awareness::{Awareness, AwarenessLimits, GRACE, News, OUTDATED, Refused, Voice};
pub use document::{Document, Segment, Snapshot};

use crate::ids::{AppId, ConnectionId, RoomId, StorageId, Timestamp, TopicId};
use crate::storage::{StorageOperation, StorageReply, StorageRequest};
use crate::timers::{Timer, Timers};
use crate::{Durability, Effect, Limits, close};
use bytes::Bytes;
use log::Log;
use message::{Malformed, Message};
use room::{Content, Loaded, Room, Waiting};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use yrs::ClientID;

/// How long updates gather before they are written in [`Durability::RelayFirst`], in milliseconds.
pub const WRITE_WINDOW: u64 = 50;
/// Rooms that are loaded at a time. Answers come back as messages, and a process whose mailbox of
/// 100 is full holds its node up.
const LOADS: usize = 32;
/// Snapshots that are written at a time.
const COMPACTIONS: usize = 8;
/// Loads of one room that fail in a row before its clients are told to come back later.
const LOAD_ATTEMPTS: u32 = 4;
/// Wait before a failed load is tried again, in milliseconds.
const LOAD_RETRY: u64 = 250;

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

/// What a storage request was for.
enum Asked {
    Load(TopicId),
    Append(AppId),
    Compact(TopicId, Compacting),
}

/// What a compaction takes off a room's log when it succeeds.
struct Compacting {
    segments: u64,
    segment_bytes: usize,
    snapshot_bytes: usize,
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

    /// Takes the answer of storage.
    pub(crate) fn stored(
        &mut self,
        id: StorageId,
        reply: StorageReply,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if let StorageReply::Failed { reason } = &reply {
            effects.push(Effect::Warn(format!("storage failed: {reason}")));
        }
        match (self.asked.remove(&id), reply) {
            (Some(Asked::Load(topic)), reply) => {
                self.loads -= 1;
                match reply {
                    StorageReply::Loaded { snapshot, segments } => {
                        self.loaded(topic, snapshot, segments, now, effects);
                    }
                    StorageReply::Done | StorageReply::Failed { .. } => {
                        self.load_failed(topic, now, effects);
                    }
                }
                self.load_next(effects);
            }
            (Some(Asked::Append(app)), StorageReply::Done) => {
                self.appended(&app, effects);
            }
            (Some(Asked::Append(app)), _) => self.append_failed(&app, now),
            (Some(Asked::Compact(topic, compacting)), reply) => {
                self.compactions -= 1;
                self.compacted(topic, &compacting, &reply);
            }
            (None, _) => {}
        }
    }

    /// Does everything whose time has come.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Flush(app) => {
                    if let Some(log) = self.logs.get_mut(&app) {
                        log.due = true;
                    }
                    self.write(&app, effects);
                }
                Timer::Room(topic) => self.look_after(topic, now, effects),
                Timer::Load(topic) => self.load(topic, effects),
            }
        }
    }

    /// Writes everything now.
    pub(crate) fn flush(&mut self, effects: &mut Vec<Effect>) {
        let apps: Vec<_> = self.logs.keys().cloned().collect();
        for app in apps {
            if let Some(log) = self.logs.get_mut(&app) {
                log.due = true;
            }
            self.write(&app, effects);
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

    /// Asks storage for a room, now or when its turn comes.
    fn load(&mut self, topic: TopicId, effects: &mut Vec<Effect>) {
        self.load_queue.push_back(topic);
        self.load_next(effects);
    }

    fn load_next(&mut self, effects: &mut Vec<Effect>) {
        while self.loads < LOADS
            && let Some(topic) = self.load_queue.pop_front()
        {
            let Some(room) = self.rooms.get(&topic) else {
                continue;
            };
            self.loads += 1;
            let RoomId { app, room } = room.id.clone();
            let operation = StorageOperation::Load { room };
            self.ask(app, operation, Asked::Load(topic), effects);
        }
    }

    fn ask(
        &mut self,
        app: AppId,
        operation: StorageOperation,
        asked: Asked,
        effects: &mut Vec<Effect>,
    ) {
        self.last_storage += 1;
        let id = StorageId(self.last_storage);
        self.asked.insert(id, asked);
        effects.push(Effect::Store(StorageRequest { id, app, operation }));
    }

    fn loaded(
        &mut self,
        topic: TopicId,
        snapshot: Option<Snapshot>,
        segments: Vec<Segment>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.load_failed = false;
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        let Content::Loading(waiting) = &mut room.content else {
            return;
        };
        let frames = std::mem::take(&mut waiting.frames);
        let document = Document::load(self.client, snapshot.as_ref(), &segments);
        if document.is_damaged() {
            effects.push(Effect::Warn(format!(
                "{} holds bytes that are not updates",
                room.id
            )));
        }
        room.content = Content::Loaded(Loaded {
            stored: document.sequence(),
            document,
            held: Default::default(),
            questions: Vec::new(),
            segments: segments.len() as u64,
            segment_bytes: segments.iter().map(|segment| segment.data.len()).sum(),
            snapshot_bytes: snapshot.map_or(0, |snapshot| snapshot.data.len()),
            compacting: false,
        });
        let members: Vec<_> = room.members.keys().copied().collect();
        for connection in members {
            room.greet(connection, effects);
        }
        self.timers.set(Timer::Room(topic), now);
        for (connection, frame) in frames {
            self.frame(connection, frame, now, effects);
        }
    }

    fn load_failed(&mut self, topic: TopicId, now: Timestamp, effects: &mut Vec<Effect>) {
        self.load_failed = true;
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        let Content::Loading(waiting) = &mut room.content else {
            return;
        };
        waiting.failures += 1;
        if waiting.failures < LOAD_ATTEMPTS {
            let wait = LOAD_RETRY << waiting.failures;
            self.timers.set(Timer::Load(topic), now.after(wait));
            return;
        }
        let members = std::mem::take(&mut room.members);
        for connection in members.into_keys() {
            let violation = Violation::new(close::TRY_AGAIN, "the document can't be loaded now");
            self.close(connection, violation, now, effects);
        }
        self.forget(topic);
    }

    /// Reads a frame of a member of a loaded room.
    fn read(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        frame: &Bytes,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let mut broken = None;
        let parsed = message::parse_frame(frame, |message, alone| {
            let whole = alone.then_some(frame);
            let taken = self.message(topic, connection, message, whole, now, effects);
            taken.map_err(|violation| {
                broken = Some(violation);
                // Ends the parsing; what is told is `broken`.
                Malformed::Truncated
            })
        });
        match (parsed, broken) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(violation)) => Err(violation),
            (Err(malformed), None) => Err(malformed.into()),
        }
    }

    fn message(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        message: Message,
        whole: Option<&Bytes>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return Ok(());
        };
        match message {
            Message::Step1(state_vector) => {
                message::validate_state_vector(&state_vector)?;
                self.step_1(topic, connection, state_vector, effects);
            }
            Message::Step2(update) => {
                room.members.insert(connection, Voice::Any);
                if update::validate(&update)? {
                    self.update(topic, connection, &update, Arrival::Step2, now, effects)?;
                }
            }
            Message::Update(update) => {
                if update::validate(&update)? {
                    let arrival = Arrival::Update(whole);
                    self.update(topic, connection, &update, arrival, now, effects)?;
                }
            }
            Message::Awareness(entries) => {
                let limits = self.limits.awareness;
                let voice = room.members.insert(connection, Voice::Any);
                let voice = voice.unwrap_or(Voice::Any);
                let news = room
                    .awareness
                    .apply(connection, voice, &entries, limits, now)?;
                let message = match news {
                    News::All => whole
                        .cloned()
                        .unwrap_or_else(|| message::awareness(&entries)),
                    News::Some(entries) => message::awareness(&entries),
                    News::Nothing => return Ok(()),
                };
                room.publish(message, now, effects);
                let deadline = room.deadline(&self.limits);
                self.timers.set(Timer::Room(topic), deadline);
            }
            Message::QueryAwareness => {
                let message = match room.awareness.encode_all() {
                    Some(states) => message::awareness(&states),
                    None => message::keep_alive(),
                };
                effects.push(Effect::Send {
                    connection,
                    message,
                });
            }
            Message::Ignored => {}
        }
        Ok(())
    }

    fn step_1(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        state_vector: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        let Content::Loaded(loaded) = &mut room.content else {
            return;
        };
        if self.durability == Durability::RelayFirst {
            loaded.document.integrate();
        }
        if self.durability == Durability::WriteFirst
            && loaded.document.integrated_sequence() > loaded.stored
        {
            loaded.questions.push((connection, state_vector));
            return;
        }
        room::answer(&mut loaded.document, connection, &state_vector, effects);
    }

    /// Takes a validated update that is not empty.
    fn update(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        update: &Bytes,
        arrival: Arrival<'_>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return Ok(());
        };
        let Content::Loaded(loaded) = &mut room.content else {
            return Ok(());
        };
        if loaded.size() + update.len() > self.limits.document_bytes {
            let reason = format!("document larger than {} bytes", self.limits.document_bytes);
            return Err(Violation::new(close::TOO_LARGE, reason));
        }
        let log = self.logs.entry(room.id.app.clone()).or_default();
        if log.failures > 0 && log.unstored > self.limits.unstored_bytes {
            return Err(Violation::new(close::TRY_AGAIN, "storage fails"));
        }
        let before = loaded.document.segment_len();
        let message = match arrival {
            Arrival::Step2 if !loaded.document.record_if_news(update) => return Ok(()),
            Arrival::Step2 => message::update(update),
            Arrival::Update(whole) => {
                loaded.document.record(update);
                whole.cloned().unwrap_or_else(|| message::update(update))
            }
        };
        log.unstored += loaded.document.segment_len().saturating_sub(before);
        if log.dirty.insert(topic) {
            let at = match self.durability {
                Durability::RelayFirst => now.after(WRITE_WINDOW),
                Durability::WriteFirst => now,
            };
            self.timers.set(Timer::Flush(room.id.app.clone()), at);
        }
        match self.durability {
            Durability::RelayFirst if room.members.len() > 1 => effects.push(Effect::Publish {
                topic,
                except: Some(connection),
                message,
            }),
            Durability::RelayFirst => {}
            Durability::WriteFirst => loaded.held.push_back((loaded.document.sequence(), message)),
        }
        Ok(())
    }

    /// Starts the next batch of an app, or the last one again, if its time has come.
    fn write(&mut self, app: &AppId, effects: &mut Vec<Effect>) {
        let Some(log) = self.logs.get_mut(app) else {
            return;
        };
        if !log.due {
            return;
        }
        let rooms = &mut self.rooms;
        let batch = match &mut log.batch {
            Some(batch) if batch.in_flight => return,
            Some(batch) => {
                batch.in_flight = true;
                Some(&*batch)
            }
            None => log.gather(|topic| {
                let room = rooms.get_mut(&topic)?;
                let Content::Loaded(loaded) = &mut room.content else {
                    return None;
                };
                let segment = loaded.document.take_segment();
                if segment.is_none() {
                    loaded.stored = loaded.document.sequence();
                    loaded.release(topic, effects);
                }
                Some((room.id.room.clone(), segment?))
            }),
        };
        let Some(batch) = batch else {
            log.unstored = 0;
            return;
        };
        let segments = batch
            .segments
            .iter()
            .map(|(_, room, segment)| (room.clone(), segment.clone()))
            .collect();
        let operation = StorageOperation::Append { segments };
        self.ask(app.clone(), operation, Asked::Append(app.clone()), effects);
    }

    fn appended(&mut self, app: &AppId, effects: &mut Vec<Effect>) {
        let Some(log) = self.logs.get_mut(app) else {
            return;
        };
        let Some(batch) = log.batch.take() else {
            return;
        };
        log.failures = 0;
        log.unstored = log.unstored.saturating_sub(batch.bytes());
        for (topic, _, segment) in batch.segments {
            self.segment_stored(topic, &segment, effects);
        }
        self.write(app, effects);
    }

    fn segment_stored(&mut self, topic: TopicId, segment: &Segment, effects: &mut Vec<Effect>) {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        let Content::Loaded(loaded) = &mut room.content else {
            return;
        };
        loaded.stored = segment.sequence;
        loaded.segments += 1;
        loaded.segment_bytes += segment.data.len();
        loaded.release(topic, effects);
        if self.compactions < COMPACTIONS && loaded.wants_compaction(&self.limits) {
            self.compact(topic, effects);
        }
    }

    fn append_failed(&mut self, app: &AppId, now: Timestamp) {
        let Some(log) = self.logs.get_mut(app) else {
            return;
        };
        if let Some(batch) = &mut log.batch {
            batch.in_flight = false;
        }
        log.failures += 1;
        log.due = false;
        let at = now.after(log.retry_after());
        self.timers.set(Timer::Flush(app.clone()), at);
    }

    fn compact(&mut self, topic: TopicId, effects: &mut Vec<Effect>) {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        let Content::Loaded(loaded) = &mut room.content else {
            return;
        };
        let Some(snapshot) = loaded.document.snapshot() else {
            return;
        };
        loaded.compacting = true;
        self.compactions += 1;
        let compacting = Compacting {
            segments: loaded.segments,
            segment_bytes: loaded.segment_bytes,
            snapshot_bytes: snapshot.data.len(),
        };
        let RoomId { app, room } = room.id.clone();
        let operation = StorageOperation::Compact { room, snapshot };
        self.ask(app, operation, Asked::Compact(topic, compacting), effects);
    }

    fn compacted(&mut self, topic: TopicId, compacting: &Compacting, reply: &StorageReply) {
        let Some(Room {
            content: Content::Loaded(loaded),
            ..
        }) = self.rooms.get_mut(&topic)
        else {
            return;
        };
        loaded.compacting = false;
        if *reply == StorageReply::Done {
            loaded.segments -= compacting.segments;
            loaded.segment_bytes -= compacting.segment_bytes;
            loaded.snapshot_bytes = compacting.snapshot_bytes;
        }
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

/// How an update came in.
enum Arrival<'a> {
    /// As the answer to a step 1: often nothing of it is new.
    Step2,
    /// As an update, with its frame if it is alone in it.
    Update(Option<&'a Bytes>),
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
