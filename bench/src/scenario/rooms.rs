//! Many rooms of two clients who both type, each at its own moment.
//!
//! The latency of an edit is the time from its sending until the other client has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::{LOST_AFTER, micros};
use crate::client::{Receiver, Sender, join};
use crate::edits::{Pile, Typist, text_of};
use crate::latencies::Latencies;
use crate::plan::Plan;
use crate::report::Metric;
use crate::servers::Server;
use crate::wire::end_clock;

pub(crate) struct Rooms {
    plan: Plan,
    /// The edits of each client; two neighbours share a room.
    updates: Vec<Pile>,
}

/// When each edit of each client was sent, in nanoseconds since the start.
struct Sent {
    start: Instant,
    nanos: Vec<AtomicU64>,
    per_client: usize,
}

impl Sent {
    fn mark(&self, client: usize, edit: usize) {
        let nanos = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanos[client * self.per_client + edit].store(nanos, Ordering::Release);
    }

    fn at(&self, client: usize, edit: usize) -> Instant {
        let nanos = self.nanos[client * self.per_client + edit].load(Ordering::Acquire);
        self.start + Duration::from_nanos(nanos)
    }
}

/// What one client received.
struct Received {
    client: usize,
    pile: Pile,
    latencies: Latencies,
}

impl Rooms {
    pub(crate) fn new(plan: Plan) -> Self {
        let time = plan.warm_up + plan.measure;
        let edits = (time.as_secs_f64() / plan.room_interval.as_secs_f64()).round() as usize;
        let updates = (0..plan.rooms * 2)
            .map(|client| {
                let mut typist = Typist::new(writer(client));
                let mut pile = Pile::default();
                for _ in 0..edits {
                    pile.push(&typist.type_one());
                }
                pile
            })
            .collect();
        Self { plan, updates }
    }

    pub(crate) async fn run(&self, server: &Server) -> Result<Vec<Metric>> {
        let clients = self.updates.len();
        let per_client = self.updates[0].len();
        let mut senders = Vec::with_capacity(clients);
        let mut receivers = Vec::with_capacity(clients);
        for client in 0..clients {
            let joined = join(server, &room(client), client).await?;
            senders.push(joined.sender);
            receivers.push(joined.receiver);
        }
        let frames = self.frames(&senders);

        let start = Instant::now();
        let sent = Arc::new(Sent {
            start,
            nanos: (0..clients * per_client)
                .map(|_| AtomicU64::new(0))
                .collect(),
            per_client,
        });
        let measure_from = start + self.plan.warm_up;
        let mut tasks = JoinSet::new();
        for (client, receiver) in receivers.into_iter().enumerate() {
            tasks.spawn(read(client, receiver, Arc::clone(&sent), measure_from));
        }
        let cpu = self.send_all(server, &senders, &frames, &sent).await?;
        let rss = server.usage()?.rss;

        let mut all = Vec::with_capacity(clients);
        let everything = async {
            while let Some(received) = tasks.join_next().await {
                all.push(received.context("a client")??);
            }
            Ok::<_, anyhow::Error>(())
        };
        match timeout(LOST_AFTER, everything).await {
            Ok(result) => result?,
            Err(_) => bail!(
                "lost: {} of {clients} clients lack edits after {} s",
                clients - all.len(),
                LOST_AFTER.as_secs()
            ),
        }
        let mut latencies = Latencies::default();
        for received in &mut all {
            latencies.merge(&mut received.latencies);
        }
        self.verify(server, all).await?;

        let measured_edits = latencies.len().max(1) as f64;
        let (p50, p99) = latencies.p50_p99();
        Ok(vec![
            Metric::less_is_better("p50, us", micros(p50)),
            Metric::less_is_better("p99, us", micros(p99)),
            Metric::less_is_better(
                "server CPU, s in 20 s",
                cpu.as_secs_f64() / self.plan.measure.as_secs_f64() * 20.0,
            ),
            Metric::less_is_better("server CPU us/delivery", micros(cpu) / measured_edits),
            Metric::less_is_better("RSS, MB", rss as f64 / 1e6),
        ])
    }

