//! What stores ask of storage, and what becomes of the answers.

use super::journal::{Batch, Journal};
use super::room::{Content, Opening, Store};
use super::{EXPIRY, OWN_REQUEST, Stores, Timer, Violation};
use crate::Effect;
use crate::ids::{ConnectionId, StorageId, StoreName, Timestamp, TopicId};
use crate::log::Item;
use crate::storage::{StorageOperation, StorageReply, StorageRequest, StoreOperation};
use crate::store::StoreRecord;

/// Attempts to open a store before its clients are told to come back later.
const ATTEMPTS: u32 = 4;
/// Wait before the second attempt, in milliseconds; doubles with each.
const RETRY: u64 = 250;
/// Wait before a failed deletion is tried again, in milliseconds.
const REMOVE_RETRY: u64 = 2_000;
/// How often it is looked whether an earlier store of the same name is gone, in milliseconds.
const POLL: u64 = 50;
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// What a request to storage was for.
pub(super) enum Asked {
    Open(TopicId),
    Read(ConnectionId),
    Append,
    Expire,
    Remove(StoreName),
}

/// What one store gives to storage at a time.
pub(super) struct Taken {
    topic: TopicId,
    store: StoreName,
    batch: Batch,
}

impl Item for Taken {
    fn bytes(&self) -> usize {
        self.batch.bytes
    }
}

impl Stores {
    /// Whether a storage request is one of these.
    pub(crate) fn has_asked(&self, id: StorageId) -> bool {
        id.0 & OWN_REQUEST != 0
    }

    /// Takes the answer of storage.
    pub(crate) fn stored(
        &mut self,
        id: StorageId,
        reply: StorageReply,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some((asked, at)) = self.asked.remove(&id) else {
            return;
        };
        self.latency.observe(now.since(at));
        if let StorageReply::Failed { reason } = &reply {
            effects.push(Effect::Warn(format!("storage failed: {reason}")));
        }
        match (asked, reply) {
            (Asked::Open(topic), StorageReply::Opened { last, bytes }) => {
                self.opened(topic, last, bytes, now, effects);
            }
            (Asked::Open(topic), _) => self.open_failed(topic, now, effects),
            (Asked::Read(connection), StorageReply::Records { records, is_last }) => {
                self.read(connection, &records, is_last, now, effects);
            }
            (Asked::Read(connection), _) => {
                self.reads -= 1;
                self.read_failed = true;
                self.close(connection, &Violation::FAILING, now, effects);
                self.read_next(now, effects);
            }
            (Asked::Append, StorageReply::Done) => self.appended(now, effects),
            (Asked::Append, _) => {
                let at = now.after(self.log.failed());
                self.timers.set(Timer::Flush, at);
            }
            (Asked::Expire, _) => {}
            (Asked::Remove(name), StorageReply::Done) => {
                self.removing.remove(&name);
            }
            (Asked::Remove(name), _) => {
                self.removing.insert(name, false);
                self.timers.set(Timer::Removal, now.after(REMOVE_RETRY));
                return;
            }
        }
        self.go_on_removing(now, effects);
    }

    /// Writes what has come, now or as soon as the batch under way is done.
    pub(crate) fn flush(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.log.due = true;
        self.write(now, effects);
    }

    fn write(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let stores = &mut self.stores;
        let batch = self.log.next_batch(|topic| {
            let store = stores.get_mut(&topic)?;
            let Content::Kept(journal) = &mut store.content else {
                return None;
            };
            Some(Taken {
                topic,
                store: store.name.clone(),
                batch: journal.take()?,
            })
        });
        let Some(batch) = batch else {
            return;
        };
        let records = batch.items.iter().flat_map(|taken| {
            taken.batch.records.iter().map(|record| StoreRecord {
                store: taken.store.clone(),
                time: now,
                record: record.clone(),
            })
        });
        let operation = StoreOperation::Append {
            records: records.collect(),
        };
        self.ask(operation, Asked::Append, now, effects);
    }

