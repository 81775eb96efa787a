//! How much a socket may send: a token bucket each for messages and bytes.

use crate::ConnectionLimits;
use crate::ids::Timestamp;

/// How many seconds' worth may come at once.
const BURST: u64 = 10;

/// What a socket has sent of late.
pub(super) struct Budget {
    /// Thousandths of messages and bytes that were sent and not made up for by time.
    messages: u64,
    bytes: u64,
    at: Timestamp,
}

impl Budget {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            messages: 0,
            bytes: 0,
            at: now,
        }
    }

    /// Takes note of a message; whether it is within the limits.
    pub(super) fn spend(
        &mut self,
        bytes: usize,
        limits: &ConnectionLimits,
        now: Timestamp,
    ) -> bool {
        let passed = now.since(self.at);
        self.at = now;
        let (messages, most) = (
            u64::from(limits.messages_per_second),
            u64::from(limits.bytes_per_second),
        );
        self.messages = self
            .messages
            .saturating_sub(passed.saturating_mul(messages))
            + 1_000;
        let bytes = (bytes as u64).saturating_mul(1_000);
        self.bytes = self.bytes.saturating_sub(passed.saturating_mul(most)) + bytes;
        // One message of any size is always within.
        self.messages <= messages * BURST * 1_000
            && (self.bytes <= most * BURST * 1_000 || self.bytes == bytes)
    }
}
