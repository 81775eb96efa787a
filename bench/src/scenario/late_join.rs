//! A document of many edits: taking it in edit by edit, then giving it to those who join.
//!
//! A join is measured from the connection's first packet to the last byte of the content.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use futures_util::future::join_all;

use super::ingest::ingest;
use super::millis;
use crate::client::join;
use crate::edits::text_of;
use crate::latencies::Latencies;
use crate::plan::Plan;
use crate::report::Metric;
use crate::servers::Server;
use crate::trace::Trace;

const ROOM: &str = "paper";

pub(crate) struct LateJoin {
    plan: Plan,
    trace: Trace,
}

impl LateJoin {
    pub(crate) fn new(plan: Plan, trace: Trace) -> Self {
        Self { plan, trace }
    }

    pub(crate) async fn run(&self, server: &Server) -> Result<Vec<Metric>> {
        let ingested = ingest(server, ROOM, &self.trace, 0).await?;
        let rss = server.usage()?.rss;

        let mut alone = Latencies::default();
        let mut bytes = 0;
        for index in 0..self.plan.joins {
            let (took, state) = timed_join(server, index).await?;
            alone.add(took);
            bytes = state.len();
            self.verify(&state)?;
        }
        let mut at_once = self.join_at_once(server).await?;

        let edits = self.trace.updates.len() as f64;
        Ok(vec![
            Metric::more_is_better("ingest, edits/s", edits / ingested.took.as_secs_f64()),
            Metric::less_is_better(
                "ingest, server CPU us/edit",
                ingested.cpu.as_secs_f64() * 1e6 / edits,
            ),
            Metric::less_is_better("join p50, ms", millis(alone.p50_p99().0)),
            Metric::less_is_better("join p99 at once, ms", millis(at_once.p50_p99().1)),
            Metric::less_is_better("size of the content, kB", bytes as f64 / 1e3),
            Metric::less_is_better("RSS after ingest, MB", rss as f64 / 1e6),
        ])
    }

    async fn join_at_once(&self, server: &Server) -> Result<Latencies> {
        let joins = (0..self.plan.joins_at_once).map(|index| timed_join(server, index));
        let mut all = Latencies::default();
        for joined in join_all(joins).await {
            let (took, state) = joined?;
            all.add(took);
            self.verify(&state)?;
        }
        Ok(all)
    }

    fn verify(&self, state: &Bytes) -> Result<()> {
        ensure!(
            text_of([state])? == self.trace.text,
            "a joiner has other content than was typed"
        );
        Ok(())
    }
}

async fn timed_join(server: &Server, index: usize) -> Result<(Duration, Bytes)> {
    let started = Instant::now();
    let joined = join(server, ROOM, index).await?;
    Ok((joined.receiver.read_at - started, joined.state))
}
