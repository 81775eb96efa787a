//! How much a client may send.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// How much of its rates a client may use at once.
const BURST: Duration = Duration::from_secs(10);

/// How much of its rates a client has back before it is read again. Less would wake it for every
/// few messages.
const REST: Duration = Duration::from_millis(100);

/// How much of its rates a client that is over them must have saved up to count as under them.
const BREAK: Duration = Duration::from_secs(1);

/// What a client may still send: so many messages and so many bytes of them. The last message may
/// pass both by its own size.
#[derive(Debug)]
pub(crate) struct Budget {
    messages: Bucket,
    bytes: Bucket,
    filled: Instant,
    /// Since when it is over its rates without a break.
    over_since: Option<Instant>,
    /// For how long it may be.
    patience: Duration,
}

/// A client has been over a rate for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFast {
    rate: u32,
    unit: &'static str,
    patience: Duration,
}

impl fmt::Display for TooFast {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rate,
            unit,
            patience,
        } = self;
        write!(
            formatter,
            "more than {rate} {unit} a second for {patience:?}"
        )
    }
}

impl Budget {
    /// A whole budget of these rates per second, where 0 stands for any number.
    pub(crate) fn new(messages: u32, bytes: u32, patience: Duration, now: Instant) -> Self {
        Self {
            messages: Bucket::new(messages),
            bytes: Bucket::new(bytes),
            filled: now,
            over_since: None,
            patience,
        }
    }

    /// Adds what the time since the last call is worth.
    pub(crate) fn refill(&mut self, now: Instant) {
        let micros = now.saturating_duration_since(self.filled).as_micros();
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        // What is less than a microsecond isn't lost.
        self.filled += Duration::from_micros(micros);
        self.messages.refill(micros);
        self.bytes.refill(micros);
        if self.messages.holds(BREAK) && self.bytes.holds(BREAK) {
            self.over_since = None;
        }
    }

    /// Takes a message out of it.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.messages.left -= MICROS;
        self.bytes.left -= bytes as i64 * MICROS;
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.messages.left <= 0 || self.bytes.left <= 0
    }

    /// Until when the client isn't to be read, if its budget is spent. Then this is to be called
    /// again. Fails once it has been over a rate for too long.
    pub(crate) fn wait(&mut self, now: Instant) -> Result<Option<Instant>, TooFast> {
        self.refill(now);
        if !self.is_spent() {
            return Ok(None);
        }
        let give_up = *self.over_since.get_or_insert(now) + self.patience;
        if now >= give_up {
            return Err(self.explain());
        }
        let rest = self.messages.rest().max(self.bytes.rest());
        Ok(Some((now + rest).min(give_up)))
    }

    fn explain(&self) -> TooFast {
        let (rate, unit) = if self.messages.left <= 0 {
            (self.messages.rate, "messages")
        } else {
            (self.bytes.rate, "bytes")
        };
        TooFast {
            rate,
            unit,
            patience: self.patience,
        }
    }
}

/// Millionths of one. A rate of one per second is one millionth per microsecond.
const MICROS: i64 = 1_000_000;

#[derive(Debug)]
struct Bucket {
    /// How many a second, 0 for any number.
    rate: u32,
    /// How many are left, in millionths. Below 0 if more were taken.
    left: i64,
}

impl Bucket {
    fn new(rate: u32) -> Self {
        let mut bucket = Self { rate, left: 0 };
        bucket.left = bucket.worth(BURST);
        bucket
    }

    fn refill(&mut self, micros: u64) {
        let whole = self.worth(BURST);
        let gained = u128::from(self.rate) * u128::from(micros);
        let gained = i64::try_from(gained).unwrap_or(i64::MAX);
        self.left = self.left.saturating_add(gained).min(whole);
        if self.rate == 0 {
            self.left = whole;
        }
    }

    fn holds(&self, time: Duration) -> bool {
        self.left >= self.worth(time)
    }

    /// How long it takes until what was taken too much is there again, and a little more.
    fn rest(&self) -> Duration {
        let missing = self.worth(REST).saturating_sub(self.left).max(0);
        let micros = missing.unsigned_abs().div_ceil(u64::from(self.rate.max(1)));
        Duration::from_micros(micros)
    }

