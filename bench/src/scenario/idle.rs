//! Many connections that do nothing: what they cost just by being there.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{LOST_AFTER, micros};
use crate::client::{Receiver, Sender, join};
use crate::edits::{Typist, text_of};
use crate::plan::Plan;
use crate::report::Metric;
use crate::servers::Server;

/// Clients in a room.
pub(super) const PER_ROOM: usize = 10;
/// Handshakes under way at once.
const AT_ONCE: usize = 32;
/// Every so many rooms, one is asked at the end whether it still works.
const ASKED: usize = 10;
/// For garbage and start-up work to go away before memory is read.
const SETTLE: Duration = Duration::from_secs(2);

pub(crate) struct Idle {
    plan: Plan,
}

/// An update that a connection received.
struct Arrival {
    client: usize,
    update: Bytes,
}

impl Idle {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan }
    }

    pub(crate) async fn run(&self, server: &Server) -> Result<Vec<Metric>> {
        let first = join(server, "warm-up", 0).await?;
        sleep(SETTLE).await;
        let before = server.usage()?;

        let (arrived, mut arrivals) = mpsc::unbounded_channel();
        let mut readers = JoinSet::new();
        let senders = self.connect(server, &mut readers, &arrived).await?;
        sleep(SETTLE).await;
        let connected = server.usage()?;
        // Nobody may go away meanwhile.
        if let Ok(Some(ended)) = timeout(self.plan.idle_for, readers.join_next()).await {
            ended
                .context("an idle connection")?
                .context("an idle connection")?;
        }
        let after = server.usage()?;

        self.verify(&senders, &mut arrivals).await?;
        drop(first);
        let count = self.plan.idle as f64;
        Ok(vec![
            Metric::less_is_better(
                "RSS kB/connection",
                connected.rss.saturating_sub(before.rss) as f64 / 1e3 / count,
            ),
            Metric::less_is_better("RSS, MB", connected.rss as f64 / 1e6),
            Metric::less_is_better(
                "idle CPU, %",
                (after.cpu - connected.cpu).as_secs_f64() / self.plan.idle_for.as_secs_f64()
                    * 100.0,
            ),
            Metric::less_is_better(
                "connecting, server CPU us",
                micros(connected.cpu - before.cpu) / count,
            ),
        ])
    }

    /// Opens all connections; gives their senders, in order.
    async fn connect(
        &self,
        server: &Server,
        readers: &mut JoinSet<Result<()>>,
        arrived: &mpsc::UnboundedSender<Arrival>,
    ) -> Result<Vec<Sender>> {
        let mut senders = Vec::with_capacity(self.plan.idle);
        while senders.len() < self.plan.idle {
            let start = senders.len();
            let end = self.plan.idle.min(start + AT_ONCE);
            let batch =
                (start..end).map(|client| async move { join(server, &room(client), client).await });
            for (offset, joined) in join_all(batch).await.into_iter().enumerate() {
                let joined = joined?;
                senders.push(joined.sender);
                readers.spawn(read(start + offset, joined.receiver, arrived.clone()));
            }
        }
        Ok(senders)
    }

    /// An edit in a room reaches everybody in it, and nobody else.
    async fn verify(
        &self,
        senders: &[Sender],
        arrivals: &mut mpsc::UnboundedReceiver<Arrival>,
    ) -> Result<()> {
        let update = Typist::new(7).type_one();
        let wanted = text_of([&update])?;
        for first in (0..senders.len()).step_by(PER_ROOM * ASKED) {
            senders[first]
                .send(&senders[first].dialect.update(&update))
                .await?;
            let mut missing: Vec<usize> =
                (first + 1..senders.len().min(first + PER_ROOM)).collect();
            while !missing.is_empty() {
                let Ok(Some(arrival)) = timeout(LOST_AFTER, arrivals.recv()).await else {
                    bail!("lost: clients {missing:?} did not get an edit");
                };
                if arrival.client <= first && arrival.client % (PER_ROOM * ASKED) == 0 {
                    // A server may send an edit back to its writer, who may read it late.
                    continue;
                }
                let position = missing.iter().position(|&client| client == arrival.client);
                let position =
                    position.context("an edit came to where it does not belong, or twice")?;
                missing.swap_remove(position);
                ensure!(
                    text_of([&arrival.update])? == wanted,
                    "an edit arrived changed"
                );
            }
        }
        Ok(())
    }
}

async fn read(
    client: usize,
    mut receiver: Receiver,
    arrived: mpsc::UnboundedSender<Arrival>,
) -> Result<()> {
    loop {
        let update = receiver.next_update().await?;
        // Nobody listens once the run is over.
        _ = arrived.send(Arrival { client, update });
    }
}

fn room(client: usize) -> String {
    format!("idle-{}", client / PER_ROOM)
}
