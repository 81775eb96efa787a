//! Latencies, and what many of them stay within.

use std::time::Duration;

/// Measured times.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(crate) fn merge(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The median, and what 99 of 100 stay within. Zero if there are none.
    pub(crate) fn p50_p99(&mut self) -> (Duration, Duration) {
        self.0.sort_unstable();
        (self.quantile(50), self.quantile(99))
    }

    pub(crate) fn longest(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }

    fn quantile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let mut latencies = Latencies::default();
        for millis in (1..=200).rev() {
            latencies.add(Duration::from_millis(millis));
        }
        let (p50, p99) = latencies.p50_p99();
        assert_eq!(
            (p50, p99),
            (Duration::from_millis(100), Duration::from_millis(198))
        );
    }
}
