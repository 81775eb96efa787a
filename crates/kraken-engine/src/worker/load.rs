//! How busy a worker is, and for how long it holds packets.

use std::time::{Duration, Instant};

/// Upper bounds of the classes of delays.
pub(crate) const DELAY_BOUNDS: [Duration; 8] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
];

/// Measures one worker.
#[derive(Debug, Default)]
pub(crate) struct Load {
    busy: Duration,
    measured: Option<(Instant, Duration)>,
    /// Packets in each class of delays, and one above.
    delays: [u64; DELAY_BOUNDS.len() + 1],
    delay_sum: f64,
    /// Packets that the system didn't take.
    pub(crate) unsent: u64,
}

/// What was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadSnapshot {
    /// The share of the last second that the worker worked, from 0 to 1.
    pub(crate) share: f64,
    pub(crate) delays: [u64; DELAY_BOUNDS.len() + 1],
    /// In seconds.
    pub(crate) delay_sum: f64,
    pub(crate) unsent: u64,
    /// Time worked since the start.
    pub(crate) busy: Duration,
}

impl Load {
    /// The worker begins a turn.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.measured.get_or_insert((now, Duration::ZERO));
    }

    /// The worker ends a turn that began at `started`, in which so many packets went out.
    pub(crate) fn sleep(&mut self, started: Instant, now: Instant, packets: u64) {
        let turn = now.saturating_duration_since(started);
        self.busy += turn;
        let class = DELAY_BOUNDS.iter().position(|bound| turn <= *bound);
        self.delays[class.unwrap_or(DELAY_BOUNDS.len())] += packets;
        #[expect(clippy::cast_precision_loss, reason = "a sum for an average")]
        let packets = packets as f64;
        self.delay_sum += turn.as_secs_f64() * packets;
    }

    pub(crate) fn snapshot(&mut self, now: Instant) -> LoadSnapshot {
        let (since, busy) = self
            .measured
            .replace((now, self.busy))
            .unwrap_or((now, self.busy));
        let elapsed = now.saturating_duration_since(since).as_secs_f64();
        let worked = (self.busy - busy).as_secs_f64();
        LoadSnapshot {
            share: if elapsed > 0.0 {
                (worked / elapsed).min(1.0)
            } else {
                0.0
            },
            delays: self.delays,
            delay_sum: self.delay_sum,
            unsent: self.unsent,
            busy: self.busy,
        }
    }
}
