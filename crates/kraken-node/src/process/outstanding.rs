//! Requests that wait for their responses, and until when.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::exchange::{Prompt, Target};
use crate::message::{Blob, Request};

/// How many requests of one process may wait.
const MOST: usize = 100_000;
/// The longest that a response is waited for.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

#[derive(Default)]
pub(super) struct Outstanding {
    requests: HashMap<u64, (Instant, Sent)>,
    /// Those that haven't expired.
    deadlines: BTreeSet<(Instant, u64)>,
}

/// A request, and what comes back with its response or its failure.
pub(super) struct Sent {
    /// What was being handled when it was sent.
    pub(super) prompt: Option<Prompt>,
    pub(super) context: Option<Vec<u8>>,
    pub(super) target: Target,
    pub(super) request: Request,
    pub(super) blob: Option<Blob>,
}

impl Outstanding {
    pub(super) fn add(&mut self, id: u64, timeout: Duration, sent: Sent) -> wasmtime::Result<()> {
        if self.requests.len() >= MOST {
            wasmtime::bail!("more than {MOST} requests wait for a response");
        }
        let deadline = Instant::now() + timeout.min(LONGEST);
        if let Some((replaced, _)) = self.requests.insert(id, (deadline, sent)) {
            self.deadlines.remove(&(replaced, id));
        }
        self.deadlines.insert((deadline, id));
        Ok(())
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        self.requests.contains_key(&id)
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Sent> {
        self.forget_deadline(id);
        self.requests.remove(&id).map(|(_, sent)| sent)
    }

    pub(super) fn first_deadline(&self) -> Option<(Instant, u64)> {
        self.deadlines.first().copied()
    }

    /// Lets a request stay without a deadline, as it has expired.
    pub(super) fn forget_deadline(&mut self, id: u64) {
        if let Some((deadline, _)) = self.requests.get(&id) {
            self.deadlines.remove(&(*deadline, id));
        }
    }
}
