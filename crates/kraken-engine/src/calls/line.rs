//! The way from a worker's calls to the process.

use kraken_call::{FromEngine, ToClient};
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};

/// Messages that may wait between all workers and the bridge. A member has one offer at a time, so
/// that most are short.
const WAITING: usize = 4_096;

/// Something for the process.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) message: FromEngine,
    /// A member of whom no more will be said.
    pub(super) forgotten: Option<u64>,
}

/// A worker's end. If too much waits, the line is cut: whoever is at the other end has missed
/// something, and has to begin anew.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    sender: mpsc::Sender<Said>,
    cut: Arc<Notify>,
}

/// The bridge's end.
pub(super) struct Ear {
    pub(super) receiver: mpsc::Receiver<Said>,
    /// Tells that the line was cut.
    pub(super) cut: Arc<Notify>,
}

impl Line {
    pub(super) fn new() -> (Self, Ear) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let cut = Arc::new(Notify::new());
        let line = Self {
            sender,
            cut: cut.clone(),
        };
        (line, Ear { receiver, cut })
    }

    /// Tells a member something.
    pub(super) fn tell(&self, member: u64, message: ToClient) {
        let forgotten = matches!(message, ToClient::Ended { .. }).then_some(member);
        self.say(Said {
            message: FromEngine::Tell { member, message },
            forgotten,
        });
    }

    /// Tells a client that it can't join.
    pub(super) fn refuse(&self, member: u64, problem: kraken_call::Problem) {
        let message = ToClient::Error(problem);
        self.say(Said {
            message: FromEngine::Tell { member, message },
            forgotten: Some(member),
        });
    }

    pub(super) fn say(&self, said: Said) {
        if self.sender.try_send(said).is_err() {
            self.cut();
        }
    }

    /// Nobody listens any more, or shall.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }

    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }
}
