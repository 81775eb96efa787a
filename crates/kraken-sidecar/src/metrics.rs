//! What the gateway counts, and the text that shows it to Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use parking_lot::Mutex;

/// Counts of one gateway, since its start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// WebSockets that were let in.
    pub(crate) accepted: Counter,
    /// Handshakes that were answered with an error.
    refused: Mutex<BTreeMap<u16, u64>>,
    /// WebSockets that ended.
    closed: [Counter; Cause::ALL.len()],
    /// WebSockets that weren't read for a while since they were over their rates.
    pub(crate) throttled: Counter,
    /// Handshakes that were refused since their address had tried too often.
    pub(crate) limited: Counter,
    /// Messages of clients.
    pub(crate) received: Traffic,
    /// Messages for clients.
    pub(crate) sent: Traffic,
    /// Links that the process let in.
    pub(crate) links: Counter,
    /// Answers to requests that weren't handshakes, by the first digit of their status.
    answered: [Counter; 5],
}

/// What isn't counted but looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Levels {
    pub(crate) is_linked: bool,
    /// Bytes that wait for the process.
    pub(crate) link_queue: usize,
    /// Bytes that wait for clients.
    pub(crate) outboxes: usize,
}

/// Why a WebSocket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The client has closed it.
    Client,
    /// The process has closed it.
    Process,
    /// The TCP connection broke.
    Lost,
    /// The client didn't answer a ping.
    PingTimeout,
    /// The client didn't read what waited for it.
    Slow,
    /// A message was too large.
    TooLarge,
    /// The client stayed over its rates.
    TooFast,
    /// The client didn't speak WebSocket.
    Protocol,
    /// The link broke, or the gateway stops.
    Link,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// Messages and their bytes.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    messages: Counter,
    bytes: Counter,
}

impl Cause {
    const ALL: [Self; 9] = [
        Self::Client,
        Self::Process,
        Self::Lost,
        Self::PingTimeout,
        Self::Slow,
        Self::TooLarge,
        Self::TooFast,
        Self::Protocol,
        Self::Link,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Process => "process",
            Self::Lost => "lost",
            Self::PingTimeout => "ping_timeout",
            Self::Slow => "slow",
            Self::TooLarge => "too_large",
            Self::TooFast => "too_fast",
            Self::Protocol => "protocol",
            Self::Link => "link",
        }
    }
}

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Traffic {
    /// Counts a batch of messages.
    pub(crate) fn add(&self, messages: usize, bytes: usize) {
        if messages > 0 {
            self.messages.add(messages as u64);
            self.bytes.add(bytes as u64);
        }
    }
}

impl Metrics {
    pub(crate) fn refuse(&self, status: StatusCode) {
        *self.refused.lock().entry(status.as_u16()).or_default() += 1;
    }

    pub(crate) fn close(&self, cause: Cause) {
        if let Some(counter) = self.closed.get(cause as usize) {
            counter.add(1);
        }
    }

