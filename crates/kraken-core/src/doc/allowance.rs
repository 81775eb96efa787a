//! How long integration may keep everybody else waiting.

/// Microseconds that one turn may spend.
const TURN: u64 = 10_000;

/// Time in which one turn may bring updates into documents. What isn't done in it goes on in the
/// next one.
pub struct Allowance {
    stopwatch: fn() -> u64,
    left: u64,
    looked_at: u64,
}

impl Allowance {
    /// Of a turn, by a stopwatch in microseconds, of which only differences count.
    pub fn new(stopwatch: fn() -> u64) -> Self {
        Self {
            stopwatch,
            left: TURN,
            looked_at: 0,
        }
    }

    /// Without an end, for whoever has nobody else to look after.
    pub fn endless() -> Self {
        Self::new(|| 0)
    }

    /// Begins another turn.
    pub(super) fn renew(&mut self) {
        self.left = TURN;
    }

    /// From here on time is spent.
    pub(super) fn begin(&mut self) {
        self.looked_at = (self.stopwatch)();
    }

    /// Takes off the time that was spent since the last look; how much that was.
    pub(super) fn spend(&mut self) -> u64 {
        let now = (self.stopwatch)();
        let spent = now.saturating_sub(self.looked_at);
        self.looked_at = now;
        self.left = self.left.saturating_sub(spent);
        spent
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left == 0
    }
}
