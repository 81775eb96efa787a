//! Sequence numbers and timestamps as one receiver sees them.
//!
//! A receiver has one stream for as long as its media section lives, whoever is heard on it. Each
//! new source continues where the last one ended. The first starts at 1: SRTP needs that the
//! first sequence number a receiver sees is below 65,536.

use std::time::{Duration, Instant};

/// Where one source's numbers begin in the receiver's stream.
#[derive(Debug, Clone, Copy)]
struct Origin {
    source_sequence: u64,
    sequence: u64,
    time_shift: u32,
}

/// The newest packet that was sent.
#[derive(Debug, Clone, Copy)]
struct Newest {
    sequence: u64,
    time: u32,
    at: Instant,
}

/// Moves the numbers of changing sources into one stream.
#[derive(Debug, Default)]
pub(crate) struct Rebase {
    origin: Option<Origin>,
    newest: Option<Newest>,
}

impl Rebase {
    /// The next packet is of another source.
    pub(crate) fn switch(&mut self) {
        self.origin = None;
    }

    /// The numbers of a packet in the receiver's stream. `None` if it is older than the first of
    /// its source that was sent: that place is taken. `clock_rate` is in ticks a second.
    pub(crate) fn apply(
        &mut self,
        sequence: u64,
        time: u32,
        clock_rate: u32,
        at: Instant,
    ) -> Option<(u64, u32)> {
        let newest = self.newest;
        let origin = *self
            .origin
            .get_or_insert_with(|| Origin::after(newest, sequence, time, clock_rate, at));
        let sequence = origin.sequence + sequence.checked_sub(origin.source_sequence)?;
        let time = time.wrapping_add(origin.time_shift);
        if newest.is_none_or(|newest| newest.sequence < sequence) {
            self.newest = Some(Newest { sequence, time, at });
        }
        Some((sequence, time))
    }
}

impl Origin {
    fn after(
        newest: Option<Newest>,
        source_sequence: u64,
        source_time: u32,
        clock_rate: u32,
        at: Instant,
    ) -> Self {
        let Some(newest) = newest else {
            return Self {
                source_sequence,
                sequence: 1,
                time_shift: 0,
            };
        };
        let pause = ticks(at.saturating_duration_since(newest.at), clock_rate).max(1);
        Self {
            source_sequence,
            sequence: newest.sequence + 1,
            time_shift: newest.time.wrapping_add(pause).wrapping_sub(source_time),
        }
    }
}

/// A time in ticks. Wraps around, as timestamps do.
#[expect(clippy::cast_possible_truncation, reason = "timestamps wrap around")]
fn ticks(time: Duration, clock_rate: u32) -> u32 {
    (time.as_micros() * u128::from(clock_rate) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sf6_a_stream_starts_low_and_keeps_gaps() {
        let now = Instant::now();
        let mut rebase = Rebase::default();
        assert_eq!(rebase.apply(900_000, 7, 48_000, now), Some((1, 7)));
        assert_eq!(rebase.apply(900_003, 9, 48_000, now), Some((4, 9)));
        assert_eq!(rebase.apply(900_001, 8, 48_000, now), Some((2, 8)));
        assert_eq!(rebase.apply(899_999, 5, 48_000, now), None);
    }

    #[test]
    fn sf6_another_source_continues_the_stream() {
        let now = Instant::now();
        let mut rebase = Rebase::default();
        rebase.apply(50, u32::MAX - 10, 48_000, now);
        rebase.switch();
        let later = now + Duration::from_millis(20);
        assert_eq!(rebase.apply(3, 5, 48_000, later), Some((2, 949)));
        assert_eq!(rebase.apply(4, 965, 48_000, later), Some((3, 1_909)));
    }
}
