//! A document of many edits on its way in: one typist at full speed, one observer.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::LOST_AFTER;
use crate::client::{Receiver, join};
use crate::servers::Server;
use crate::trace::{Trace, WRITER};
use crate::wire::end_clock;

/// Edits that are sent before the observer has them: enough to keep every server busy, and less
/// than any of them queues.
const WINDOW: usize = 512;

/// A document whose edits the server has taken. Its two clients stay until it is dropped: some
/// servers forget a room without any.
pub(super) struct Ingested {
    /// From the first edit's sending until the observer had the last.
    pub(super) took: Duration,
    /// What the server used for it.
    pub(super) cpu: Duration,
    seen: watch::Receiver<Vec<Seen>>,
    _clients: JoinSet<Result<()>>,
}

/// The observer had the writer's edits up to a clock.
struct Seen {
    clock: u32,
    at: Instant,
}

impl Ingested {
    /// When the observer had an edit, or the insertion before it.
    pub(super) fn seen_at(&self, trace: &Trace, edit: usize) -> Option<Instant> {
        let clock = *trace.clocks.get(edit)?;
        let seen = self.seen.borrow();
        let index = seen.partition_point(|seen| seen.clock < clock);
        seen.get(index).map(|seen| seen.at)
    }
}

/// Types the edits of the trace from `first` on, one a message, into a room that has those before.
pub(super) async fn ingest(
    server: &Server,
    room: &str,
    trace: &Trace,
    first: usize,
) -> Result<Ingested> {
    let observer = join(server, room, 0).await?;
    let typist = join(server, room, 1).await?;
    let edits = first..trace.updates.len();
    let frames: Vec<_> = edits
        .clone()
        .map(|edit| typist.sender.dialect.update(trace.updates.get(edit)))
        .collect();
    let there = Seen {
        clock: first.checked_sub(1).map_or(0, |last| trace.clocks[last]),
        at: Instant::now(),
    };
    let (tell, mut seen) = watch::channel(vec![there]);
    let mut clients = JoinSet::new();
    clients.spawn(observe(observer.receiver, tell));
    clients.spawn(drain(typist.receiver));

    let cpu_before = server.usage()?.cpu;
    let started = Instant::now();
    for (edit, frame) in edits.zip(&frames) {
        // Deletions move no clock, so a run of them is bounded by the insertion before it.
        if let Some(before) = edit.checked_sub(WINDOW).filter(|&before| before >= first) {
            reached(&mut seen, &mut clients, trace.clocks[before]).await?;
        }
        typist.sender.send(frame).await?;
    }
    if let Some(&last) = trace.clocks.last() {
        reached(&mut seen, &mut clients, last).await?;
    }
    Ok(Ingested {
        took: started.elapsed(),
        cpu: server.usage()?.cpu - cpu_before,
        seen,
        _clients: clients,
    })
}

/// Tells how far the writer's clock has come here.
async fn observe(mut receiver: Receiver, tell: watch::Sender<Vec<Seen>>) -> Result<()> {
    loop {
        let update = receiver.next_update().await?;
        if let Some(clock) = end_clock(&update, WRITER)? {
            let at = receiver.read_at;
            tell.send_modify(|seen| seen.push(Seen { clock, at }));
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
    seen: &mut watch::Receiver<Vec<Seen>>,
    clients: &mut JoinSet<Result<()>>,
    clock: u32,
) -> Result<()> {
    let is_there = |seen: &Vec<Seen>| seen.last().is_some_and(|last| last.clock >= clock);
    tokio::select! {
        biased;
        arrived = timeout(LOST_AFTER, seen.wait_for(is_there)) => {
            if let Ok(arrived) = arrived {
                return arrived.context("the observer is gone").map(drop);
            }
        },
        Some(ended) = clients.join_next() => {
            ended.context("a client")?.context("a client")?;
            bail!("a client ended");
        },
    }
    let last = seen.borrow().last().map_or(0, |last| last.clock);
    bail!(
        "lost: after {} s the observer is at {last}, not at {clock}",
        LOST_AFTER.as_secs()
    )
}
