//! The table.

use crate::run::{Outcome, Scenario};
use std::time::Duration;

pub(crate) const HEAD: &str = "\
| scenario | packets out /s | CPU per packet | loss | delay p50 | p99 | memory per peer |\n\
|---|---|---|---|---|---|---|";

pub(crate) fn row(scenario: &Scenario, outcome: &Outcome) -> String {
    let Outcome {
        packets_per_second,
        cpu_per_packet,
        loss,
        delays,
        kib_per_peer,
    } = outcome;
    format!(
        "| {} | {packets_per_second:.0} | {:.1} µs | {:.3} % | {:.2} ms | {:.2} ms | {kib_per_peer:.0} KiB |",
        scenario.name,
        micros(*cpu_per_packet),
        100.0 * loss,
        micros(quantile(delays, 50)) / 1_000.0,
        micros(quantile(delays, 99)) / 1_000.0,
    )
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}
