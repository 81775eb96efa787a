//! The tables.

use crate::run::{Changes, Outcome, Switches};
use crate::scenario::Scenario;
use std::time::Duration;

pub(crate) const OUTCOMES: &str = "\
| scenario | server | packets out /s | CPU per packet | loss | delay p50 | p99 | memory per peer | largest picture |\n\
|---|---|---|---|---|---|---|---|---|";

pub(crate) const CHANGES: &str = "\
| server | from join to first packet | until a vanished peer is gone |\n\
|---|---|---|";

pub(crate) const SWITCHES: &str = "\
| scenario | server | to a larger layer p50 | longest | to a smaller one p50 | longest |\n\
|---|---|---|---|---|---|";

pub(crate) fn outcome(scenario: &Scenario, server: &str, outcome: &Outcome) -> String {
    let Outcome {
        packets_per_second,
        cpu_per_packet,
        loss,
        delays,
        kib_per_peer,
        largest,
    } = outcome;
    format!(
        "| {} | {server} | {packets_per_second:.0} | {:.1} µs | {:.3} % | {:.2} ms | {:.2} ms | {kib_per_peer:.0} KiB | {:.0} % |",
        scenario.name,
        cpu_per_packet.as_secs_f64() * 1e6,
        100.0 * loss,
        millis(quantile(delays, 50)),
        millis(quantile(delays, 99)),
        100.0 * largest,
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

pub(crate) fn switches(scenario: &Scenario, server: &str, switches: &Switches) -> String {
    let times = |times: &[Duration]| {
        if times.is_empty() {
            return "– | –".to_owned();
        }
        let [median, longest] = [50, 100].map(|percent| millis(quantile(times, percent)));
        format!("{median:.0} ms | {longest:.0} ms")
    };
    let Switches { up, down } = switches;
    let (up, down) = (times(up), times(down));
    format!("| {} | {server} | {up} | {down} |", scenario.name)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}
