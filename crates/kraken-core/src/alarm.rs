//! Which timers a host has set. They can't be taken back, so none is set in vain.

use crate::Timestamp;
use std::collections::BTreeSet;

/// The moments at which a host is woken, however it asks for that.
#[derive(Debug, Default)]
pub struct Alarm {
    set: BTreeSet<Timestamp>,
}

impl Alarm {
    /// Whether a timer has to be set to be awake at `due`. It counts as set.
    pub fn wants(&mut self, due: Timestamp) -> bool {
        let is_covered = self.set.first().is_some_and(|first| *first <= due);
        !is_covered && self.set.insert(due)
    }

    /// Takes note that a timer has fired, or never will. It is the earliest.
    pub fn rang(&mut self) {
        self.set.pop_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_moment_needs_no_timer_while_an_earlier_one_is_set() {
        let mut alarm = Alarm::default();
        assert!(alarm.wants(Timestamp(1_000)));
        assert!(!alarm.wants(Timestamp(1_000)));
        assert!(!alarm.wants(Timestamp(2_000)));
        assert!(alarm.wants(Timestamp(500)));
        alarm.rang();
        assert!(!alarm.wants(Timestamp(1_000)));
        alarm.rang();
        assert!(alarm.wants(Timestamp(1_000)));
    }

    #[test]
    fn near_moments_before_a_far_one_do_not_set_that_again() {
        let mut alarm = Alarm::default();
        let far = Timestamp(3_600_000);
        let mut set = u32::from(alarm.wants(far));
        for second in 1..1_000 {
            set += u32::from(alarm.wants(Timestamp(second * 1_000)));
            alarm.rang();
            set += u32::from(alarm.wants(far));
        }
        assert_eq!(set, 1_000);
    }
}
