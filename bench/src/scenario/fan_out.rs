//! One room, one typist, many readers.
//!
//! The typist keeps a window of edits under way: one counts as delivered when every other client
//! has it. The latency of an edit is the time from its sending until then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{LOST_AFTER, micros};
use crate::client::{Receiver, join};
use crate::edits::{Pile, Typist, text_of};
use crate::latencies::Latencies;
use crate::plan::Plan;
use crate::report::Metric;
use crate::servers::Server;
use crate::wire::end_clock;

const ROOM: &str = "fan-out";
const TYPIST: u64 = 0x1234_5678;
/// More than this can't be typed in the time of a run.
const MOST_EDITS: usize = 1_000_000;
/// More than any window.
const SLOTS: usize = 1_024;

pub(crate) struct FanOut {
    plan: Plan,
    window: usize,
    updates: Pile,
}

/// An edit that everybody has, and since when.
struct Delivered {
    edit: usize,
    at: Instant,
}

/// What the measured part of a run was.
struct Measured {
    edits: usize,
    elapsed: Duration,
    cpu: Duration,
    latencies: Latencies,
    /// Edits sent in all, warm-up included.
    sent: usize,
}

impl FanOut {
    pub(crate) fn new(plan: Plan, window: usize) -> Self {
        let mut typist = Typist::new(TYPIST);
        let mut updates = Pile::default();
        let most = plan.fan_out_deliveries / plan.fan_out_clients;
        for _ in 0..most.min(MOST_EDITS) {
            updates.push(&typist.type_one());
        }
        Self {
            plan,
            window,
            updates,
        }
    }

    pub(crate) async fn run(&self, server: &Server) -> Result<Vec<Metric>> {
        let readers = self.plan.fan_out_clients - 1;
        let missing: Arc<[AtomicUsize]> = (0..SLOTS).map(|_| AtomicUsize::new(0)).collect();
        let (delivered, mut deliveries) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for index in 0..readers {
            let joined = join(server, ROOM, index).await?;
            let (missing, delivered) = (Arc::clone(&missing), delivered.clone());
            tasks.spawn(read(joined.receiver, missing, delivered, stopped.clone()));
        }
        drop(delivered);
        let typist = join(server, ROOM, readers).await?;
        let (sender, mut own) = (typist.sender, typist.receiver);
        // Echoes and acknowledgements to the typist are read, so that nothing backs up.
        let mut own_stopped = stopped.clone();
        let echoes = tokio::spawn(async move {
            loop {
                tokio::select! {
                    message = own.next() => { message?; }
                    _ = own_stopped.changed() => return Ok::<_, anyhow::Error>(own),
                }
            }
        });
        let frames: Vec<Bytes> = self
            .updates
            .iter()
            .map(|update| sender.dialect.update(update))
            .collect();

        let mut sent_at = vec![Instant::now(); SLOTS];
        let (mut sent, mut done) = (0, 0);
        let started = Instant::now();
        let measure_from = started + self.plan.warm_up;
        let until = measure_from + self.plan.measure;
        let mut measured: Option<(Instant, Duration, usize)> = None;
        let mut latencies = Latencies::default();
        let measured = loop {
            let now = Instant::now();
            if measured.is_none() && now >= measure_from {
                measured = Some((now, server.usage()?.cpu, done));
            }
            if let Some((since, cpu, before)) = measured
                && (now >= until || done == frames.len())
            {
                break Measured {
                    edits: done - before,
                    elapsed: now - since,
                    cpu: server.usage()?.cpu - cpu,
                    latencies,
                    sent,
                };
            }
            ensure!(
                done < frames.len(),
                "too few edits were prepared for so quick a server"
            );
            while sent < frames.len() && sent - done < self.window {
                missing[sent % SLOTS].store(readers, Ordering::Relaxed);
                sent_at[sent % SLOTS] = Instant::now();
                sender.send(&frames[sent]).await?;
                sent += 1;
            }
            let mut next = Some(expect(&mut deliveries, done, &mut tasks).await?);
            while let Some(Delivered { edit, at }) = next {
                if measured.is_some() {
                    latencies.add(at.saturating_duration_since(sent_at[edit % SLOTS]));
                }
                done += 1;
                next = deliveries.try_recv().ok();
            }
        };
        while done < sent {
            expect(&mut deliveries, done, &mut tasks).await?;
            done += 1;
        }

        // The readers end by this; a lost one has already shown.
        _ = stop.send(true);
        echoes.await.context("the typist's reader")??;
        self.verify(server, &measured, tasks).await?;
        Ok(self.metrics(measured))
    }

