//! The time, as the core wants it.

use kraken_core::Timestamp;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch that go on steadily when the system's clock is set back, so
/// that nothing waits until it has caught up. Tokens are judged by them too: after such a change
/// they end early, until the process starts again.
pub(crate) struct Clock {
    base: Timestamp,
    since: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            base: system_time(),
            since: Instant::now(),
        }
    }

    pub(crate) fn now(&mut self) -> Timestamp {
        let elapsed = self.since.elapsed().as_millis();
        let steady = self.base.after(elapsed.try_into().unwrap_or(u64::MAX));
        let system = system_time();
        if system > steady {
            self.base = system;
            self.since = Instant::now();
        }
        system.max(steady)
    }
}

/// Microseconds since it was first asked.
pub(crate) fn stopwatch() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_micros().try_into().unwrap_or(u64::MAX)
}

fn system_time() -> Timestamp {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(elapsed.as_millis().try_into().unwrap_or(u64::MAX))
}
