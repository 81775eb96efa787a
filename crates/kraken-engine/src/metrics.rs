//! What an engine counts, as a text for Prometheus.

use crate::worker::{DELAY_BOUNDS, Report};
use kraken_sfu::{RTT_BOUNDS, Stats};
use std::fmt::Write;
use std::time::Duration;

type Count = fn(&Stats) -> u64;

/// What is there now: name, meaning, value.
const GAUGES: [(&str, &str, Count); 3] = [
    ("rooms", "Rooms that are there now.", |stats| stats.rooms),
    ("peers", "Peers that are there now.", |stats| stats.peers),
    ("tracks", "Tracks that are published now.", |stats| {
        stats.tracks
    }),
];

/// What happened since the start: name, meaning, value.
const COUNTERS: [(&str, &str, Count); 12] = [
    ("rooms_closed_total", "Rooms that became empty.", |stats| {
        stats.rooms_closed
    }),
    (
        "peers_closed_total",
        "Peers that left or vanished.",
        |stats| stats.peers_closed,
    ),
    (
        "peers_failed_total",
        "Peers that were closed because of an error in the WebRTC stack.",
        |stats| stats.peers_failed,
    ),
    (
        "packets_in_total",
        "Media packets of publishers.",
        |stats| stats.packets_in,
    ),
    ("bytes_in_total", "Bytes of media in them.", |stats| {
        stats.bytes_in
    }),
    (
        "packets_out_total",
        "Media packets to receivers.",
        |stats| stats.packets_out,
    ),
    ("bytes_out_total", "Bytes of media in them.", |stats| {
        stats.bytes_out
    }),
    (
        "nacks_in_total",
        "Packets that receivers asked for again.",
        |stats| stats.nacks_in,
    ),
    (
        "nacks_out_total",
        "Packets that publishers were asked for again.",
        |stats| stats.nacks_out,
    ),
    (
        "keyframes_in_total",
        "Requests of receivers for a keyframe.",
        |stats| stats.keyframes_in,
    ),
    (
        "keyframes_out_total",
        "Requests to publishers for a keyframe.",
        |stats| stats.keyframes_out,
    ),
    (
        "datagrams_refused_total",
        "Datagrams of nobody, and damaged ones.",
        |stats| stats.datagrams_refused,
    ),
];

/// The text, with the workers numbered from 0.
pub(crate) fn text(reports: &[Report]) -> String {
    let mut text = String::new();
    for (name, help, count) in GAUGES {
        let sum = reports.iter().map(|report| count(&report.stats)).sum();
        single(&mut text, name, "gauge", help, sum);
    }
    for (name, help, count) in COUNTERS {
        let sum = reports.iter().map(|report| count(&report.stats)).sum();
        single(&mut text, name, "counter", help, sum);
    }
    let unsent = reports.iter().map(|report| report.load.unsent).sum();
    let help = "Datagrams that the system didn't take.";
    single(&mut text, "datagrams_unsent_total", "counter", help, unsent);
    loss(&mut text, reports);
    round_trips(&mut text, reports);
    delays(&mut text, reports);
    workers(&mut text, reports);
    text
}

fn single(text: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    head(text, name, kind, help);
    line(text, name, "", value);
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    line(text, &format!("# HELP kraken_engine_{name}"), "", help);
    line(text, &format!("# TYPE kraken_engine_{name}"), "", kind);
}

fn line(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let prefix = if name.starts_with('#') {
        ""
    } else {
        "kraken_engine_"
    };
    // Writing to a `String` never fails.
    let _ = writeln!(text, "{prefix}{name}{labels} {value}");
}

fn loss(text: &mut String, reports: &[Report]) {
    let name = "loss_ratio";
    head(
        text,
        name,
        "summary",
        "Loss that receivers reported, from 0 to 1.",
    );
    let sum: f64 = reports.iter().map(|report| report.stats.loss_sum).sum();
    let count: u64 = reports.iter().map(|report| report.stats.loss_reports).sum();
    line(text, &format!("{name}_sum"), "", sum);
    line(text, &format!("{name}_count"), "", count);
}

fn round_trips(text: &mut String, reports: &[Report]) {
    let classes = reports
        .iter()
        .map(|report| report.stats.rtt_classes.as_slice());
    let sum = reports.iter().map(|report| report.stats.rtt_sum).sum();
    let help = "Round trips to receivers.";
    histogram(text, "round_trip_seconds", help, &RTT_BOUNDS, classes, sum);
}

fn delays(text: &mut String, reports: &[Report]) {
    let classes = reports.iter().map(|report| report.load.delays.as_slice());
    let sum = reports.iter().map(|report| report.load.delay_sum).sum();
    let help = "Time between reading a packet and sending it on.";
    histogram(
        text,
        "forwarding_delay_seconds",
        help,
        &DELAY_BOUNDS,
        classes,
        sum,
    );
}

fn histogram<'a>(
    text: &mut String,
    name: &str,
    help: &str,
    bounds: &[Duration],
    classes: impl Iterator<Item = &'a [u64]>,
    sum: f64,
) {
    head(text, name, "histogram", help);
    let mut totals = vec![0; bounds.len() + 1];
    for of_worker in classes {
        for (total, count) in totals.iter_mut().zip(of_worker) {
            *total += count;
        }
    }
    let mut below = 0;
    let bounds = bounds.iter().map(|bound| bound.as_secs_f64().to_string());
    for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&totals) {
        below += count;
        line(
            text,
            &format!("{name}_bucket"),
            &format!("{{le=\"{bound}\"}}"),
            below,
        );
    }
    line(text, &format!("{name}_sum"), "", sum);
    line(text, &format!("{name}_count"), "", below);
}

fn workers(text: &mut String, reports: &[Report]) {
    let name = "worker_load_ratio";
    head(
        text,
        name,
        "gauge",
        "Share of the last second in which a worker worked.",
    );
    for (index, report) in reports.iter().enumerate() {
        line(
            text,
            name,
            &format!("{{worker=\"{index}\"}}"),
            report.load.share,
        );
    }
    let name = "worker_busy_seconds_total";
    head(text, name, "counter", "Time that a worker has worked.");
    for (index, report) in reports.iter().enumerate() {
        let busy = report.load.busy.as_secs_f64();
        line(text, name, &format!("{{worker=\"{index}\"}}"), busy);
    }
}
