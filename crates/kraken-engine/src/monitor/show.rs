//! What the monitor shows: a page, the same as JSON, and metrics.

use super::Shared;
use crate::rpc::{Client, not_found, reply};
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

const PAGE: &str = include_str!("page.html");
/// The page has its script and its style in it, and talks to nobody else.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      connect-src 'self'; img-src data:";

/// The page, which is the same for everybody: what it shows comes from `/status`.
pub(super) async fn page() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=UTF-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, PAGE).into_response()
}

/// Engines with their load over time, and rooms.
pub(super) async fn status(
    State(shared): State<Arc<Shared>>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    if !shared.may_look(client, &headers) {
        let text = "show the key: Authorization: Bearer KEY";
        return reply(StatusCode::UNAUTHORIZED, &json!({ "error": text }));
    }
    reply(StatusCode::OK, &summary(&shared))
}

fn summary(shared: &Shared) -> Value {
    let fleet = shared.fleet.lock();
    let engines = fleet.members(Instant::now()).map(|(member, is_alive)| {
        json!({
            "engine": member.beat.engine,
            "alive": is_alive,
            "draining": member.is_draining,
            "load": member.beat.load(),
            "peers": member.beat.peers,
            "most_peers": member.beat.most_peers,
            "packets_out": member.beat.packets_out,
            "rooms": member.beat.rooms.len(),
            "history": member.history,
        })
    });
    let engines: Vec<Value> = engines.collect();
    let rooms: BTreeMap<&str, &str> = fleet.rooms().collect();
    json!({ "engines": engines, "rooms": rooms })
}

/// Text for Prometheus.
pub(super) async fn metrics(
    State(shared): State<Arc<Shared>>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    if !shared.may_look(client, &headers) {
        return not_found().await;
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text(&shared)).into_response()
}

fn text(shared: &Shared) -> String {
    let fleet = shared.fleet.lock();
    let mut text = String::new();
    // Writing to a `String` never fails.
    let _ = writeln!(text, "# HELP kraken_monitor_rooms Rooms that are placed.");
    let _ = writeln!(text, "# TYPE kraken_monitor_rooms gauge");
    let _ = writeln!(text, "kraken_monitor_rooms {}", fleet.rooms().count());
    let mut gauge = |name: &str, help: &str, value: fn(&super::fleet::Member, bool) -> f64| {
        let _ = writeln!(text, "# HELP kraken_monitor_engine_{name} {help}");
        let _ = writeln!(text, "# TYPE kraken_monitor_engine_{name} gauge");
        for (member, is_alive) in fleet.members(Instant::now()) {
            let engine = member.beat.engine.escape_default();
            let value = value(member, is_alive);
            let _ = writeln!(
                text,
                "kraken_monitor_engine_{name}{{engine=\"{engine}\"}} {value}"
            );
        }
    };
    gauge(
        "alive",
        "Whether the engine was heard lately.",
        |_, is_alive| f64::from(is_alive),
    );
    gauge("draining", "Whether it gets no new rooms.", |member, _| {
        f64::from(member.is_draining)
    });
    gauge(
        "load_ratio",
        "How much of what it can take it has.",
        |member, _| member.beat.load(),
    );
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    gauge("peers", "Peers on it.", |member, _| {
        member.beat.peers as f64
    });
    text
}
