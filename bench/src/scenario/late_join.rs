//! A document of many edits: taking it in edit by edit, then giving it to those who join.
//!
//! A join is measured from the connection's first packet to the last byte of the content.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::LOST_AFTER;
use crate::client::{Receiver, join};
use crate::edits::text_of;
use crate::plan::Plan;
use crate::report::{Latencies, Metric};
use crate::servers::Server;
use crate::trace::{Trace, WRITER};
use crate::wire::end_clock;

const ROOM: &str = "paper";
/// Edits that are sent before the observer has them: enough to keep every server busy, and less
/// than any of them queues.
const WINDOW: usize = 512;

pub(crate) struct LateJoin {
    plan: Plan,
    trace: Trace,
}

impl LateJoin {
    pub(crate) fn new(plan: Plan, trace: Trace) -> Self {
        Self { plan, trace }
    }

    pub(crate) async fn run(&self, server: &Server) -> Result<Vec<Metric>> {
        // Some servers forget a room without clients: these two stay until the end.
        let observer = join(server, ROOM, 0).await?;
        let typist = join(server, ROOM, 1).await?;
        let frames: Vec<Bytes> = self
            .trace
            .updates
            .iter()
            .map(|update| typist.sender.dialect.update(update))
            .collect();
        let (seen, mut progress) = watch::channel(0);
        let mut readers = JoinSet::new();
        readers.spawn(observe(observer.receiver, seen));
        readers.spawn(drain(typist.receiver));

        let cpu_before = server.usage()?.cpu;
        let started = Instant::now();
        for (edit, frame) in frames.iter().enumerate() {
            // Deletions move no clock, so a run of them is bounded by the insertion before it.
            if let Some(before) = edit.checked_sub(WINDOW) {
                reached(&mut progress, &mut readers, self.trace.clocks[before]).await?;
            }
            typist.sender.send(frame).await?;
        }
        let last = self.trace.clocks.last().copied().unwrap_or(0);
        reached(&mut progress, &mut readers, last).await?;
        let ingest = started.elapsed();
        let usage = server.usage()?;

        let mut alone = Latencies::default();
        let mut bytes = 0;
        for index in 0..self.plan.joins {
            let (took, state) = timed_join(server, index).await?;
            alone.add(took);
            bytes = state.len();
            self.verify(&state)?;
        }
        let together = self.join_at_once(server).await?;

        let (join_p50, _) = alone.p50_p99();
        Ok(vec![
            Metric::more_is_better(
                "ingest, edits/s",
                frames.len() as f64 / ingest.as_secs_f64(),
            ),
            Metric::less_is_better(
                "ingest, server CPU us/edit",
                (usage.cpu - cpu_before).as_secs_f64() * 1e6 / frames.len() as f64,
            ),
            Metric::less_is_better("join p50, ms", millis(join_p50)),
            Metric::less_is_better(together.0, together.1),
            Metric::less_is_better("size of the content, kB", bytes as f64 / 1e3),
            Metric::less_is_better("RSS after ingest, MB", usage.rss as f64 / 1e6),
        ])
    }

    async fn join_at_once(&self, server: &Server) -> Result<(&'static str, f64)> {
        let joins = (0..self.plan.joins_at_once).map(|index| timed_join(server, index));
        let mut all = Latencies::default();
        for joined in join_all(joins).await {
            let (took, state) = joined?;
            all.add(took);
            self.verify(&state)?;
        }
        let (_, p99) = all.p50_p99();
        Ok(("join p99 at once, ms", millis(p99)))
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

/// Tells how far the writer's clock has come here.
async fn observe(mut receiver: Receiver, seen: watch::Sender<u32>) -> Result<()> {
    loop {
        let update = receiver.next_update().await?;
        if let Some(end) = end_clock(&update, WRITER)? {
            seen.send_replace(end);
        }
    }
}

async fn drain(mut receiver: Receiver) -> Result<()> {
    loop {
        receiver.next().await?;
    }
}

/// Waits until the observer has the writer's edits up to this clock.
async fn reached(
    progress: &mut watch::Receiver<u32>,
    readers: &mut JoinSet<Result<()>>,
    clock: u32,
) -> Result<()> {
    tokio::select! {
        biased;
        arrived = timeout(LOST_AFTER, progress.wait_for(|&seen| seen >= clock)) => {
            if let Ok(arrived) = arrived {
                return arrived.context("the observer is gone").map(drop);
            }
        },
        Some(ended) = readers.join_next() => {
            ended.context("a reader")?.context("a reader")?;
            bail!("a reader ended");
        },
    }
    let seen = *progress.borrow();
    bail!(
        "lost: after {} s the observer is at {seen}, not at {clock}",
        LOST_AFTER.as_secs()
    )
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
