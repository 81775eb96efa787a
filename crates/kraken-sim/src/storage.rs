//! Storage that answers late, in any order, and sometimes fails.

use kraken_core::doc::{Document, Segment, Snapshot};
use kraken_core::store::{Body, Cursor, Record, StoreRecord};
use kraken_core::{
    AppId, DocumentOperation, RoomName, StorageOperation, StorageReply, StorageRequest, StoreName,
    StoreOperation,
};
use std::collections::BTreeMap;
use yrs::ClientID;

/// What survives a crash.
pub struct Storage {
    rooms: BTreeMap<(AppId, RoomName), Stored>,
    records: Vec<StoreRecord>,
    /// Records of a store that it gives at a time.
    pub page: usize,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            rooms: BTreeMap::new(),
            records: Vec::new(),
            page: 256,
        }
    }
}

#[derive(Default)]
struct Stored {
    snapshot: Option<Snapshot>,
    segments: BTreeMap<u64, Segment>,
}

impl Storage {
    /// Carries out a request, as the process's statements do.
    pub fn carry_out(&mut self, request: &StorageRequest) -> StorageReply {
        match &request.operation {
            StorageOperation::Documents { app, operation } => self.documents(app, operation),
            StorageOperation::Stores(operation) => self.stores(operation),
        }
    }

    fn documents(&mut self, app: &AppId, operation: &DocumentOperation) -> StorageReply {
        match operation {
            DocumentOperation::Load { room } => {
                let stored = self.rooms.get(&(app.clone(), room.clone()));
                let segments = stored.map(|stored| stored.segments.values().cloned());
                StorageReply::Loaded {
                    snapshot: stored.and_then(|stored| stored.snapshot.clone()),
                    segments: segments.into_iter().flatten().collect(),
                }
            }
            DocumentOperation::Append { segments } => {
                for (room, segment) in segments {
                    let stored = self.room(app, room);
                    stored.segments.insert(segment.sequence, segment.clone());
                }
                StorageReply::Done
            }
            DocumentOperation::Compact { room, snapshot } => {
                let stored = self.room(app, room);
                stored
                    .segments
                    .retain(|sequence, _| *sequence > snapshot.sequence);
                stored.snapshot = Some(snapshot.clone());
                StorageReply::Done
            }
            DocumentOperation::Remove => {
                self.rooms.retain(|(owner, _), _| owner != app);
                StorageReply::Done
            }
        }
    }

    fn stores(&mut self, operation: &StoreOperation) -> StorageReply {
        match operation {
            StoreOperation::Open { store } => {
                let records = || self.records.iter().filter(|record| record.store == *store);
                let last = records().map(|record| record.record.sequence).max();
                let bytes = records().map(|record| record.record.body.data().len() as u64);
                StorageReply::Opened {
                    last: last.unwrap_or(0),
                    bytes: bytes.sum(),
                }
            }
            StoreOperation::Read { store, after } => self.read(store, *after),
            StoreOperation::Find {
                store,
                prefix,
                after,
            } => {
                let is_found = |record: &&StoreRecord| {
                    let hash = record.record.body.hash_field();
                    record.store == *store
                        && record.record.sequence > *after
                        && hash.is_some_and(|hash| hash.starts_with(prefix))
                };
                let found = self.records.iter().filter(is_found);
                let first = found.min_by_key(|record| record.record.sequence);
                StorageReply::Records {
                    records: first
                        .map(|first| first.record.clone())
                        .into_iter()
                        .collect(),
                    is_last: true,
                }
            }
            StoreOperation::Append { records } => {
                for record in records {
                    self.append(record);
                }
                StorageReply::Done
            }
            StoreOperation::Expire { before } => {
                self.records.retain(|record| record.time >= *before);
                StorageReply::Done
            }
            StoreOperation::Remove { store } => {
                self.records.retain(|record| record.store != *store);
                StorageReply::Done
            }
        }
    }

    fn read(&self, store: &StoreName, after: Cursor) -> StorageReply {
        let is_value = |record: &&Record| matches!(record.body, Body::Value(_));
        let of_store = self.records.iter().filter(|record| record.store == *store);
        let mut all: Vec<_> = of_store.map(|record| &record.record).collect();
        all.sort_by_key(|record| match after {
            Cursor::Values { .. } => (!is_value(record), record.sequence),
            Cursor::Patches { .. } | Cursor::All { .. } => (true, record.sequence),
        });
        let is_next = |record: &&Record| {
            let sequence = record.sequence;
            match after {
                Cursor::Values { after, until } => {
                    (!is_value(record) || sequence > after) && sequence <= until
                }
                Cursor::Patches { after, until } => {
                    !is_value(record) && sequence > after && sequence <= until
                }
                Cursor::All { after } => sequence > after,
            }
        };
        let next: Vec<_> = all.into_iter().filter(is_next).collect();
        let page = next.iter().take(self.page).map(|&record| record.clone());
        StorageReply::Records {
            records: page.collect(),
            is_last: next.len() <= self.page,
        }
    }

    fn append(&mut self, new: &StoreRecord) {
        let hash = new.record.body.hash_field();
        self.records.retain(|old| {
            let is_same = old.record.sequence == new.record.sequence
                || hash.is_some() && old.record.body.hash_field() == hash;
            old.store != new.store || !is_same
        });
        self.records.push(new.clone());
    }

    /// The document as a process that starts now would load it.
    pub fn document(&self, room: &RoomName) -> Document {
        let key = (AppId::default_app(), room.clone());
        let stored = self.rooms.get(&key);
        let segments: Vec<_> = stored
            .map(|stored| stored.segments.values().cloned().collect())
            .unwrap_or_default();
        let snapshot = stored.and_then(|stored| stored.snapshot.as_ref());
        Document::load(ClientID::new(1), snapshot, &segments)
    }

    /// Whether a process that starts now would know an update.
    pub fn holds(&self, room: &RoomName, update: &[u8]) -> bool {
        let mut document = self.document(room);
        let everything = |document: &mut Document| document.snapshot().map(|all| all.data);
        let before = everything(&mut document);
        document.record_if_news(update);
        before == everything(&mut document)
    }

    /// How many segments lie behind a room's snapshot.
    pub fn segments(&self, room: &RoomName) -> usize {
        let key = (AppId::default_app(), room.clone());
        self.rooms
            .get(&key)
            .map_or(0, |stored| stored.segments.len())
    }

    fn room(&mut self, app: &AppId, room: &RoomName) -> &mut Stored {
        self.rooms.entry((app.clone(), room.clone())).or_default()
    }
}
