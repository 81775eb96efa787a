//! What rooms ask of storage: to be loaded, to have their updates written, to be compacted.

use super::document::{Document, Segment, Snapshot};
use super::room::{Content, Loaded, Member, Room};
use super::tenant::{Leaving, RoomSegment, Tenant};
use super::{Documents, Timer, Violation};
use crate::grant::Access;
use crate::ids::{AppId, ConnectionId, RoomId, StorageId, Timestamp, TopicId};
use crate::log::Log;
use crate::storage::{DocumentOperation, StorageOperation, StorageReply, StorageRequest};
use crate::{Effect, close};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Rooms that are loaded at a time. Answers come back as messages, and a process whose mailbox of
/// 100 is full holds its node up.
const LOADS: usize = 32;
/// Snapshots that are written at a time.
const COMPACTIONS: usize = 8;
/// Loads of one room that fail in a row before its clients are told to come back later.
const LOAD_ATTEMPTS: u32 = 4;
/// Wait before a failed deletion is tried again, in milliseconds.
const REMOVE_RETRY: u64 = 2_000;
/// Wait before a failed load is tried again, in milliseconds.
const LOAD_RETRY: u64 = 250;

/// A request that storage hasn't answered yet.
pub(super) struct Request {
    app: AppId,
    asked: Asked,
    at: Timestamp,
}

