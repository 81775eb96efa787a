//! How often a publisher is asked for a keyframe.
//!
//! Many receivers ask at once, and one keyframe serves all; each costs as much as a second of
//! video.

use std::time::{Duration, Instant};

/// The least time between two requests to one publisher.
const INTERVAL: Duration = Duration::from_millis(500);

/// Turns any number of requests into at most one an interval. None is lost: a request that comes
/// too early is passed on when the interval is over.
#[derive(Debug, Default)]
pub(crate) struct KeyframeGate {
    passed: Option<Instant>,
    waiting: bool,
}

impl KeyframeGate {
    /// Somebody asks. True if the request is to be passed on now.
    pub(crate) fn ask(&mut self, now: Instant) -> bool {
        self.waiting = true;
        self.pass(now)
    }

    /// Time has passed. True if a request that waited is to be passed on now.
    pub(crate) fn pass(&mut self, now: Instant) -> bool {
        let may_pass = self.passed.is_none_or(|passed| passed + INTERVAL <= now);
        if !(self.waiting && may_pass) {
            return false;
        }
        self.passed = Some(now);
        self.waiting = false;
        true
    }

    /// When a request that waits is to be passed on.
    pub(crate) fn due(&self) -> Option<Instant> {
        let passed = self.passed?;
        self.waiting.then_some(passed + INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sf7_many_requests_become_one_an_interval() {
        let start = Instant::now();
        let mut gate = KeyframeGate::default();
        assert!(gate.ask(start));
        assert_eq!(gate.due(), None);
        for milliseconds in [1, 10, 499] {
            assert!(!gate.ask(start + Duration::from_millis(milliseconds)));
        }
        assert_eq!(gate.due(), Some(start + INTERVAL));
        assert!(gate.pass(start + INTERVAL));
        assert!(!gate.pass(start + INTERVAL * 3));
    }
}
