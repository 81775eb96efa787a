//! SDS stores: in each one member who writes, and others who read.
//!
//! A writer keeps a window of patches under way: one counts as done when every reader of its store
//! has it. Each patch says which one it is, so that a reader sees at once if one is missing, comes
//! twice or too early. A store that keeps its patches must hand all of them to a late joiner.

mod audience;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use self::audience::Audience;
use super::{LOST_AFTER, micros};
use crate::client::{Receiver, Sender, join};
use crate::latencies::Latencies;
use crate::plan::Plan;
use crate::report::Metric;
use crate::servers::{Server, Service};

/// Bytes of a patch.
const PATCH_BYTES: usize = 256;
/// Patches of one writer that are under way at a time.
const WINDOW: u64 = 64;
/// More than any window.
const SLOTS: usize = 256;

/// How many stores there are, and of how many members.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    stores: usize,
    clients: usize,
}

impl Shape {
    pub(crate) const ONE_LARGE: Self = Self {
        stores: 1,
        clients: 50,
    };
    pub(crate) const MANY_SMALL: Self = Self {
        stores: 100,
        clients: 10,
    };
}

pub(crate) struct Stores {
    plan: Plan,
    shape: Shape,
    service: Service,
}

/// What all stores of a run share.
#[derive(Clone)]
struct Run {
    /// Patches that one reader has got, of all readers together.
    delivered: Arc<AtomicU64>,
    /// When latencies begin to count.
    measure_from: Instant,
    /// Tells writers to end, then readers.
    stopped: watch::Receiver<bool>,
}

/// A store with its members.
struct Store {
    writer: Sender,
    /// The writer's own connection, on which nothing is sent to it.
    own: Receiver,
    readers: Vec<Receiver>,
}

/// What one store did.
struct Written {
    store: usize,
    patches: u64,
    latencies: Latencies,
}

/// The counters at one moment.
struct Sample {
    at: Instant,
    cpu: Duration,
    delivered: u64,
}

impl Stores {
    pub(crate) fn new(plan: Plan, shape: Shape, service: Service) -> Self {
        Self {
            plan,
            shape,
            service,
        }
    }

    pub(crate) async fn run(&self, server: &Server) -> Result<Vec<Metric>> {
        let mut stores = Vec::with_capacity(self.shape.stores);
        for store in 0..self.shape.stores {
            stores.push(self.enter(server, store).await?);
        }
        let (stop, stopped) = watch::channel(false);
        let run = Run {
            delivered: Arc::new(AtomicU64::new(0)),
            measure_from: Instant::now() + self.plan.warm_up,
            stopped,
        };
        let mut tasks = JoinSet::new();
        for (index, store) in stores.into_iter().enumerate() {
            tasks.spawn(write(index, store, run.clone()));
        }
        until(run.measure_from, &mut tasks).await?;
        let before = sample(server, &run)?;
        until(run.measure_from + self.plan.measure, &mut tasks).await?;
        let after = sample(server, &run)?;
        stop.send_replace(true);

        let mut latencies = Latencies::default();
        while let Some(written) = tasks.join_next().await {
            let mut written = written.context("a store")??;
            latencies.merge(&mut written.latencies);
            if self.service == Service::Store {
                joins_late(server, &written).await?;
            }
        }
        Ok(metrics(&before, &after, latencies))
    }

    /// Lets everybody into one store.
    async fn enter(&self, server: &Server, store: usize) -> Result<Store> {
        let clients = self.shape.clients;
        let mut readers = Vec::with_capacity(clients - 1);
        for client in 1..clients {
            let joined = join(server, &name(store), store * clients + client).await?;
            readers.push(joined.receiver);
        }
        let joined = join(server, &name(store), store * clients).await?;
        Ok(Store {
            writer: joined.sender,
            own: joined.receiver,
            readers,
        })
    }
}

/// Waits for a time. If a store ends before it, the run has failed.
async fn until(time: Instant, stores: &mut JoinSet<Result<Written>>) -> Result<()> {
    tokio::select! {
        () = sleep_until(time.into()) => Ok(()),
        Some(ended) = stores.join_next() => {
            ended.context("a store")??;
            bail!("a store ended before its time")
        }
    }
}

fn sample(server: &Server, run: &Run) -> Result<Sample> {
    Ok(Sample {
        at: Instant::now(),
        cpu: server.usage()?.cpu,
        delivered: run.delivered.load(Ordering::Relaxed),
    })
}

/// Writes to a store until told to stop, and until everybody has everything.
async fn write(store: usize, members: Store, mut run: Run) -> Result<Written> {
    let Store {
        writer,
        own,
        readers,
    } = members;
    let count = readers.len();
    let (end, ended) = watch::channel(0);
    let mut audience = Audience::new(own, readers, &run, &ended);
    let mut latencies = Latencies::default();
    let mut sent_at = [Instant::now(); SLOTS];
    let (mut sent, mut done) = (0_u64, 0_u64);
    loop {
        let is_stopped = *run.stopped.borrow_and_update();
        while !is_stopped && sent - done < WINDOW {
            audience.missing[slot(sent)].store(count, Ordering::Relaxed);
            sent_at[slot(sent)] = Instant::now();
            writer.send(&writer.dialect.update(&patch(sent))).await?;
            sent += 1;
        }
        if done == sent {
            break;
        }
        let completed = audience.complete().await;
        for at in completed.with_context(|| format!("patch {done} of store {store}"))? {
            let sent_at = sent_at[slot(done)];
            if sent_at >= run.measure_from {
                latencies.add(at.saturating_duration_since(sent_at));
            }
            done += 1;
        }
    }
    end.send_replace(sent);
    audience.end().await?;
    Ok(Written {
        store,
        patches: sent,
        latencies,
    })
}

/// Somebody who comes when all is over must get every patch, in order.
async fn joins_late(server: &Server, written: &Written) -> Result<()> {
    let mut late = join(server, &name(written.store), 0).await?;
    for wanted in 0..written.patches {
        let Ok(update) = timeout(LOST_AFTER, late.receiver.next_update()).await else {
            bail!("a late joiner got {wanted} of {} patches", written.patches);
        };
        expect(&update?, wanted).context("a late joiner")?;
    }
    Ok(())
}

/// The bytes of a patch: its number, over and over.
fn patch(number: u64) -> [u8; PATCH_BYTES] {
    let mut bytes = [0; PATCH_BYTES];
    for word in bytes.chunks_exact_mut(8) {
        word.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn expect(update: &[u8], number: u64) -> Result<()> {
    ensure!(
        update == patch(number),
        "a message of {} bytes in place of patch {number}",
        update.len()
    );
    Ok(())
}

fn slot(number: u64) -> usize {
    (number % SLOTS as u64) as usize
}

fn name(store: usize) -> String {
    format!("store-{store}")
}

fn metrics(before: &Sample, after: &Sample, mut latencies: Latencies) -> Vec<Metric> {
    let deliveries = (after.delivered - before.delivered) as f64;
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    let elapsed = (after.at - before.at).as_secs_f64();
    let (p50, p99) = latencies.p50_p99();
    vec![
        Metric::more_is_better("deliveries/server CPU s", deliveries / cpu.max(0.01)),
        Metric::more_is_better("deliveries/s", deliveries / elapsed),
        Metric::less_is_better("p50 to all, us", micros(p50)),
        Metric::less_is_better("p99 to all, us", micros(p99)),
    ]
}
