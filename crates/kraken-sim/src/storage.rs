//! Storage that answers late, in any order, and sometimes fails.

use kraken_core::doc::{Document, Segment, Snapshot};
use kraken_core::{AppId, RoomName, StorageOperation, StorageReply, StorageRequest};
use std::collections::BTreeMap;
use yrs::ClientID;

/// What survives a crash.
#[derive(Default)]
pub struct Storage {
    rooms: BTreeMap<(AppId, RoomName), Stored>,
}

#[derive(Default)]
struct Stored {
    snapshot: Option<Snapshot>,
    segments: BTreeMap<u64, Segment>,
}

impl Storage {
    /// Carries out a request, as the process's statements do.
    pub fn carry_out(&mut self, request: &StorageRequest) -> StorageReply {
        let app = &request.app;
        match &request.operation {
            StorageOperation::Load { room } => {
                let Some(stored) = self.rooms.get(&(app.clone(), room.clone())) else {
                    return StorageReply::nothing();
                };
                StorageReply::Loaded {
                    snapshot: stored.snapshot.clone(),
                    segments: stored.segments.values().cloned().collect(),
                }
            }
            StorageOperation::Append { segments } => {
                for (room, segment) in segments {
                    let stored = self.room(app, room);
                    stored.segments.insert(segment.sequence, segment.clone());
                }
                StorageReply::Done
            }
            StorageOperation::Compact { room, snapshot } => {
                let stored = self.room(app, room);
                stored
                    .segments
                    .retain(|sequence, _| *sequence > snapshot.sequence);
                stored.snapshot = Some(snapshot.clone());
                StorageReply::Done
            }
            StorageOperation::Remove => {
                self.rooms.retain(|(owner, _), _| owner != app);
                StorageReply::Done
            }
        }
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
