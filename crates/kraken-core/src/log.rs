//! The write side of storage: a log is written in batches, one at a time.
//!
//! While a batch is being written its rooms go on recording; what gathers is the next batch. So
//! the pace of storage sets the size of the batches, and nothing of one room is overtaken. To make
//! a batch of many rooms takes so long that others would wait for it: what has gathered is written
//! in portions, and between two of them comes what came in meanwhile.

use crate::ids::TopicId;
use std::collections::BTreeSet;

/// Bytes in one batch, beyond which further rooms wait for the next.
pub(crate) const BATCH_BYTES: usize = 4 << 20;
/// Items in one batch: storage binds up to six parameters for each, and has 32,766.
pub(crate) const BATCH_ITEMS: usize = 4_096;
/// Portions in which gathered rooms are written.
const PORTIONS: usize = 4;
/// Rooms of a portion at least, if there are so many.
const PORTION_ITEMS: usize = 64;
/// Wait before a failed batch is tried again, in milliseconds: doubles from the first to the last.
const RETRY: (u64, u64) = (250, 8_000);

/// What has to be written, in items of one room each.
pub(crate) struct Log<I> {
    /// Rooms with something to write.
    pub(crate) dirty: BTreeSet<TopicId>,
    /// The batch that is being written, or is to be tried again.
    pub(crate) batch: Option<Batch<I>>,
    /// Whether the time to write the next batch has come.
    pub(crate) due: bool,
    /// Rooms in each batch until there are none left.
    portion: usize,
    /// Bytes recorded and not known to be stored.
    pub(crate) unstored: usize,
    /// Failures since the last success.
    pub(crate) failures: u32,
}

/// Items that are written together.
pub(crate) struct Batch<I> {
    pub(crate) items: Vec<I>,
    pub(crate) in_flight: bool,
}

/// What a batch is made of.
pub(crate) trait Item {
    /// How many bytes it has.
    fn bytes(&self) -> usize;
}

impl<I> Default for Log<I> {
    fn default() -> Self {
        Self {
            dirty: BTreeSet::new(),
            batch: None,
            due: false,
            portion: PORTION_ITEMS,
            unstored: 0,
            failures: 0,
        }
    }
}

impl<I: Item> Batch<I> {
    pub(crate) fn bytes(&self) -> usize {
        self.items.iter().map(Item::bytes).sum()
    }
}

impl<I: Item> Log<I> {
    /// The batch to write now, if its time has come: the failed one again, or the next. `take`
    /// takes all that a dirty room has.
    pub(crate) fn next_batch(
        &mut self,
        take: impl FnMut(TopicId) -> Option<I>,
    ) -> Option<&Batch<I>> {
        if !self.due {
            return None;
        }
        match &mut self.batch {
            Some(batch) if batch.in_flight => return None,
            Some(batch) => batch.in_flight = true,
            None => self.gather(take),
        }
        self.batch.as_ref()
    }

    fn gather(&mut self, mut take: impl FnMut(TopicId) -> Option<I>) {
        let mut items = Vec::new();
        let mut bytes = 0;
        let portion = self.dirty.len().div_ceil(PORTIONS).min(BATCH_ITEMS);
        self.portion = self.portion.max(portion);
        while bytes < BATCH_BYTES && items.len() < self.portion {
            let Some(topic) = self.dirty.pop_first() else {
                break;
            };
            if let Some(item) = take(topic) {
                bytes += item.bytes();
                items.push(item);
            }
        }
        self.due = !self.dirty.is_empty();
        if !self.due {
            self.portion = PORTION_ITEMS;
        }
        self.batch = (!items.is_empty()).then_some(Batch {
            items,
            in_flight: true,
        });
    }

    /// Takes the batch that has been written.
    pub(crate) fn written(&mut self) -> Option<Batch<I>> {
        let batch = self.batch.take()?;
        self.failures = 0;
        self.unstored = self.unstored.saturating_sub(batch.bytes());
        Some(batch)
    }

    /// Takes note that the batch could not be written; milliseconds to wait before the next try.
    pub(crate) fn failed(&mut self) -> u64 {
        if let Some(batch) = &mut self.batch {
            batch.in_flight = false;
        }
        self.failures += 1;
        self.due = false;
        let (first, last) = RETRY;
        let doublings = self.failures.saturating_sub(1).min(16);
        (first << doublings).min(last)
    }

    /// Whether nothing is left to write.
    pub(crate) fn is_idle(&self) -> bool {
        self.batch.is_none() && self.dirty.is_empty()
    }
}