    fn appended(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(batch) = self.log.written() else {
            return;
        };
        for Taken { topic, batch, .. } in batch.items {
            let Some(Store {
                content: Content::Kept(journal),
                ..
            }) = self.stores.get_mut(&topic)
            else {
                continue;
            };
            journal.stored_up_to(batch.up_to);
            if !journal.is_taken() {
                self.log.dirty.insert(topic);
                self.log.due = true;
            }
            self.relay(topic, effects);
            self.trim(topic);
        }
        self.write(now, effects);
    }

    /// Asks storage how much there is of a store, unless that is just being deleted.
    pub(super) fn ask_size(&mut self, topic: TopicId, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(store) = self.stores.get(&topic) else {
            return;
        };
        if self.is_taken(&store.name, topic) {
            self.timers.set(Timer::Open(topic), now.after(POLL));
            return;
        }
        let operation = StoreOperation::Open {
            store: store.name.clone(),
        };
        self.ask(operation, Asked::Open(topic), now, effects);
    }

    fn opened(
        &mut self,
        topic: TopicId,
        last: u64,
        bytes: u64,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.read_failed = false;
        let Some(store) = self.stores.get_mut(&topic) else {
            return;
        };
        let journal = Content::Kept(Journal::new(last, bytes));
        let Content::Opening(opening) = std::mem::replace(&mut store.content, journal) else {
            return;
        };
        store.opened = now;
        self.waiting -= opening.bytes();
        self.begin_all(topic, now, effects);
        // Also those of senders that have gone meanwhile.
        for (connection, message, frame) in opening.frames {
            if let Err(violation) = self.keep(connection, topic, message, frame, now, effects) {
                self.close(connection, &violation, now, effects);
            }
        }
    }

    fn open_failed(&mut self, topic: TopicId, now: Timestamp, effects: &mut Vec<Effect>) {
        self.read_failed = true;
        let Some(store) = self.stores.get_mut(&topic) else {
            return;
        };
        let Content::Opening(Opening { failures, .. }) = &mut store.content else {
            return;
        };
        *failures += 1;
        if *failures < ATTEMPTS {
            let at = now.after(RETRY << *failures);
            self.timers.set(Timer::Open(topic), at);
            return;
        }
        let members = store.members.keys().copied().collect::<Vec<_>>();
        for connection in members {
            self.close(connection, &Violation::FAILING, now, effects);
        }
        self.forget(topic);
    }

    /// Deletes some of what is too old, if there is such a thing.
    pub(super) fn expire(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(days) = self.policy.retention_days.filter(|_| self.policy.persist) else {
            return;
        };
        let before = Timestamp(now.0.saturating_sub(u64::from(days) * DAY));
        self.ask(
            StoreOperation::Expire { before },
            Asked::Expire,
            now,
            effects,
        );
        self.timers.set(Timer::Expiry, now.after(EXPIRY));
    }

    /// Deletes the stores that are to be deleted, once nothing is being written: requests overtake
    /// each other, and a late one would bring some of them back.
    pub(super) fn go_on_removing(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.removing.values().all(|&is_asked| is_asked) {
            return;
        }
        if let Some(batch) = &mut self.log.batch {
            if batch.in_flight {
                return;
            }
            let removing = &self.removing;
            let before = batch.bytes();
            batch
                .items
                .retain(|taken| !removing.contains_key(&taken.store));
            self.log.unstored -= before - batch.bytes();
        }
        let waiting = self.removing.iter_mut().filter(|(_, is_asked)| !**is_asked);
        let names: Vec<_> = waiting
            .map(|(name, is_asked)| {
                *is_asked = true;
                name.clone()
            })
            .collect();
        for store in names {
            let operation = StoreOperation::Remove {
                store: store.clone(),
            };
            self.ask(operation, Asked::Remove(store), now, effects);
        }
    }

    pub(super) fn ask(
        &mut self,
        operation: StoreOperation,
        asked: Asked,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.last_request += 1;
        let id = StorageId(OWN_REQUEST | self.last_request);
        self.asked.insert(id, (asked, now));
        effects.push(Effect::Store(StorageRequest {
            id,
            operation: StorageOperation::Stores(operation),
        }));
    }
}
