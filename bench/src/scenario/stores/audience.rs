//! Those who read a store, and check each patch that they get.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Run, SLOTS, expect, slot};
use crate::client::Receiver;
use crate::scenario::LOST_AFTER;

/// All who read one store, and what its writer hears of them.
pub(super) struct Audience {
    /// What others send to the writer: nothing, but its end would show here.
    own: Receiver,
    readers: JoinSet<Result<()>>,
    /// How many readers lack each patch that is under way.
    pub(super) missing: Arc<[AtomicUsize]>,
    /// When the last of them got a patch, in the order of patches.
    completions: mpsc::UnboundedReceiver<Instant>,
}

impl Audience {
    pub(super) fn new(
        own: Receiver,
        receivers: Vec<Receiver>,
        run: &Run,
        ended: &watch::Receiver<u64>,
    ) -> Self {
        let missing: Arc<[AtomicUsize]> = (0..SLOTS).map(|_| AtomicUsize::new(0)).collect();
        let (done_by_all, completions) = mpsc::unbounded_channel();
        let mut readers = JoinSet::new();
        for receiver in receivers {
            let reader = Reader {
                receiver,
                missing: Arc::clone(&missing),
                done_by_all: done_by_all.clone(),
                delivered: Arc::clone(&run.delivered),
                ended: ended.clone(),
            };
            readers.spawn(reader.read());
        }
        Self {
            own,
            readers,
            missing,
            completions,
        }
    }

    /// When everybody had the next patches, of which there is at least one.
    pub(super) async fn complete(&mut self) -> Result<Vec<Instant>> {
        let first = tokio::select! {
            first = timeout(LOST_AFTER, self.completions.recv()) => first,
            Some(reader) = self.readers.join_next() => {
                reader.context("a reader")??;
                bail!("a reader ended")
            }
            message = self.own.next() => bail!("the writer was sent {:?}", message?),
        };
        let Ok(Some(first)) = first else {
            bail!(
                "lost: not everybody had it within {} s",
                LOST_AFTER.as_secs()
            );
        };
        let mut all = vec![first];
        while let Ok(next) = self.completions.try_recv() {
            all.push(next);
        }
        Ok(all)
    }

    /// Waits until all readers have found that they have everything.
    pub(super) async fn end(mut self) -> Result<()> {
        while let Some(reader) = self.readers.join_next().await {
            reader.context("a reader")??;
        }
        Ok(())
    }
}

/// Who reads one store.
struct Reader {
    receiver: Receiver,
    /// How many readers lack each patch that is under way.
    missing: Arc<[AtomicUsize]>,
    /// When the last of them got a patch, in the order of patches.
    done_by_all: mpsc::UnboundedSender<Instant>,
    delivered: Arc<AtomicU64>,
    /// How many patches there were, when there will be no more.
    ended: watch::Receiver<u64>,
}

impl Reader {
    /// Reads until there will be no more.
    async fn read(mut self) -> Result<()> {
        let mut next = 0;
        loop {
            let update = tokio::select! {
                update = self.receiver.next_update() => update?,
                _ = self.ended.changed() => {
                    let all = *self.ended.borrow();
                    ensure!(next == all, "a reader has {next} of {all} patches");
                    return Ok(());
                }
            };
            expect(&update, next)?;
            self.delivered.fetch_add(1, Ordering::Relaxed);
            if self.missing[slot(next)].fetch_sub(1, Ordering::AcqRel) == 1 {
                // The writer may have failed, and shows that itself.
                _ = self.done_by_all.send(self.receiver.read_at);
            }
            next += 1;
        }
    }
}