    /// What a time of at most [`BURST`] is worth.
    fn worth(&self, time: Duration) -> i64 {
        match self.rate {
            0 => i64::MAX,
            rate => i64::from(rate) * time.as_micros() as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Budget;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_secs(60);

    /// How many messages of a size a client gets through that sends whenever it can, until a time.
    fn flood(budget: &mut Budget, now: &mut Instant, until: Instant, size: usize) -> u32 {
        let mut count = 0;
        loop {
            match budget.wait(*now).unwrap() {
                None => {
                    budget.spend(size);
                    count += 1;
                }
                Some(resume) if resume <= until => *now = resume,
                Some(_) => {
                    *now = until;
                    return count;
                }
            }
        }
    }

    #[test]
    fn gw13_ten_seconds_worth_passes_at_once_and_then_the_rate() {
        let start = Instant::now();
        let mut now = start;
        let mut messages = Budget::new(100, 0, PATIENCE, start);
        assert_eq!(flood(&mut messages, &mut now, start, 1 << 20), 1000);
        let rest = flood(&mut messages, &mut now, start + 10 * SECOND, 1 << 20);
        assert!((990..=1000).contains(&rest), "{rest}");

        let mut now = start;
        let mut bytes = Budget::new(0, 1000, PATIENCE, start);
        assert_eq!(flood(&mut bytes, &mut now, start, 100), 100);
        let rest = flood(&mut bytes, &mut now, start + 10 * SECOND, 100);
        assert!((99..=100).contains(&rest), "{rest}");
    }

    #[test]
    fn gw13_no_more_than_ten_seconds_worth_is_saved_up() {
        let start = Instant::now();
        let mut budget = Budget::new(100, 0, PATIENCE, start);
        let mut now = start + 1000 * SECOND;
        let until = now;
        assert_eq!(flood(&mut budget, &mut now, until, 1), 1000);
    }

    #[test]
    fn gw13_a_client_without_bounds_never_waits() {
        let start = Instant::now();
        let mut budget = Budget::new(0, 0, PATIENCE, start);
        for _ in 0..1_000_000 {
            budget.spend(1 << 30);
            assert_eq!(budget.wait(start), Ok(None));
        }
    }

    #[test]
    fn gw13_a_message_larger_than_the_budget_passes_and_is_paid_for() {
        let start = Instant::now();
        let mut budget = Budget::new(0, 1000, PATIENCE, start);
        budget.spend(30_000);
        let resume = budget.wait(start).unwrap().unwrap();
        let debt = resume.duration_since(start).as_secs_f64();
        assert!((20.0..20.2).contains(&debt), "{debt}");
        assert_eq!(budget.wait(resume), Ok(None));
    }

    #[test]
    fn gw13_who_stays_over_for_too_long_is_told_which_bound() {
        let start = Instant::now();
        for (messages, bytes, reason) in [
            (100, 0, "more than 100 messages a second for 60s"),
            (0, 5000, "more than 5000 bytes a second for 60s"),
        ] {
            let mut budget = Budget::new(messages, bytes, PATIENCE, start);
            let mut now = start;
            let error = loop {
                match budget.wait(now) {
                    Ok(None) => budget.spend(100),
                    Ok(Some(resume)) => now = resume,
                    Err(error) => break error,
                }
            };
            assert_eq!(error.to_string(), reason);
            assert_eq!(now, start + PATIENCE);
        }
    }

    #[test]
    fn gw13_a_debt_that_takes_too_long_to_pay_counts_as_staying_over() {
        let start = Instant::now();
        let mut budget = Budget::new(0, 10, PATIENCE, start);
        budget.spend(1_000_000);
        assert_eq!(budget.wait(start), Ok(Some(start + PATIENCE)));
        assert!(budget.wait(start + PATIENCE).is_err());
    }

    #[test]
    fn gw13_a_break_lets_the_time_begin_anew() {
        let start = Instant::now();
        let mut budget = Budget::new(100, 0, PATIENCE, start);
        let mut now = start;
        for _ in 0..10 {
            let until = now + 59 * SECOND;
            flood(&mut budget, &mut now, until, 1);
            now += 2 * SECOND;
            budget.refill(now);
        }
    }
}
