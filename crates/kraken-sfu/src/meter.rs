//! How many bits a second a stream has.

use std::time::{Duration, Instant};

/// What a packet costs on the way besides its payload: the headers of UDP and RTP, and the tag of
/// SRTP.
const OVERHEAD: u64 = 48;
/// What came in less time says nothing of the rate.
const SHORTEST: Duration = Duration::from_millis(100);
/// How much of the rate is that of the time since the last look. With four looks a second, this
/// averages over about a second, so that a keyframe alone doesn't double the rate.
const WEIGHT: f64 = 0.25;

/// Measures a stream.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    bytes: u64,
    /// Since when the bytes were counted. `None` before the first packet.
    since: Option<Instant>,
    rate: Option<f64>,
}

impl Meter {
    /// A packet came.
    pub(crate) fn count(&mut self, payload: usize, now: Instant) {
        self.bytes += payload as u64 + OVERHEAD;
        self.since.get_or_insert(now);
    }

    /// Looks at what came since the last look.
    pub(crate) fn look(&mut self, now: Instant) {
        let Some(since) = self.since else {
            return;
        };
        let time = now.saturating_duration_since(since);
        if time < SHORTEST {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let rate = rate(bytes, time.as_secs_f64());
        self.since = Some(now);
        self.rate = Some(
            self.rate
                .map_or(rate, |before| before + (rate - before) * WEIGHT),
        );
    }

    /// Bits a second. `None` if the stream has just begun.
    pub(crate) fn bitrate(&self) -> Option<u64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rates are positive and small"
        )]
        self.rate.map(|rate| rate as u64)
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody sends so much")]
fn rate(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 * 8.0 / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_millis(250);

    fn run(meter: &mut Meter, now: &mut Instant, looks: u32, packets: u32) {
        for _ in 0..looks {
            for _ in 0..packets {
                meter.count(1_202, *now);
            }
            *now += LOOK;
            meter.look(*now);
        }
    }

    #[test]
    fn la3_the_rate_is_found_at_the_first_look_and_a_keyframe_does_not_double_it() {
        let mut now = Instant::now();
        let mut meter = Meter::default();
        meter.look(now);
        assert_eq!(meter.bitrate(), None);
        // 12 packets of 1,250 bytes are 480 kbit a second.
        run(&mut meter, &mut now, 1, 12);
        assert_eq!(meter.bitrate(), Some(480_000));
        run(&mut meter, &mut now, 1, 24);
        assert_eq!(meter.bitrate(), Some(600_000));
        run(&mut meter, &mut now, 8, 12);
        let rate = meter.bitrate().unwrap();
        assert!((480_000..495_000).contains(&rate), "{rate}");
    }

    #[test]
    fn la3_what_has_only_begun_is_not_taken_for_a_rate() {
        let mut now = Instant::now();
        let mut meter = Meter::default();
        meter.count(50_000, now);
        now += Duration::from_millis(20);
        meter.look(now);
        assert_eq!(meter.bitrate(), None);
        now += Duration::from_millis(230);
        meter.look(now);
        assert!(meter.bitrate().is_some());
    }
}