    fn frames(&self, senders: &[Sender]) -> Vec<Vec<Bytes>> {
        let of_client = |(pile, sender): (&Pile, &Sender)| {
            pile.iter()
                .map(|update| sender.dialect.update(update))
                .collect()
        };
        self.updates.iter().zip(senders).map(of_client).collect()
    }

    /// Sends every edit at its moment; gives the server's processor time of the measured part.
    async fn send_all(
        &self,
        server: &Server,
        senders: &[Sender],
        frames: &[Vec<Bytes>],
        sent: &Sent,
    ) -> Result<Duration> {
        let clients = senders.len();
        let step = self.plan.room_interval / u32::try_from(clients).unwrap_or(u32::MAX);
        let measure_from = sent.start + self.plan.warm_up;
        let mut cpu_before = None;
        let mut due = sent.start;
        // Neighbours, who share a room, are half an interval apart.
        let evens_then_odds: Vec<usize> = (0..clients)
            .step_by(2)
            .chain((1..clients).step_by(2))
            .collect();
        let edits = (0..sent.per_client)
            .flat_map(|edit| evens_then_odds.iter().map(move |&client| (client, edit)));
        for (client, edit) in edits {
            if due > Instant::now() {
                sleep_until(due.into()).await;
            }
            if cpu_before.is_none() && due >= measure_from {
                cpu_before = Some(server.usage()?.cpu);
            }
            sent.mark(client, edit);
            senders[client].send(&frames[client][edit]).await?;
            due += step;
        }
        let before = cpu_before.context("the measured part never began")?;
        Ok(server.usage()?.cpu - before)
    }

    /// Both clients of a room must have what both typed, and a new client too.
    async fn verify(&self, server: &Server, mut all: Vec<Received>) -> Result<()> {
        all.sort_by_key(|received| received.client);
        for (room_index, pair) in all.chunks(2).enumerate() {
            let [one, other] = pair else {
                bail!("a room with one client")
            };
            let text_at = |received: &Received| {
                text_of(
                    self.updates[received.client]
                        .iter()
                        .chain(received.pile.iter()),
                )
            };
            let text = text_at(one)?;
            ensure!(
                text == text_at(other)?,
                "two clients of a room have different content"
            );
            ensure!(
                text.len() == 2 * self.updates[0].len(),
                "a room has {} of {} characters",
                text.len(),
                2 * self.updates[0].len()
            );
            if room_index % 50 == 0 && server.dialect("").syncs() {
                let late = join(server, &room(one.client), 0).await?;
                ensure!(
                    text_of([&late.state])? == text,
                    "a late joiner has other content"
                );
            }
        }
        Ok(())
    }
}

/// Reads until everything of the neighbour is there.
async fn read(
    client: usize,
    mut receiver: Receiver,
    sent: Arc<Sent>,
    measure_from: Instant,
) -> Result<Received> {
    let neighbour = client ^ 1;
    let mut pile = Pile::default();
    let mut latencies = Latencies::default();
    let mut have = 0;
    while have < sent.per_client {
        let update = receiver.next_update().await?;
        pile.push(&update);
        let Some(end) = end_clock(&update, writer(neighbour))? else {
            continue;
        };
        for edit in have..end as usize {
            let sent_at = sent.at(neighbour, edit);
            if sent_at >= measure_from {
                latencies.add(receiver.read_at.saturating_duration_since(sent_at));
            }
        }
        have = have.max(end as usize);
    }
    Ok(Received {
        client,
        pile,
        latencies,
    })
}

fn room(client: usize) -> String {
    format!("pair-{}", client / 2)
}

fn writer(client: usize) -> u64 {
    0x4000_0000 + client as u64
}
