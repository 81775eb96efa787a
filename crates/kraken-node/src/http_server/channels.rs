//! The open WebSockets, and their queues of outgoing messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::RwLock;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::id::{ProcessId, random_id};

/// How many messages wait for one socket.
pub(super) const QUEUE: usize = 100;
/// How many sockets from clients a node has.
const SOCKETS: usize = 128;

#[derive(Default)]
pub(super) struct Channels {
    open: RwLock<HashMap<u32, Channel>>,
    /// Those that came from clients, not through [`Extension`](super::Extension).
    sockets: Arc<AtomicUsize>,
}

/// A message to a client.
#[derive(Debug)]
pub(super) enum Outgoing {
    Text(Bytes),
    Binary(Bytes),
    Ping(Bytes),
    Pong(Bytes),
}

/// Where the messages of a channel go.
pub(super) enum Queue {
    Socket(mpsc::Sender<Outgoing>),
    Extension {
        messages: mpsc::Sender<Bytes>,
        /// Pings to be answered, as a client would.
        pings: mpsc::Sender<Bytes>,
    },
}

pub(super) enum Pushed {
    Queued,
    Full(Waiting),
    NotFound,
}

/// A message that there is no room for yet.
pub(super) enum Waiting {
    Message(mpsc::Sender<Outgoing>, Outgoing),
    Bytes(mpsc::Sender<Bytes>, Bytes),
}

/// Resolves when a channel has been removed.
pub(super) type Removed = oneshot::Receiver<()>;

struct Channel {
    owner: ProcessId,
    queue: Queue,
    _removed: oneshot::Sender<()>,
}

/// The right to one of the node's sockets.
pub(super) struct Slot(Arc<AtomicUsize>);

impl Channels {
    /// Takes one of the node's sockets, if one is left.
    pub(super) fn slot(&self) -> Option<Slot> {
        let taken = self
            .sockets
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < SOCKETS).then_some(open + 1)
            });
        taken.ok().map(|_| Slot(self.sockets.clone()))
    }

    /// Registers a channel under a new id.
    pub(super) fn add(&self, owner: ProcessId, queue: Queue) -> (u32, Removed) {
        let (sender, removed) = oneshot::channel();
        let channel = Channel {
            owner,
            queue,
            _removed: sender,
        };
        let mut open = self.open.write();
        let id = loop {
            // The upper half of a number that never repeats; so this may.
            let id = (random_id() >> 32) as u32;
            if !open.contains_key(&id) {
                break id;
            }
        };
        open.insert(id, channel);
        (id, removed)
    }

    pub(super) fn remove(&self, id: u32) -> bool {
        self.open.write().remove(&id).is_some()
    }

    /// Drops every channel.
    pub(super) fn clear(&self) {
        self.open.write().clear();
    }

    pub(super) fn owner(&self, id: u32) -> Option<ProcessId> {
        self.open
            .read()
            .get(&id)
            .map(|channel| channel.owner.clone())
    }

    /// Queues a message, without waiting.
    pub(super) fn push(&self, process: &ProcessId, id: u32, message: Outgoing) -> Pushed {
        let open = self.open.read();
        let Some(channel) = open.get(&id).filter(|channel| channel.owner == *process) else {
            return Pushed::NotFound;
        };
        match (&channel.queue, message) {
            (Queue::Socket(queue), message) => try_send(queue, message, Waiting::Message),
            (
                Queue::Extension { messages, .. },
                Outgoing::Text(bytes) | Outgoing::Binary(bytes),
            ) => try_send(messages, bytes, Waiting::Bytes),
            (Queue::Extension { pings, .. }, Outgoing::Ping(bytes)) => {
                try_send(pings, bytes, Waiting::Bytes)
            }
            (Queue::Extension { .. }, Outgoing::Pong(_)) => Pushed::Queued,
        }
    }
}

impl Waiting {
    /// Queues the message as soon as there is room. Gives `false` if the socket
    /// ends first.
    pub(super) async fn send(self) -> bool {
        match self {
            Self::Message(queue, message) => queue.send(message).await.is_ok(),
            Self::Bytes(queue, bytes) => queue.send(bytes).await.is_ok(),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn try_send<T>(
    queue: &mpsc::Sender<T>,
    message: T,
    waiting: fn(mpsc::Sender<T>, T) -> Waiting,
) -> Pushed {
    match queue.try_send(message) {
        Ok(()) => Pushed::Queued,
        Err(TrySendError::Full(message)) => Pushed::Full(waiting(queue.clone(), message)),
        Err(TrySendError::Closed(_)) => Pushed::NotFound,
    }
}