    /// Everybody must have the text that was typed, and a new client too.
    async fn verify(
        &self,
        server: &Server,
        measured: &Measured,
        mut tasks: JoinSet<Result<Pile>>,
    ) -> Result<()> {
        let wanted = text_of(self.updates.iter().take(measured.sent))?;
        let mut known_good: Option<Pile> = None;
        while let Some(read) = tasks.join_next().await {
            let pile = read.context("a reader")??;
            if known_good.as_ref() == Some(&pile) {
                continue;
            }
            ensure!(
                text_of(pile.iter())? == wanted,
                "a client has other content than was typed"
            );
            known_good.get_or_insert(pile);
        }
        if server.dialect(ROOM).syncs() {
            let late = join(server, ROOM, 0).await?;
            ensure!(
                text_of([&late.state])? == wanted,
                "a late joiner has other content than was typed"
            );
        }
        Ok(())
    }

    fn metrics(&self, mut measured: Measured) -> Vec<Metric> {
        let deliveries = measured.edits * (self.plan.fan_out_clients - 1);
        let (p50, p99) = measured.latencies.p50_p99();
        vec![
            Metric::more_is_better(
                "deliveries/s",
                deliveries as f64 / measured.elapsed.as_secs_f64(),
            ),
            Metric::less_is_better(
                "server CPU us/delivery",
                micros(measured.cpu) / deliveries.max(1) as f64,
            ),
            Metric::less_is_better(
                "server CPU us/edit",
                micros(measured.cpu) / measured.edits.max(1) as f64,
            ),
            Metric::less_is_better("p50 to all, us", micros(p50)),
            Metric::less_is_better("p99 to all, us", micros(p99)),
        ]
    }
}

/// Reads until told to stop; counts each edit down as it comes and keeps its bytes.
async fn read(
    mut receiver: Receiver,
    missing: Arc<[AtomicUsize]>,
    delivered: mpsc::UnboundedSender<Delivered>,
    mut stopped: watch::Receiver<bool>,
) -> Result<Pile> {
    let mut pile = Pile::default();
    let mut have = 0;
    loop {
        let update = tokio::select! {
            update = receiver.next_update() => update?,
            _ = stopped.changed() => return Ok(pile),
        };
        pile.push(&update);
        let Some(end) = end_clock(&update, TYPIST)? else {
            continue;
        };
        for edit in have..end as usize {
            if missing[edit % SLOTS].fetch_sub(1, Ordering::AcqRel) == 1 {
                // The typist may have failed, and shows that itself.
                _ = delivered.send(Delivered {
                    edit,
                    at: receiver.read_at,
                });
            }
        }
        have = have.max(end as usize);
    }
}

/// The next delivery, or what went wrong instead.
async fn expect(
    deliveries: &mut mpsc::UnboundedReceiver<Delivered>,
    done: usize,
    tasks: &mut JoinSet<Result<Pile>>,
) -> Result<Delivered> {
    if let Ok(delivery) = deliveries.try_recv() {
        return Ok(delivery);
    }
    tokio::select! {
        delivery = timeout(LOST_AFTER, deliveries.recv()) => match delivery {
            Ok(Some(delivery)) => Ok(delivery),
            Ok(None) => bail!("every reader is gone"),
            Err(_) => bail!("lost: edit {done} did not reach everybody within {} s", LOST_AFTER.as_secs()),
        },
        Some(ended) = tasks.join_next() => match ended {
            Ok(Ok(_)) => bail!("a reader ended"),
            Ok(Err(error)) => Err(error.context("a reader")),
            Err(error) => Err(error).context("a reader"),
        },
    }
}
