//! What the operator can measure, as Prometheus text (exposition format 0.0.4).

use crate::grant::Refusal;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// Upper bounds of the buckets of a latency, in milliseconds.
const BUCKETS: [u64; 9] = [1, 2, 5, 10, 25, 50, 100, 500, 2_500];

/// How long something took, over and over.
#[derive(Default)]
pub(crate) struct Latency {
    /// How many took as long as a bucket's bound at most, and longer than the one before.
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: u64,
}

/// What has happened since the start.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) messages: u64,
    pub(crate) message_bytes: u64,
    pub(crate) accepted: u64,
    pub(crate) requests: u64,
    refused: BTreeMap<&'static str, u64>,
    closed: BTreeMap<u16, u64>,
}

impl Latency {
    pub(crate) fn observe(&mut self, millis: u64) {
        self.count += 1;
        self.sum += millis;
        if let Some(index) = BUCKETS.iter().position(|&bound| millis <= bound) {
            self.buckets[index] += 1;
        }
    }
}

impl Counters {
    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        *self.refused.entry(refusal.code).or_default() += 1;
    }

    pub(crate) fn closed(&mut self, code: u16) {
        *self.closed.entry(code).or_default() += 1;
    }
}

/// Text in the making.
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn new() -> Self {
        Self(String::new())
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// A value that goes up and down.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "gauge");
        self.line(name, value);
    }

    /// A value that only goes up.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "counter");
        self.line(name, value);
    }

    pub(crate) fn latency(&mut self, name: &str, help: &str, latency: &Latency) {
        self.head(name, help, "histogram");
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(latency.buckets) {
            below += count;
            let bound = *bound as f64 / 1_000.0;
            self.line(&format!("{name}_bucket{{le=\"{bound}\"}}"), below);
        }
        self.line(&format!("{name}_bucket{{le=\"+Inf\"}}"), latency.count);
        self.line(&format!("{name}_sum"), latency.sum as f64 / 1_000.0);
        self.line(&format!("{name}_count"), latency.count);
    }

    pub(crate) fn counters(&mut self, counters: &Counters) {
        let Counters {
            messages,
            message_bytes,
            accepted,
            requests,
            refused,
            closed,
        } = counters;
        self.counter("kraken_messages_total", "Messages of clients.", messages);
        let bytes = "Bytes of messages of clients.";
        self.counter("kraken_message_bytes_total", bytes, message_bytes);
        self.counter("kraken_accepted_total", "Connections let in.", accepted);
        self.counter("kraken_requests_total", "HTTP requests.", requests);
        self.labelled(
            "kraken_refused_total",
            "Connections refused.",
            "reason",
            refused,
        );
        let help = "Connections closed by the process.";
        self.labelled("kraken_closed_total", help, "code", closed);
    }

    fn labelled<K: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &BTreeMap<K, u64>,
    ) {
        self.head(name, help, "counter");
        for (key, value) in values {
            self.line(&format!("{name}{{{label}=\"{key}\"}}"), value);
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn op1_a_latency_is_a_histogram_in_seconds() {
        let mut latency = Latency::default();
        for millis in [1, 3, 40, 9_000] {
            latency.observe(millis);
        }
        let mut text = Text::new();
        text.latency("x_seconds", "Help.", &latency);
        let text = text.into_string();
        for line in [
            "# TYPE x_seconds histogram",
            "x_seconds_bucket{le=\"0.001\"} 1",
            "x_seconds_bucket{le=\"0.005\"} 2",
            "x_seconds_bucket{le=\"2.5\"} 3",
            "x_seconds_bucket{le=\"+Inf\"} 4",
            "x_seconds_sum 9.044",
            "x_seconds_count 4",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}\n{text}");
        }
    }
}
