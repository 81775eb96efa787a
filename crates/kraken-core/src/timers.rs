//! Moments at which something has to happen.

use crate::ids::{AppId, Timestamp, TopicId};
use std::collections::{BTreeMap, BTreeSet};

/// What a moment is for. Each has at most one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Write what an app's rooms have recorded.
    Flush(AppId),
    /// Look after a room: expire awareness, keep it alive, let it go.
    Room(TopicId),
    /// Ask storage for a room again.
    Load(TopicId),
}

/// The moments that are ahead.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Timestamp, Timer)>,
    set: BTreeMap<Timer, Timestamp>,
}

impl Timers {
    /// Sets `timer` unless it is set for an earlier moment.
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
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
    pub(crate) fn clear(&mut self, timer: &Timer) {
        if let Some(at) = self.set.remove(timer) {
            self.due.remove(&(at, timer.clone()));
        }
    }

    /// The earliest moment.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|&(at, _)| at)
    }

    /// Takes a timer whose moment has come.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<Timer> {
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
        let room = |id| Timer::Room(TopicId(id));
        let mut timers = Timers::default();
        timers.set(room(1), Timestamp(20));
        timers.set(room(1), Timestamp(10));
        timers.set(room(1), Timestamp(30));
        timers.set(room(2), Timestamp(15));
        assert_eq!(timers.next(), Some(Timestamp(10)));
        assert_eq!(timers.pop(Timestamp(9)), None);
        assert_eq!(timers.pop(Timestamp(50)), Some(room(1)));
        timers.clear(&room(2));
        assert_eq!(timers.pop(Timestamp(50)), None);
    }
}
