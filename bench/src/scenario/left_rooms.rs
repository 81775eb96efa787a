//! Many rooms that are opened, written to a little, and left: what remains of them in memory.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use futures_util::future::try_join_all;
use tokio::time::{Instant, sleep};

use crate::client::join;
use crate::edits::{Typist, text_of};
use crate::plan::Plan;
use crate::report::Metric;
use crate::servers::Server;

/// Rooms that are open at once.
const AT_ONCE: usize = 32;
/// Edits in each.
const EDITS: usize = 20;
/// Every so many rooms, one is looked into at the end where documents are stored.
const ASKED: usize = 100;
/// For a server to forget what it does not need: longer than any keeps a room without clients.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(90);
/// For what a server does at its start and at its first room to be done.
const WARM_UP: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// What servers are given that don't tell what they have in memory.
const SETTLE: Duration = Duration::from_secs(5);

pub(crate) struct LeftRooms {
    plan: Plan,
    updates: Vec<Vec<u8>>,
    text: String,
}

impl LeftRooms {
    pub(crate) fn new(plan: Plan) -> Result<Self> {
        let mut typist = Typist::new(7);
        let updates: Vec<Vec<u8>> = (0..EDITS).map(|_| typist.type_one()).collect();
        let text = text_of(&updates)?;
        Ok(Self {
            plan,
            updates,
            text,
        })
    }

    pub(crate) async fn run(&self, server: &Server) -> Result<Vec<Metric>> {
        self.visit(server, "warm-up").await?;
        sleep(WARM_UP).await;
        let before = server.usage()?.rss;
        for first in (0..self.plan.left_rooms).step_by(AT_ONCE) {
            let rooms = first..self.plan.left_rooms.min(first + AT_ONCE);
            try_join_all(rooms.map(async |room| self.visit(server, &name(room)).await)).await?;
        }
        let most = server.usage()?.rss;
        until_forgotten(server).await?;
        let after = server.usage()?.rss;
        self.verify(server).await?;
        Ok(vec![
            Metric::less_is_better("RSS before, MB", before as f64 / 1e6),
            Metric::less_is_better("RSS with the last, MB", most as f64 / 1e6),
            Metric::less_is_better("RSS after, MB", after as f64 / 1e6),
            Metric::less_is_better("RSS after / before", after as f64 / before.max(1) as f64),
        ])
    }

    /// Opens a room, writes to it, and leaves it.
    async fn visit(&self, server: &Server, room: &str) -> Result<()> {
        let visitor = join(server, room, 0).await?;
        for update in &self.updates {
            let frame = visitor.sender.dialect.update(update);
            visitor.sender.send(&frame).await?;
        }
        Ok(())
    }

    /// Where documents are stored, what was written is there.
    async fn verify(&self, server: &Server) -> Result<()> {
        if !server.kind.stores() {
            return Ok(());
        }
        for room in (0..self.plan.left_rooms).step_by(ASKED) {
            let joined = join(server, &name(room), 0).await?;
            ensure!(
                text_of([&joined.state])? == self.text,
                "a room that was left has other content"
            );
        }
        Ok(())
    }
}

/// Waits until the server has no room in memory any more.
async fn until_forgotten(server: &Server) -> Result<()> {
    let deadline = Instant::now() + FORGOTTEN_WITHIN;
    loop {
        match server.rooms().await? {
            None => {
                sleep(SETTLE).await;
                return Ok(());
            }
            Some(0) => return Ok(()),
            Some(rooms) if Instant::now() > deadline => bail!(
                "{rooms} rooms are in memory {} s after they were left",
                FORGOTTEN_WITHIN.as_secs()
            ),
            Some(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

fn name(room: usize) -> String {
    format!("left-{room}")
}
