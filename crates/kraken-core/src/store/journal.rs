//! What has come to a store and isn't done with: not relayed, not stored, or still wanted by
//! somebody who is catching up.

use super::chunks::Joined;
use super::frame;
use super::record::{Body, Record};
use super::schema::FIRST_SEQUENCE;
use crate::Effect;
use crate::doc::message::write_var_bytes;
use crate::ids::{ConnectionId, TopicId};
use crate::log::BATCH_BYTES;
use bytes::Bytes;
use std::collections::VecDeque;

/// Distance between the sequence numbers of one stay in memory and the next: a process that died
/// may have left a write under way, whose numbers must be nobody else's.
const GENERATION: u64 = 1 << 24;
/// Bytes of frames that nothing is kept of, beyond which no more of them wait.
const MOST_PASSING: usize = 1 << 20;
/// Bytes of patches in one record.
const SEGMENT_BYTES: usize = 256 << 10;

/// The frames of one store, in the order in which they came.
pub(super) struct Journal {
    entries: VecDeque<Entry>,
    /// The number of the last frame.
    arrivals: u64,
    /// The number of the last frame that was relayed.
    relayed: u64,
    /// The sequence number of the last frame that is kept, and how far storage is with them.
    last: u64,
    taken: u64,
    stored: u64,
    /// Bytes of all that was ever kept, for the quota.
    pub(super) bytes: u64,
    /// Bytes of frames that nothing is kept of.
    passing: usize,
}

/// A frame.
struct Entry {
    arrival: u64,
    /// Of the last frame that is kept, up to this one.
    sequence: u64,
    sender: ConnectionId,
    message: Bytes,
    kept: Kept,
}

/// What storage keeps of a frame.
pub(super) enum Kept {
    Nothing,
    /// Its payload.
    Patch,
    /// Its payload.
    Value,
    /// The value whose last part it is.
    Joined(Joined),
}

/// What storage is given at a time.
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    /// The sequence number of the last frame in it.
    pub(super) up_to: u64,
    /// Bytes of the frames in it, as [`Journal::push`] counted them.
    pub(super) bytes: usize,
}

impl Entry {
    fn is_kept(&self) -> bool {
        !matches!(self.kept, Kept::Nothing)
    }

    /// The payload of the value that is kept of it.
    fn value(&self) -> Option<Bytes> {
        match &self.kept {
            Kept::Value => Some(self.message.slice(1..)),
            Kept::Joined(joined) => Some(joined.payload.clone()),
            Kept::Nothing | Kept::Patch => None,
        }
    }

    /// What somebody is sent who wasn't there for all parts.
    fn whole(&self) -> Bytes {
        match &self.kept {
            Kept::Joined(joined) => frame::value(&joined.payload),
            Kept::Nothing | Kept::Patch | Kept::Value => self.message.clone(),
        }
    }

    /// Bytes that are kept of it.
    fn weight(&self) -> usize {
        match &self.kept {
            Kept::Nothing => 0,
            Kept::Patch | Kept::Value => self.message.len(),
            Kept::Joined(joined) => joined.payload.len(),
        }
    }
}

impl Journal {
    /// The journal of a store of which so much is stored.
    pub(super) fn new(last: u64, bytes: u64) -> Self {
        let last = (last.max(FIRST_SEQUENCE) / GENERATION + 1) * GENERATION;
        Self {
            entries: VecDeque::new(),
            arrivals: 0,
            relayed: 0,
            last,
            taken: last,
            stored: last,
            bytes,
            passing: 0,
        }
    }

    /// The number that the next frame gets.
    pub(super) fn next_arrival(&self) -> u64 {
        self.arrivals + 1
    }

    /// The number of the last frame.
    pub(super) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// The sequence number of the last frame that is kept.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The sequence number of the last frame that is known to be stored.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }

    /// Whether storage has all that is kept.
    pub(super) fn is_stored(&self) -> bool {
        self.stored == self.last
    }

    /// Whether storage has been given all that is kept.
    pub(super) fn is_taken(&self) -> bool {
        self.taken == self.last
    }

    /// Adds a frame; how many bytes of it are kept.
    pub(super) fn push(&mut self, sender: ConnectionId, message: Bytes, kept: Kept) -> usize {
        self.arrivals += 1;
        if !matches!(kept, Kept::Nothing) {
            self.last += 1;
        }
        let entry = Entry {
            arrival: self.arrivals,
            sequence: self.last,
            sender,
            message,
            kept,
        };
        let weight = entry.weight();
        self.bytes += weight as u64;
        self.entries.push_back(entry);
        weight
    }

    /// Relays a frame that nothing is kept of, behind what was held back before it. `is_read` is
    /// whether somebody is catching up, who will want it. Too much of it is too much: then those
    /// who catch up don't get it, and nobody does as long as storage doesn't come forward.
    pub(super) fn pass(
        &mut self,
        sender: ConnectionId,
        message: Bytes,
        topic: TopicId,
        is_read: bool,
        effects: &mut Vec<Effect>,
    ) {
        let is_held = self.relayed < self.arrivals;
        let has_room = self.passing < MOST_PASSING;
        if is_held && !has_room {
            return;
        }
        if !is_held {
            self.relayed += 1;
            effects.push(Effect::Publish {
                topic,
                except: Some(sender),
                message: message.clone(),
            });
        }
        if (is_held || is_read) && has_room {
            self.passing += message.len();
            self.push(sender, message, Kept::Nothing);
        } else {
            self.arrivals += 1;
        }
    }