    pub(crate) fn answer(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, self.answered.len());
        if let Some(counter) = self.answered.get(class - 1) {
            counter.add(1);
        }
    }

    /// Everything in the text format of Prometheus, version 0.0.4.
    pub(crate) fn render(&self, levels: Levels) -> String {
        let closed: u64 = self.closed.iter().map(Counter::get).sum();
        let open = self.accepted.get().saturating_sub(closed);
        let mut page = Page::default();
        page.gauge("connections", "WebSockets that are open.", open);
        page.counter(
            "connections_accepted_total",
            "WebSockets that were let in.",
            self.accepted.get(),
        );
        page.counters(
            "connections_refused_total",
            "WebSocket handshakes that were answered with an error.",
            "status",
            self.refused
                .lock()
                .iter()
                .map(|(status, count)| (status.to_string(), *count)),
        );
        let causes = Cause::ALL.into_iter().zip(&self.closed);
        page.counters(
            "connections_closed_total",
            "WebSockets that ended, by who or what ended them.",
            "reason",
            causes.map(|(cause, count)| (cause.name().to_owned(), count.get())),
        );
        page.counter(
            "connections_throttled_total",
            "WebSockets that were over their rates at least once.",
            self.throttled.get(),
        );
        page.counter(
            "handshakes_limited_total",
            "Handshakes that were refused since their address had tried too often.",
            self.limited.get(),
        );
        for (name, text, traffic) in [
            ("received", "of clients", &self.received),
            ("sent", "to clients", &self.sent),
        ] {
            page.counter(
                &format!("messages_{name}_total"),
                &format!("WebSocket messages {text}."),
                traffic.messages.get(),
            );
            page.counter(
                &format!("message_bytes_{name}_total"),
                &format!("Bytes of the WebSocket messages {text}."),
                traffic.bytes.get(),
            );
        }
        page.gauge(
            "link_up",
            "Whether there is a link to the Kraken process.",
            u64::from(levels.is_linked),
        );
        page.counter(
            "link_connects_total",
            "Links to the Kraken process, one after the other.",
            self.links.get(),
        );
        page.gauge(
            "link_queue_bytes",
            "Bytes that wait for the Kraken process.",
            levels.link_queue as u64,
        );
        page.gauge(
            "outbox_bytes",
            "Bytes that wait for clients.",
            levels.outboxes as u64,
        );
        page.counters(
            "http_responses_total",
            "Answers to HTTP requests other than WebSocket handshakes.",
            "class",
            (1..)
                .zip(&self.answered)
                .map(|(class, count)| (format!("{class}xx"), count.get())),
        );
        page.0
    }
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "gauge");
        self.line(format_args!("{PREFIX}{name} {value}"));
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        self.line(format_args!("{PREFIX}{name} {value}"));
    }

    /// A counter for each value of a label.
    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        counts: impl Iterator<Item = (String, u64)>,
    ) {
        self.head(name, help, "counter");
        for (value, count) in counts {
            self.line(format_args!(
                "{PREFIX}{name}{{{label}=\"{value}\"}} {count}"
            ));
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.line(format_args!("# HELP {PREFIX}{name} {help}"));
        self.line(format_args!("# TYPE {PREFIX}{name} {kind}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = writeln!(self.0, "{line}");
    }
}

/// What the names of all the gateway's metrics begin with.
const PREFIX: &str = "kraken_gateway_";

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::{Cause, Levels, Metrics};

    #[test]
    fn gw16_every_metric_has_help_type_and_samples() {
        let metrics = Metrics::default();
        metrics.accepted.add(5);
        metrics.refuse(StatusCode::UNAUTHORIZED);
        metrics.refuse(StatusCode::UNAUTHORIZED);
        metrics.refuse(StatusCode::TOO_MANY_REQUESTS);
        for cause in Cause::ALL {
            metrics.close(cause);
        }
        metrics.answer(StatusCode::NOT_FOUND);
        metrics.received.add(3, 400);
        metrics.sent.add(0, 0);
        let text = metrics.render(Levels {
            is_linked: true,
            link_queue: 6,
            outboxes: 7,
        });
        for line in [
            "# TYPE kraken_gateway_connections gauge",
            "kraken_gateway_connections 0",
            "kraken_gateway_connections_accepted_total 5",
            "kraken_gateway_connections_refused_total{status=\"401\"} 2",
            "kraken_gateway_connections_refused_total{status=\"429\"} 1",
            "kraken_gateway_connections_closed_total{reason=\"ping_timeout\"} 1",
            "kraken_gateway_connections_closed_total{reason=\"link\"} 1",
            "kraken_gateway_messages_received_total 3",
            "kraken_gateway_message_bytes_received_total 400",
            "kraken_gateway_messages_sent_total 0",
            "kraken_gateway_link_up 1",
            "kraken_gateway_link_queue_bytes 6",
            "kraken_gateway_outbox_bytes 7",
            "kraken_gateway_http_responses_total{class=\"4xx\"} 1",
        ] {
            assert!(text.lines().any(|given| given == line), "{line} in {text}");
        }
        let names = |prefix| {
            let lines = text
                .lines()
                .filter_map(move |line| line.strip_prefix(prefix));
            lines.filter_map(|line| line.split(' ').next())
        };
        assert!(names("# HELP ").eq(names("# TYPE ")));
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        for sample in samples {
            let (name, value) = sample.rsplit_once(' ').unwrap();
            let name = name.split('{').next().unwrap();
            assert!(names("# TYPE ").any(|known| known == name), "{sample}");
            assert!(value.parse::<u64>().is_ok(), "{sample}");
        }
        assert!(text.ends_with('\n'));
    }
}
