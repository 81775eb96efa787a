//! What rooms ask of storage: to be loaded, to have their updates written, to be compacted.

use super::document::{Document, Segment, Snapshot};
use super::room::{Content, Loaded, Room};
use super::{Documents, Violation};
use crate::ids::{AppId, RoomId, StorageId, Timestamp, TopicId};
use crate::storage::{StorageOperation, StorageReply, StorageRequest};
use crate::timers::Timer;
use crate::{Effect, close};

/// Rooms that are loaded at a time. Answers come back as messages, and a process whose mailbox of
/// 100 is full holds its node up.
const LOADS: usize = 32;
/// Snapshots that are written at a time.
const COMPACTIONS: usize = 8;
/// Loads of one room that fail in a row before its clients are told to come back later.
const LOAD_ATTEMPTS: u32 = 4;
/// Wait before a failed load is tried again, in milliseconds.
const LOAD_RETRY: u64 = 250;

/// What a storage request was for.
pub(super) enum Asked {
    Load(TopicId),
    Append(AppId),
    Compact(TopicId, Compacting),
}

/// What a compaction takes off a room's log when it succeeds.
pub(super) struct Compacting {
    segments: u64,
    segment_bytes: usize,
    snapshot_bytes: usize,
}

impl Documents {
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

    /// Writes everything now.
    pub(crate) fn flush(&mut self, effects: &mut Vec<Effect>) {
        let apps: Vec<_> = self.logs.keys().cloned().collect();
        for app in apps {
            self.write_now(&app, effects);
        }
    }

    /// Writes what an app has recorded, now or as soon as the batch under way is done.
    pub(super) fn write_now(&mut self, app: &AppId, effects: &mut Vec<Effect>) {
        if let Some(log) = self.logs.get_mut(app) {
            log.due = true;
        }
        self.write(app, effects);
    }

    /// Asks storage for a room, now or when its turn comes.
    pub(super) fn load(&mut self, topic: TopicId, effects: &mut Vec<Effect>) {
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
}
