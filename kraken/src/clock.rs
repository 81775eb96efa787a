//! The time, as the core wants it.

use kraken_core::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch that never go back, though the system's clock may.
#[derive(Default)]
pub(crate) struct Clock {
    latest: Timestamp,
}

impl Clock {
    pub(crate) fn now(&mut self) -> Timestamp {
        let elapsed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = Timestamp(elapsed.as_millis().try_into().unwrap_or(u64::MAX));
        self.latest = self.latest.max(now);
        self.latest
    }
}
