//! A way to somebody that takes only so much. What comes too fast waits in a queue.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a queue before a way of one width is.
const USUAL_WAIT: Duration = Duration::from_millis(300);

/// How much a way takes for a while.
#[derive(Debug, Clone, Copy)]
struct Step {
    time: Duration,
    /// Bits a second.
    bitrate: u64,
}

/// How much a way takes as time goes on. The last step lasts for ever.
#[derive(Debug, Clone)]
pub(crate) struct Width(Vec<Step>);

impl Width {
    /// Reads lines of milliseconds and kilobits a second, below a headline.
    pub(crate) fn read(trace: &str) -> Self {
        let steps = trace.lines().skip(1).map(|line| {
            let (time, bitrate) = line.split_once(',').unwrap();
            Step {
                time: Duration::from_millis(time.parse().unwrap()),
                bitrate: bitrate.parse::<u64>().unwrap() * 1_000,
            }
        });
        let steps: Vec<Step> = steps.collect();
        assert_ne!(steps.last().unwrap().bitrate, 0, "it never ends");
        Self(steps)
    }

    fn steady(bitrate: u64) -> Self {
        Self(vec![Step {
            time: Duration::MAX,
            bitrate,
        }])
    }

    /// The same after a while in which the first step lasts.
    pub(crate) fn after(mut self, time: Duration) -> Self {
        self.0[0].time += time;
        self
    }

    pub(crate) fn length(&self) -> Duration {
        self.0.iter().map(|step| step.time).sum()
    }

    /// Bits a second at a time.
    pub(crate) fn at(&self, time: Duration) -> u64 {
        let mut end = Duration::ZERO;
        let step = self.0.iter().find(|step| {
            end = end.saturating_add(step.time);
            time < end
        });
        step.or(self.0.last()).unwrap().bitrate
    }

    /// When so many bits have gone through of which the first did at a time.
    fn through(&self, start: Duration, bits: u64) -> Duration {
        // Bits times nanoseconds in a second, so that nothing is lost by rounding.
        let mut left = u128::from(bits) * 1_000_000_000;
        let mut now = start;
        let mut end = Duration::ZERO;
        let (last, others) = self.0.split_last().unwrap();
        for step in others {
            end += step.time;
            if end <= now {
                continue;
            }
            let most = (end - now).as_nanos() * u128::from(step.bitrate);
            if most >= left {
                return now + lasts(left, step.bitrate);
            }
            left -= most;
            now = end;
        }
        now + lasts(left, last.bitrate)
    }
}

fn lasts(left: u128, bitrate: u64) -> Duration {
    let nanoseconds = left.checked_div(u128::from(bitrate));
    Duration::from_nanos(u64::try_from(nanoseconds.unwrap_or(0)).unwrap())
}

#[derive(Debug)]
pub(crate) struct Bottleneck {
    width: Width,
    begun: Instant,
    /// When what waits will have gone through, and its bytes, in that order.
    waiting: VecDeque<(Instant, usize)>,
    /// Bytes that may wait. What finds more is lost.
    longest: usize,
}

impl Bottleneck {
    pub(crate) fn new(width: Width, longest: usize, begun: Instant) -> Self {
        Self {
            width,
            begun,
            waiting: VecDeque::new(),
            longest,
        }
    }

    pub(crate) fn steady(bitrate: u64, begun: Instant) -> Self {
        let longest = u128::from(bitrate) * USUAL_WAIT.as_millis() / 8_000;
        let longest = usize::try_from(longest).unwrap();
        Self::new(Width::steady(bitrate), longest, begun)
    }

    /// When a datagram comes out, unless it is lost.
    pub(crate) fn pass(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        self.waiting.retain(|(out, _)| *out > now);
        let waiting: usize = self.waiting.iter().map(|(_, bytes)| bytes).sum();
        if waiting > self.longest {
            return None;
        }
        let free = self.waiting.back().map_or(now, |(out, _)| *out);
        let out = self.width.through(free - self.begun, bytes as u64 * 8);
        let out = self.begun + out;
        self.waiting.push_back((out, bytes));
        Some(out)
    }

    /// How long what comes now waits.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let last = self.waiting.back();
        last.map_or(Duration::ZERO, |(out, _)| {
            out.saturating_duration_since(now)
        })
    }
}
