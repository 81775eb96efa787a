//! The tables.

use crate::run::{Changes, Outcome};
use crate::scenario::Scenario;
use std::time::Duration;

pub(crate) const OUTCOMES: &str = "\
| scenario | server | packets out /s | CPU per packet | loss | delay p50 | p99 | memory per peer |\n\
|---|---|---|---|---|---|---|---|";

pub(crate) const CHANGES: &str = "\
| server | from join to first packet | until a vanished peer is gone |\n\
|---|---|---|";

pub(crate) fn outcome(scenario: &Scenario, server: &str, outcome: &Outcome) -> String {
    let Outcome {
        packets_per_second,
        cpu_per_packet,
        loss,
        delays,
        kib_per_peer,
    } = outcome;
    format!(
        "| {} | {server} | {packets_per_second:.0} | {:.1} µs | {:.3} % | {:.2} ms | {:.2} ms | {kib_per_peer:.0} KiB |",
        scenario.name,
        cpu_per_packet.as_secs_f64() * 1e6,
        100.0 * loss,
        millis(quantile(delays, 50)),
        millis(quantile(delays, 99)),
    )
}

pub(crate) fn changes(server: &str, changes: &Changes) -> String {
    let Changes { first_packet, gone } = changes;
    format!(
        "| {server} | {:.0} ms | {:.1} s |",
        millis(*first_packet),
        gone.as_secs_f64()
    )
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}
