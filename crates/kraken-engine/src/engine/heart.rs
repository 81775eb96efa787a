//! What an engine tells its monitor.

use super::Shared;
use crate::config::MonitorLink;
use crate::http_client::{HttpClient, bearer};
use crate::monitor::{Heartbeat, Instruction};
use crate::worker::Report;
use axum::http::StatusCode;
use kraken_sfu::Stats;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Between two heartbeats.
const PULSE: Duration = Duration::from_secs(1);

/// Sends heartbeats until the engine stops. What goes wrong is logged once until it changes.
pub(super) async fn beat(shared: Arc<Shared>, link: MonitorLink) {
    let client = HttpClient::new();
    let mut pulse = interval(PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_draining = false;
    let mut trouble = None;
    loop {
        tokio::select! {
            _ = pulse.tick() => {}
            () = shared.stopped() => return,
        }
        let now = match tell(&shared, &link, &client, is_draining).await {
            Ok(instruction) => {
                if instruction.is_draining != is_draining {
                    is_draining = instruction.is_draining;
                    tracing::info!(is_draining, "the monitor has changed what it sends here");
                }
                None
            }
            Err(error) => Some(error),
        };
        if now != trouble {
            match &now {
                Some(error) => tracing::warn!(%error, "can't report to the monitor"),
                None => tracing::info!("reporting to the monitor"),
            }
            trouble = now;
        }
    }
}

async fn tell(
    shared: &Shared,
    link: &MonitorLink,
    client: &HttpClient,
    is_draining: bool,
) -> Result<Instruction, String> {
    let beat = heartbeat(shared, link, is_draining);
    let body = serde_json::to_vec(&beat).map_err(|error| error.to_string())?;
    let url = format!("{}/engines", link.monitor.trim_end_matches('/'));
    let key = bearer(&link.key);
    let answer = client.post(&url, key.as_ref(), body).await;
    match answer.map_err(|error| error.to_string())? {
        (StatusCode::OK, answer) => {
            serde_json::from_slice(&answer).map_err(|error| error.to_string())
        }
        (StatusCode::UNAUTHORIZED, _) => Err("its key is another one".to_owned()),
        (status, _) => Err(format!("it answers {status}")),
    }
}

fn heartbeat(shared: &Shared, link: &MonitorLink, is_draining: bool) -> Heartbeat {
    let reports = shared.reports();
    let sum = |count: fn(&Stats) -> u64| reports.iter().map(|report| count(&report.stats)).sum();
    let worked = reports.iter().map(|report: &Report| report.load.share);
    let most_peers = shared.config.limits.peers * reports.len();
    Heartbeat {
        engine: link.engine.trim_end_matches('/').to_owned(),
        is_draining,
        worked: worked.fold(0.0, f64::max),
        peers: sum(|stats| stats.peers),
        most_peers: most_peers as u64,
        packets_out: sum(|stats| stats.packets_out),
        peers_closed: sum(|stats| stats.peers_closed),
        rooms_closed: sum(|stats| stats.rooms_closed),
        rooms: reports
            .into_iter()
            .flat_map(|report| report.rooms)
            .collect(),
    }
}
