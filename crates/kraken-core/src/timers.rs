//! Moments at which something has to happen.

use crate::ids::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// The moments that are ahead. Each `T` has at most one.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    due: BTreeSet<(Timestamp, T)>,
    set: BTreeMap<T, Timestamp>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self {
            due: BTreeSet::new(),
            set: BTreeMap::new(),
        }
    }
}

impl<T: Clone + Ord + Debug> Timers<T> {
    /// Sets `timer` unless it is set for an earlier moment.
    pub(crate) fn set(&mut self, timer: T, at: Timestamp) {
        match self.set.get(&timer) {
            Some(&earlier) if earlier <= at => {}
            earlier => {
                if let Some(&later) = earlier {
                    self.due.remove(&(later, timer.clone()));
                }
                self.set.insert(timer.clone(), at);
                self.due.insert((at, timer));
            }
        }
    }

    /// Forgets `timer`.
    pub(crate) fn clear(&mut self, timer: &T) {
        if let Some(at) = self.set.remove(timer) {
            self.due.remove(&(at, timer.clone()));
        }
    }

    /// Whether `timer` is set.
    pub(crate) fn is_set(&self, timer: &T) -> bool {
        self.set.contains_key(timer)
    }

    /// The earliest moment.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|&(at, _)| at)
    }

    /// Takes a timer whose moment has come.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<T> {
        let &(at, _) = self.due.first().filter(|(at, _)| *at <= now)?;
        let (_, timer) = self.due.pop_first()?;
        debug_assert_eq!(self.set.get(&timer), Some(&at));
        self.set.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_keeps_its_earliest_moment_and_fires_once() {
        let mut timers = Timers::default();
        timers.set(1, Timestamp(20));
        timers.set(1, Timestamp(10));
        timers.set(1, Timestamp(30));
        timers.set(2, Timestamp(15));
        assert_eq!(timers.next(), Some(Timestamp(10)));
        assert_eq!(timers.pop(Timestamp(9)), None);
        assert_eq!(timers.pop(Timestamp(50)), Some(1));
        timers.clear(&2);
        assert_eq!(timers.pop(Timestamp(50)), None);
    }
}