/// What a storage request was for.
enum Asked {
    Load(TopicId),
    Append,
    Compact(TopicId, Compacting),
    Remove,
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
        let Some(Request { app, asked, at }) = self.asked.remove(&id) else {
            return;
        };
        self.latency.observe(now.since(at));
        if let StorageReply::Failed { reason } = &reply {
            effects.push(Effect::Warn(format!("storage failed: {reason}")));
        }
        match (asked, reply) {
            (Asked::Load(topic), reply) => {
                self.loads -= 1;
                match reply {
                    StorageReply::Loaded { snapshot, segments } => {
                        self.loaded(topic, snapshot, segments, now, effects);
                    }
                    StorageReply::Opened { .. }
                    | StorageReply::Records { .. }
                    | StorageReply::Done
                    | StorageReply::Failed { .. } => {
                        self.load_failed(topic, now, effects);
                    }
                }
                self.load_next(now, effects);
            }
            (Asked::Append, StorageReply::Done) => self.appended(&app, now, effects),
            (Asked::Append, _) => self.append_failed(&app, now),
            (Asked::Compact(topic, compacting), reply) => {
                self.compactions -= 1;
                self.compacted(topic, &compacting, &reply);
            }
            (Asked::Remove, StorageReply::Done) => {
                self.tenants.remove(&app);
                self.removed.push(app);
                return;
            }
            (Asked::Remove, _) => self.remove_later(&app, now),
        }
        self.go_on_removing(&app, now, effects);
    }

    /// Lets go of an app and deletes all its documents. Its connections have left.
    pub(crate) fn remove_app(&mut self, app: &AppId, now: Timestamp, effects: &mut Vec<Effect>) {
        let of_app = |(&topic, room): (&TopicId, &Room)| (room.id.app == *app).then_some(topic);
        let topics: Vec<_> = self.rooms.iter().filter_map(of_app).collect();
        for topic in topics {
            self.forget(topic);
        }
        let tenant = self.tenants.entry(app.clone()).or_default();
        tenant.log = Log::default();
        tenant.leaving = Some(Leaving::Waits);
        self.timers.clear(&Timer::Flush(app.clone()));
        self.congested.remove(app);
        self.go_on_removing(app, now, effects);
    }

    /// The apps of which nothing is left, since the last call.
    pub(crate) fn take_removed(&mut self) -> Vec<AppId> {
        std::mem::take(&mut self.removed)
    }

    /// Deletes a leaving app's documents, once nothing else of it is under way: requests
    /// overtake each other, and a late one would bring some of them back.
    fn go_on_removing(&mut self, app: &AppId, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(tenant) = self.tenants.get_mut(app) else {
            return;
        };
        if tenant.leaving != Some(Leaving::Waits) {
            return;
        }
        let is_busy = self.asked.values().any(|request| request.app == *app);
        if !is_busy && !self.timers.is_set(&Timer::Flush(app.clone())) {
            tenant.leaving = Some(Leaving::Asked);
            let operation = DocumentOperation::Remove;
            self.ask(app.clone(), operation, Asked::Remove, now, effects);
        }
    }

    fn remove_later(&mut self, app: &AppId, now: Timestamp) {
        if let Some(tenant) = self.tenants.get_mut(app) {
            tenant.leaving = Some(Leaving::Waits);
            let at = now.after(REMOVE_RETRY);
            self.timers.set(Timer::Flush(app.clone()), at);
        }
    }

    /// Writes everything now.
    pub(crate) fn flush(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let apps: Vec<_> = self.tenants.keys().cloned().collect();
        for app in apps {
            self.write_now(&app, now, effects);
        }
    }

    /// Writes what an app has recorded, now or as soon as the batch under way is done.
    pub(super) fn write_now(&mut self, app: &AppId, now: Timestamp, effects: &mut Vec<Effect>) {
        match self.tenants.get_mut(app) {
            Some(tenant) if tenant.leaving.is_some() => self.go_on_removing(app, now, effects),
            Some(tenant) => {
                tenant.log.due = true;
                self.write(app, now, effects);
            }
            None => {}
        }
    }

    /// Asks storage for a room, now or when its turn comes.
    pub(super) fn load(&mut self, topic: TopicId, now: Timestamp, effects: &mut Vec<Effect>) {
        self.load_queue.push_back(topic);
        self.load_next(now, effects);
    }

    fn load_next(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while self.loads < LOADS
            && let Some(topic) = self.load_queue.pop_front()
        {
            let Some(room) = self.rooms.get(&topic) else {
                continue;
            };
            self.loads += 1;
            let RoomId { app, room } = room.id.clone();
            let operation = DocumentOperation::Load { room };
            self.ask(app, operation, Asked::Load(topic), now, effects);
        }
    }

    fn ask(
        &mut self,
        app: AppId,
        operation: DocumentOperation,
        asked: Asked,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.last_storage += 1;
        let id = StorageId(self.last_storage);
        let request = Request {
            app: app.clone(),
            asked,
            at,
        };
        self.asked.insert(id, request);
        let operation = StorageOperation::Documents { app, operation };
        effects.push(Effect::Store(StorageRequest { id, operation }));
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
        let waiting = std::mem::take(waiting);
        let document = Document::open(self.client, snapshot.as_ref(), &segments);
        let segment_bytes = segments.iter().map(|segment| segment.data.len()).sum();
        let snapshot_bytes = snapshot.map_or(0, |snapshot| snapshot.data.len());
        let loaded = Loaded {
            stored: document.sequence(),
            document,
            held: Default::default(),
            questions: BTreeMap::new(),
            segments: segments.len() as u64,
            segment_bytes,
            snapshot_bytes,
            compacting: false,
            measured: snapshot_bytes,
            recorded: segment_bytes,
        };
        room.content = Content::Integrating(waiting, loaded);
        self.go_on(topic, now, effects);
    }

    /// Takes what somebody said who left while the room was not ready.
    pub(super) fn read_last_words(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        access: Access,
        frame: &Bytes,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        if let Some(room) = self.rooms.get_mut(&topic) {
            room.members.insert(connection, Member::new(access));
        }
        let taken = self.read(topic, connection, frame, now, effects);
        if let Some(room) = self.rooms.get_mut(&topic) {
            // Who left has left before: the room is no later empty.
            room.members.remove(&connection);
            room.awareness.orphan(connection, now);
        }
        taken
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
    fn write(&mut self, app: &AppId, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(Tenant { log, .. }) = self.tenants.get_mut(app) else {
            return;
        };
        let (rooms, allowance) = (&mut self.rooms, &mut self.allowance);
        let (mut grown, mut slow, mut asked) = (0, Vec::new(), Vec::new());
        let batch = log.next_batch(|topic| {
            let room = rooms.get_mut(&topic)?;
            let loaded = room.content.loaded_mut()?;
            let before = loaded.document.segment_len();
            if !loaded.document.integrate(allowance) {
                slow.push(topic);
            }
            grown += loaded.document.segment_len() - before;
            let segment = loaded.document.take_segment();
            if segment.is_none() {
                loaded.stored = loaded.document.integrated_sequence();
                asked.push((topic, loaded.release(topic, effects)));
            }
            Some(RoomSegment {
                topic,
                room: room.id.room.clone(),
                segment: segment?,
            })
        });
        let segments = batch.map(|batch| {
            let segments = batch.items.iter();
            let segments = segments.map(|item| (item.room.clone(), item.segment.clone()));
            segments.collect()
        });
        log.unstored += grown;
        if log.is_idle() {
            log.unstored = 0;
            self.congested.remove(app);
        }
        for topic in slow {
            self.fall_behind(topic);
        }
        for (topic, questions) in asked {
            self.answer(topic, questions, now, effects);
        }
        let Some(segments) = segments else {
            return;
        };
        let operation = DocumentOperation::Append { segments };
        self.ask(app.clone(), operation, Asked::Append, now, effects);
    }

    /// Sees to it that what a room has integrated is written.
    pub(super) fn write_later(&mut self, topic: TopicId, now: Timestamp) {
        let Some(room) = self.rooms.get(&topic) else {
            return;
        };
        let has_segment = |loaded: &Loaded| loaded.document.segment_len() > 0;
        if room.content.loaded().is_some_and(has_segment)
            && let Some(Tenant { log, .. }) = self.tenants.get_mut(&room.id.app)
            && log.dirty.insert(topic)
        {
            let at = room.policy.writes_at(now);
            self.timers.set(Timer::Flush(room.id.app.clone()), at);
        }
    }

    fn appended(&mut self, app: &AppId, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(Tenant { log, .. }) = self.tenants.get_mut(app) else {
            return;
        };
        let Some(batch) = log.written() else {
            return;
        };
        if log.unstored <= self.limits.unstored_bytes {
            self.congested.remove(app);
        }
        for RoomSegment { topic, segment, .. } in batch.items {
            self.segment_stored(topic, &segment, now, effects);
        }
        self.write(app, now, effects);
    }

    fn segment_stored(
        &mut self,
        topic: TopicId,
        segment: &Segment,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        let Some(loaded) = room.content.loaded_mut() else {
            return;
        };
        loaded.stored = segment.sequence;
        loaded.segments += 1;
        loaded.segment_bytes += segment.data.len();
        let questions = loaded.release(topic, effects);
        let most = room.policy.limits.document_bytes as usize;
        if self.compactions < COMPACTIONS && loaded.wants_compaction(&self.limits, most) {
            self.compact(topic, now, effects);
        }
        self.answer(topic, questions, now, effects);
    }

    fn answer(
        &mut self,
        topic: TopicId,
        questions: BTreeMap<ConnectionId, Bytes>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        for (connection, state_vector) in questions {
            if let Err(violation) = self.step_1(topic, connection, state_vector, effects) {
                self.close(connection, violation, now, effects);
            }
        }
    }

    fn append_failed(&mut self, app: &AppId, now: Timestamp) {
        self.congested.remove(app);
        let Some(Tenant { log, .. }) = self.tenants.get_mut(app) else {
            return;
        };
        let at = now.after(log.failed());
        self.timers.set(Timer::Flush(app.clone()), at);
    }

    fn compact(&mut self, topic: TopicId, now: Timestamp, effects: &mut Vec<Effect>) {
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
        loaded.measured = snapshot.data.len();
        loaded.recorded = loaded.document.fresh_len();
        self.compactions += 1;
        let compacting = Compacting {
            segments: loaded.segments,
            segment_bytes: loaded.segment_bytes,
            snapshot_bytes: snapshot.data.len(),
        };
        let RoomId { app, room } = room.id.clone();
        let operation = DocumentOperation::Compact { room, snapshot };
        let asked = Asked::Compact(topic, compacting);
        self.ask(app, operation, asked, now, effects);
    }

    fn compacted(&mut self, topic: TopicId, compacting: &Compacting, reply: &StorageReply) {
        let room = self.rooms.get_mut(&topic);
        let Some(loaded) = room.and_then(|room| room.content.loaded_mut()) else {
            return;
        };
        loaded.compacting = false;
        let is_stored = *reply == StorageReply::Done;
        loaded.document.snapshot_settled(is_stored);
        if is_stored {
            loaded.segments -= compacting.segments;
            loaded.segment_bytes -= compacting.segment_bytes;
            loaded.snapshot_bytes = compacting.snapshot_bytes;
        }
    }
}
