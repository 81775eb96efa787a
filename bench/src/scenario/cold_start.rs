//! A server that is killed at the end of a long ingest, and started again on what it has stored.
//!
//! A cold start is measured from the process's start to the last byte of the complete document at
//! a client.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;

use super::ingest::ingest;
use super::millis;
use crate::client::join;
use crate::latencies::Latencies;
use crate::plan::Plan;
use crate::report::Metric;
use crate::servers::{End, Server};
use crate::trace::Trace;

const ROOM: &str = "paper";

pub(crate) struct ColdStart {
    plan: Plan,
    trace: Trace,
}

/// What others had seen and the server had not stored when it was killed.
struct Lost {
    edits: usize,
    /// For how long the first of them had been seen.
    window: Duration,
}

impl ColdStart {
    pub(crate) fn new(plan: Plan, trace: Trace) -> Self {
        Self { plan, trace }
    }

    pub(crate) async fn run(&self, server: &mut Server) -> Result<Vec<Metric>> {
        let (lost, after_kill) = self.kill(server).await?;
        let first_lost = self.trace.updates.len() - lost.edits;
        ingest(server, ROOM, &self.trace, first_lost).await?;

        let mut starts = Latencies::default();
        for _ in 0..self.plan.cold_starts {
            let (took, state) = start(server, End::Asked).await?;
            starts.add(took);
            let kept = self.trace.edits_in(&state)?;
            ensure!(
                kept == self.trace.updates.len(),
                "{kept} edits are there after an orderly end"
            );
        }
        Ok(vec![
            Metric::less_is_better("lost by kill -9, edits", lost.edits as f64),
            Metric::less_is_better("lost by kill -9, ms", millis(lost.window)),
            Metric::less_is_better("start after kill -9, ms", millis(after_kill)),
            Metric::less_is_better("cold start p50, ms", millis(starts.p50_p99().0)),
        ])
    }

    /// Kills the server as soon as the last edit has been seen, and looks what is there after.
    async fn kill(&self, server: &mut Server) -> Result<(Lost, Duration)> {
        let ingested = ingest(server, ROOM, &self.trace, 0).await?;
        let killed = Instant::now();
        let (took, state) = start(server, End::Killed).await?;
        let kept = self.trace.edits_in(&state)?;
        let seen = ingested.seen_at(&self.trace, kept);
        let lost = Lost {
            edits: self.trace.updates.len() - kept,
            window: seen.map_or(Duration::ZERO, |seen| killed.duration_since(seen)),
        };
        Ok((lost, took))
    }
}

/// Starts the server again; gives how long it took to have everything, and what that is.
async fn start(server: &mut Server, end: End) -> Result<(Duration, Bytes)> {
    let started = server.restart(end).await?;
    let joined = join(server, ROOM, 0).await?;
    Ok((joined.receiver.read_at - started, joined.state))
}
