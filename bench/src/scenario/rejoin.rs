//! Many rooms whose clients are all cut off in one moment, and come back in the next.
//!
//! One client of each room stays, since some servers forget a document with its last client. The
//! others come back twice: first with what they had, and get the one edit that they lack; then with
//! nothing, as after a reload of the page. The time is that from the cut until everybody has
//! everything.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{LOST_AFTER, millis};
use crate::client::{Joined, Receiver, join, rejoin};
use crate::edits::replica_of;
use crate::latencies::Latencies;
use crate::plan::Plan;
use crate::report::Metric;
use crate::servers::Server;
use crate::trace::{Trace, WRITER};
use crate::wire::{EMPTY_UPDATE, NOTHING, end_clock};

/// Clients in a room, besides the one that stays.
pub(super) const PER_ROOM: usize = 20;

pub(crate) struct Rejoin {
    plan: Plan,
    /// What everybody had, as one update.
    had: Vec<u8>,
    state_vector: Vec<u8>,
    /// An edit that those who are cut off have not got.
    missed: Vec<u8>,
    /// The writer's clock after it.
    clock: u32,
    text: String,
}

/// Everybody's return.
struct Returned {
    each: Latencies,
    all: Duration,
    clients: Vec<Joined>,
}

impl Rejoin {
    pub(crate) fn new(plan: Plan, trace: Trace) -> Result<Self> {
        let last = trace.updates.len() - 1;
        let had = replica_of(trace.updates.iter().take(last))?;
        Ok(Self {
            plan,
            had: had.state(),
            state_vector: had.state_vector(),
            missed: trace.updates.get(last).to_vec(),
            clock: trace.clocks[last],
            text: trace.text,
        })
    }

    pub(crate) async fn run(&self, server: &Server) -> Result<Vec<Metric>> {
        let fill = (0..self.plan.rejoin_rooms).map(|room| self.fill(server, room));
        let staying = try_join_all(fill).await?;
        // They are sent what the others send, which is nothing, and pings.
        let mut readers = JoinSet::new();
        for joined in staying {
            readers.spawn(drain(joined.receiver));
        }
        let before = self.come_in(server, NOTHING).await?;
        let cpu_before = server.usage()?.cpu;
        drop(before.clients);
        let mut with_state = self.come_in(server, &self.state_vector).await?;
        let cpu = server.usage()?.cpu - cpu_before;
        self.verify(&with_state, &self.had)?;
        drop(with_state.clients);
        let mut with_nothing = self.come_in(server, NOTHING).await?;
        self.verify(&with_nothing, EMPTY_UPDATE)?;
        ensure!(
            readers.try_join_next().is_none(),
            "a client that stayed was cut off"
        );

        let bytes = with_nothing
            .clients
            .first()
            .map(|joined| joined.state.len());
        let (p50, p99) = with_state.each.p50_p99();
        Ok(vec![
            Metric::less_is_better("all synced, ms", millis(with_state.all)),
            Metric::less_is_better("p50 of a client, ms", millis(p50)),
            Metric::less_is_better("p99 of a client, ms", millis(p99)),
            Metric::less_is_better("server CPU, ms", millis(cpu)),
            Metric::less_is_better("all loaded anew, ms", millis(with_nothing.all)),
            Metric::less_is_better(
                "p99 of a client anew, ms",
                millis(with_nothing.each.p50_p99().1),
            ),
            Metric::less_is_better("size of a room, kB", bytes.unwrap_or(0) as f64 / 1e3),
        ])
    }

    /// Fills a room; gives the client that stays in it.
    async fn fill(&self, server: &Server, room: usize) -> Result<Joined> {
        let mut witness = join(server, &name(room), 0).await?;
        let writer = join(server, &name(room), 0).await?;
        for update in [&self.had, &self.missed] {
            let frame = writer.sender.dialect.update(update);
            writer.sender.send(&frame).await?;
        }
        let arrived = until(&mut witness.receiver, self.clock);
        let arrived = timeout(LOST_AFTER, arrived).await;
        arrived.with_context(|| format!("lost: the content of {}", name(room)))??;
        Ok(witness)
    }

    /// Lets everybody in at once.
    async fn come_in(&self, server: &Server, state_vector: &[u8]) -> Result<Returned> {
        let started = Instant::now();
        let clients = (0..self.plan.rejoin_rooms * PER_ROOM).map(|client| async move {
            let room = name(client % self.plan.rejoin_rooms);
            rejoin(server, &room, client, state_vector).await
        });
        let clients = join_all(clients).await;
        let clients = clients.into_iter().collect::<Result<Vec<_>>>()?;
        let mut each = Latencies::default();
        for joined in &clients {
            each.add(joined.receiver.read_at - started);
        }
        Ok(Returned {
            all: each.longest(),
            each,
            clients,
        })
    }

    /// Everybody must have everything now.
    fn verify(&self, returned: &Returned, had: &[u8]) -> Result<()> {
        let mut known_good: Option<&Bytes> = None;
        for joined in &returned.clients {
            if known_good == Some(&joined.state) {
                continue;
            }
            let has = replica_of([had, &joined.state])?;
            ensure!(
                has.clock(WRITER) == self.clock && has.text() == self.text,
                "a client that came back has other content"
            );
            known_good.get_or_insert(&joined.state);
        }
        Ok(())
    }
}

/// Reads until the writer's edits up to this clock are there.
async fn until(receiver: &mut Receiver, clock: u32) -> Result<()> {
    loop {
        let update = receiver.next_update().await?;
        if end_clock(&update, WRITER)?.is_some_and(|end| end >= clock) {
            return Ok(());
        }
    }
}

async fn drain(mut receiver: Receiver) -> Result<()> {
    loop {
        receiver.next().await?;
    }
}

fn name(room: usize) -> String {
    format!("rejoin-{room}")
}
