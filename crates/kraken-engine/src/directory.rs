//! Which worker answers to which name.

use parking_lot::RwLock;
use std::collections::HashMap;

/// The place of a worker.
pub(crate) type WorkerIndex = usize;

/// The names that connectivity checks ask for, of all workers. It is looked at only for such
/// checks, a few times a minute for each peer; media finds its worker without it.
#[derive(Debug, Default)]
pub(crate) struct Directory(RwLock<HashMap<String, WorkerIndex>>);

impl Directory {
    pub(crate) fn add(&self, name: String, worker: WorkerIndex) {
        self.0.write().insert(name, worker);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.write().remove(name);
    }

    pub(crate) fn worker(&self, name: &str) -> Option<WorkerIndex> {
        self.0.read().get(name).copied()
    }
}