    /// Relays what may be: all, or only what is stored and what follows on it. `late` is who was
    /// not there yet when the frame with this number came, and misses parts of a value.
    pub(super) fn relay(
        &mut self,
        topic: TopicId,
        only_stored: bool,
        late: impl Fn(u64) -> Vec<ConnectionId>,
        effects: &mut Vec<Effect>,
    ) {
        let relayed = self.relayed;
        let start = self
            .entries
            .partition_point(|entry| entry.arrival <= relayed);
        for entry in self.entries.range(start..) {
            if only_stored && entry.sequence > self.stored {
                return;
            }
            self.relayed = entry.arrival;
            effects.push(Effect::Publish {
                topic,
                except: Some(entry.sender),
                message: entry.message.clone(),
            });
            if let Kept::Joined(joined) = &entry.kept {
                let late = late(joined.began).into_iter();
                let late = late.filter(|connection| *connection != entry.sender);
                effects.extend(late.map(|connection| Effect::Send {
                    connection,
                    message: entry.whole(),
                }));
            }
        }
    }

    /// Takes the next records for storage; `None` if it has been given all.
    pub(super) fn take(&mut self) -> Option<Batch> {
        let taken = self.taken;
        let start = self
            .entries
            .partition_point(|entry| entry.sequence <= taken);
        let mut batch = Batch {
            records: Vec::new(),
            up_to: taken,
            bytes: 0,
        };
        let mut segment = Vec::new();
        for entry in self.entries.range(start..).filter(|entry| entry.is_kept()) {
            if batch.bytes >= BATCH_BYTES {
                break;
            }
            let value = entry.value();
            if value.is_some() || segment.len() >= SEGMENT_BYTES {
                batch.add_patches(&mut segment);
            }
            batch.up_to = entry.sequence;
            batch.bytes += entry.weight();
            match value {
                Some(payload) => batch.add(Body::Value(payload)),
                None => write_var_bytes(&mut segment, &entry.message[1..]),
            }
        }
        batch.add_patches(&mut segment);
        self.taken = batch.up_to;
        (!batch.records.is_empty()).then_some(batch)
    }

    /// Bytes that storage hasn't been given.
    pub(super) fn untaken_bytes(&self) -> usize {
        let taken = self.taken;
        let start = self
            .entries
            .partition_point(|entry| entry.sequence <= taken);
        self.entries.range(start..).map(Entry::weight).sum()
    }

    /// Takes note that all up to this sequence number is stored.
    pub(super) fn stored_up_to(&mut self, sequence: u64) {
        self.stored = self.stored.max(sequence);
    }

    /// Forgets what is relayed, stored, and wanted by nobody. `floor` is the sequence number
    /// behind which somebody wants all, if there is such a one.
    pub(super) fn trim(&mut self, floor: Option<u64>) {
        let is_done = |entry: &Entry| {
            let is_wanted = match entry.kept {
                Kept::Nothing => floor.is_some_and(|floor| entry.sequence >= floor),
                _ => floor.is_some_and(|floor| entry.sequence > floor),
            };
            entry.arrival <= self.relayed && entry.sequence <= self.stored && !is_wanted
        };
        while let Some(entry) = self.entries.pop_front_if(|entry| is_done(entry)) {
            if !entry.is_kept() {
                self.passing -= entry.message.len();
            }
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }

    /// What somebody is sent who has all up to a sequence number, and came after the frame with
    /// the number `joined`: all that was relayed since, but for its own.
    pub(super) fn since(
        &self,
        sequence: u64,
        joined: u64,
        receiver: ConnectionId,
    ) -> impl Iterator<Item = Bytes> {
        let is_news = move |entry: &&Entry| {
            let is_new = match entry.kept {
                Kept::Nothing => entry.arrival > joined,
                _ => entry.sequence > sequence,
            };
            is_new && entry.arrival <= self.relayed && entry.sender != receiver
        };
        self.entries.iter().filter(is_news).map(Entry::whole)
    }

    /// The latest value whose payload begins with these bytes, if it is here and relayed.
    pub(super) fn find(&self, prefix: &[u8]) -> Option<Bytes> {
        let relayed = self.entries.iter().rev();
        let relayed = relayed.filter(|entry| entry.arrival <= self.relayed);
        relayed
            .filter_map(Entry::value)
            .find(|payload| payload.starts_with(prefix))
    }
}

impl Batch {
    fn add(&mut self, body: Body) {
        let sequence = self.up_to;
        self.records.push(Record { sequence, body });
    }

    fn add_patches(&mut self, segment: &mut Vec<u8>) {
        if !segment.is_empty() {
            self.add(Body::Patches(std::mem::take(segment).into()));
        }
    }
}
