//! Which timers are set with the node. They can't be taken back, so none is set in vain.

use kraken_core::Timestamp;
use std::collections::BTreeSet;

/// The moments at which the node wakes the process.
#[derive(Default)]
pub(crate) struct Alarm {
    /// Each is earlier than those that were set before it.
    set: BTreeSet<Timestamp>,
}

impl Alarm {
    /// Whether a timer has to be set for the process to be awake at `due`. It counts as set.
    pub(crate) fn wants(&mut self, due: Timestamp) -> bool {
        let is_covered = self.set.first().is_some_and(|first| *first <= due);
        !is_covered && self.set.insert(due)
    }

    /// Takes note that a timer has fired, or never will. It is the earliest.
    pub(crate) fn rang(&mut self) {
        self.set.pop_first();
    }
}
