//! What an engine counts, as a text for Prometheus.

use crate::recording::RecorderStats;
use crate::worker::{DELAY_BOUNDS, Report};
use kraken_sfu::RTT_BOUNDS;
use std::fmt::Write;
use std::time::Duration;

type Count = fn(&Report) -> u64;

/// What is there now: name, meaning, value.
const GAUGES: [(&str, &str, Count); 7] = [
    ("rooms", "Rooms that are there now.", |report| {
        report.stats.rooms
    }),
    ("peers", "Peers that are there now.", |report| {
        report.stats.peers
    }),
    ("tracks", "Tracks that are published now.", |report| {
        report.stats.tracks
    }),
    (
        "call_members",
        "Members of calls that can be told something now.",
        |report| report.calls.members,
    ),
    (
        "videos_paused",
        "Videos that members aren't sent now, as there is no room or they don't want them.",
        |report| report.stats.videos_paused,
    ),
    (
        "bandwidth_estimates",
        "Members of calls whose connection is estimated now.",
        |report| report.stats.estimates,
    ),
    (
        "bandwidth_estimate_bits",
        "What their connections are estimated to take together, in bits a second.",
        |report| report.stats.estimates_sum,
    ),
];

/// What happened since the start: name, meaning, value.
const COUNTERS: [(&str, &str, Count); 19] = [
    ("rooms_closed_total", "Rooms that became empty.", |report| {
        report.stats.rooms_closed
    }),
    (
        "peers_closed_total",
        "Peers that left or vanished.",
        |report| report.stats.peers_closed,
    ),
    (
        "peers_failed_total",
        "Peers that were closed because of an error in the WebRTC stack.",
        |report| report.stats.peers_failed,
    ),
    (
        "packets_in_total",
        "Media packets of publishers.",
        |report| report.stats.packets_in,
    ),
    ("bytes_in_total", "Bytes of media in them.", |report| {
        report.stats.bytes_in
    }),
    (
        "packets_out_total",
        "Media packets to receivers.",
        |report| report.stats.packets_out,
    ),
    ("bytes_out_total", "Bytes of media in them.", |report| {
        report.stats.bytes_out
    }),
    (
        "nacks_in_total",
        "Packets that receivers asked for again.",
        |report| report.stats.nacks_in,
    ),
    (
        "nacks_out_total",
        "Packets that publishers were asked for again.",
        |report| report.stats.nacks_out,
    ),
    (
        "keyframes_in_total",
        "Requests of receivers for a keyframe.",
        |report| report.stats.keyframes_in,
    ),
    (
        "keyframes_out_total",
        "Requests to publishers for a keyframe.",
        |report| report.stats.keyframes_out,
    ),
    (
        "datagrams_refused_total",
        "Datagrams of nobody, and damaged ones.",
        |report| report.stats.datagrams_refused,
    ),
    (
        "call_joins_total",
        "Members that joined a call anew.",
        |report| report.calls.joined,
    ),
    (
        "call_resumptions_total",
        "Members that came back to their session.",
        |report| report.calls.resumed,
    ),
    (
        "call_offers_total",
        "Offers that were pushed to members.",
        |report| report.stats.offers,
    ),
    (
        "layer_changes_total",
        "How often a member was sent another layer of a video than before.",
        |report| report.stats.layer_changes,
    ),
    (
        "call_freezes_total",
        "How often pictures stood still, as members reported.",
        |report| report.calls.freezes,
    ),
    (
        "messages_out_total",
        "Messages to receivers over data channels.",
        |report| report.stats.messages_out,
    ),
    (
        "messages_lost_total",
        "Messages that were too much for their sender or their receiver.",
        |report| report.stats.messages_lost,
    ),
];

/// The text, with the workers numbered from 0.
pub(crate) fn text(reports: &[Report], recorder: Option<&RecorderStats>) -> String {
    let mut text = String::new();
    for (name, help, count) in GAUGES {
        let sum = reports.iter().map(count).sum();
        single(&mut text, name, "gauge", help, sum);
    }
    for (name, help, count) in COUNTERS {
        let sum = reports.iter().map(count).sum();
        single(&mut text, name, "counter", help, sum);
    }
    let unsent = reports.iter().map(|report| report.load.unsent).sum();
    let help = "Datagrams that the system didn't take.";
    single(&mut text, "datagrams_unsent_total", "counter", help, unsent);
    if let Some(recorder) = recorder {
        recordings(&mut text, recorder);
    }
    loss(&mut text, reports);
    round_trips(&mut text, reports);
    delays(&mut text, reports);
    workers(&mut text, reports);
    text
}

fn recordings(text: &mut String, recorder: &RecorderStats) {
    let help = "Rooms that are recorded now.";
    single(text, "recordings", "gauge", help, recorder.running);
    let name = "recording_packets_dropped_total";
    let help = "Packets that the disk was too slow for.";
    single(text, name, "counter", help, recorder.packets_dropped);
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
