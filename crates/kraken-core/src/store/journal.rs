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
/// Bytes of frames that nothing is kept of, beyond which those who catch up get no more of them.
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
    /// Bytes of frames that nothing is kept of, and of those that aren't relayed.
    passing: usize,
    held: usize,
}

/// A frame.
struct Entry {
    arrival: u64,
    /// Of the last frame that is kept, up to this one.
    sequence: u64,
    sender: ConnectionId,
    message: Bytes,
    kept: Option<Kept>,
}

/// What storage keeps of a frame.
pub(super) enum Kept {
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
    /// Bytes of the frames in it, as [`Journal::keep`] counted them.
    pub(super) bytes: usize,
}

impl Entry {
    fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// The payload of the value that is kept of it.
    fn value(&self) -> Option<Bytes> {
        match &self.kept {
            Some(Kept::Value) => Some(self.message.slice(1..)),
            Some(Kept::Joined(joined)) => Some(joined.payload.clone()),
            Some(Kept::Patch) | None => None,
        }
    }

    /// What somebody is sent who wasn't there for all parts.
    fn whole(&self) -> Bytes {
        match &self.kept {
            Some(Kept::Joined(joined)) => frame::value(&joined.payload),
            Some(Kept::Patch | Kept::Value) | None => self.message.clone(),
        }
    }

    /// Bytes that are kept of it.
    fn weight(&self) -> usize {
        match &self.kept {
            Some(Kept::Patch | Kept::Value) => self.message.len(),
            Some(Kept::Joined(joined)) => joined.payload.len(),
            None => 0,
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
            held: 0,
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

    /// Bytes of frames that nothing is kept of and that aren't relayed.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether storage has all that is kept.
    pub(super) fn is_stored(&self) -> bool {
        self.stored == self.last
    }

    /// Whether storage has been given all that is kept.
    pub(super) fn is_taken(&self) -> bool {
        self.taken == self.last
    }

    /// Adds a frame of which something is kept; how many bytes.
    pub(super) fn keep(&mut self, sender: ConnectionId, message: Bytes, kept: Kept) -> usize {
        self.last += 1;
        self.push(sender, message, Some(kept))
    }

    fn push(&mut self, sender: ConnectionId, message: Bytes, kept: Option<Kept>) -> usize {
        self.arrivals += 1;
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

    /// Relays a frame that nothing is kept of, at once or behind what is held back; how many
    /// bytes of it are held. `is_wanted` is whether somebody is catching up and will want it.
    pub(super) fn pass(
        &mut self,
        sender: ConnectionId,
        message: Bytes,
        topic: TopicId,
        is_wanted: bool,
        effects: &mut Vec<Effect>,
    ) -> usize {
        let bytes = message.len();
        if self.relayed < self.arrivals {
            self.passing += bytes;
            self.held += bytes;
            self.push(sender, message, None);
            return bytes;
        }
        self.relayed += 1;
        effects.push(Effect::Publish {
            topic,
            except: Some(sender),
            message: message.clone(),
        });
        if is_wanted && self.passing < MOST_PASSING {
            self.passing += bytes;
            self.push(sender, message, None);
        } else {
            self.arrivals += 1;
        }
        0
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
            if !entry.is_kept() {
                self.held -= entry.message.len();
            }
            effects.push(Effect::Publish {
                topic,
                except: Some(entry.sender),
                message: entry.message.clone(),
            });
            if let Some(Kept::Joined(joined)) = &entry.kept {
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
        let mut batch = Batch {
            records: Vec::new(),
            up_to: self.taken,
            bytes: 0,
        };
        let mut segment = Vec::new();
        for entry in self.untaken() {
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
        self.untaken().map(Entry::weight).sum()
    }

    /// The frames to keep that storage hasn't been given.
    fn untaken(&self) -> impl Iterator<Item = &Entry> {
        let is_taken = |entry: &Entry| entry.sequence <= self.taken;
        let start = self.entries.partition_point(is_taken);
        self.entries.range(start..).filter(|entry| entry.is_kept())
    }

    /// Takes note that all up to this sequence number is stored.
    pub(super) fn stored_up_to(&mut self, sequence: u64) {
        self.stored = self.stored.max(sequence);
    }

    /// Forgets what is relayed, stored, and wanted by nobody. `floor` is the sequence number
    /// behind which somebody wants all, if there is such a one.
    pub(super) fn trim(&mut self, floor: Option<u64>) {
        let is_done = |entry: &Entry| {
            let is_wanted = floor.is_some_and(|floor| match entry.is_kept() {
                true => entry.sequence > floor,
                false => entry.sequence >= floor,
            });
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
            let is_new = match entry.is_kept() {
                true => entry.sequence > sequence,
                false => entry.arrival > joined,
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
