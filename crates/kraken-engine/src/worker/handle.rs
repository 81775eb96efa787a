//! The way to a worker from other threads.

use super::LoadSnapshot;
use crate::calls::{CallCounts, Desk};
use kraken_sfu::{Sfu, Stats};
use mio::{Poll, Token, Waker};
use parking_lot::Mutex;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Instant;
use tokio::sync::oneshot;

/// Commands that wait for a worker. More are refused: the worker is overloaded.
const COMMANDS: usize = 4_096;
const WAKER: Token = Token(usize::MAX);

/// The worker has more to do than it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overloaded;

pub(super) type Question = Box<dyn FnOnce(&mut Desk, &mut Sfu, Instant) + Send>;

/// What is brought to a worker from outside its own sockets.
pub(super) enum Command {
    Ask(Question),
    /// Datagrams that came to another worker's sockets.
    Strays(Vec<Stray>),
    Stream(NewStream),
    Stop,
}

pub(super) struct Stray {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) contents: Vec<u8>,
}

/// A TCP connection that has shown in its first frame whose it is.
pub(crate) struct NewStream {
    pub(crate) stream: TcpStream,
    pub(crate) source: SocketAddr,
    /// The engine's address, as clients know it.
    pub(crate) destination: SocketAddr,
    /// What was read already: a frame and its length.
    pub(crate) read: Vec<u8>,
}

/// A way to a worker.
#[derive(Clone)]
pub(crate) struct Handle {
    commands: SyncSender<Command>,
    waker: Arc<Waker>,
    pub(super) report: Arc<Mutex<Report>>,
}

/// What a worker counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    pub(crate) stats: Stats,
    pub(crate) load: LoadSnapshot,
    pub(crate) calls: CallCounts,
    pub(crate) rooms: Vec<String>,
}

impl Handle {
    /// Lets the worker answer a question between two batches of datagrams.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Desk, &mut Sfu, Instant) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let (sender, answer) = oneshot::channel();
        self.tell(move |desk, sfu, now| {
            // Who asked may have gone.
            let _ = sender.send(question(desk, sfu, now));
        })?;
        answer.await.map_err(|_| Overloaded)
    }

    /// Lets the worker do something. It is done in the order in which it is told.
    pub(crate) fn tell(
        &self,
        work: impl FnOnce(&mut Desk, &mut Sfu, Instant) + Send + 'static,
    ) -> Result<(), Overloaded> {
        self.send(Command::Ask(Box::new(work)))
    }

    /// Gives a TCP connection to the worker.
    pub(crate) fn adopt(&self, stream: NewStream) -> Result<(), Overloaded> {
        self.send(Command::Stream(stream))
    }

    /// Ends the worker.
    pub(crate) fn stop(&self) {
        // Waits for a place in the queue: this command may not be lost.
        if self.commands.send(Command::Stop).is_ok() {
            let _ = self.waker.wake();
        }
    }

    pub(crate) fn report(&self) -> Report {
        self.report.lock().clone()
    }

    /// The share of the last second in which the worker worked, from 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        self.report.lock().load.share
    }

    pub(super) fn send(&self, command: Command) -> Result<(), Overloaded> {
        match self.commands.try_send(command) {
            Ok(()) => {
                let _ = self.waker.wake();
                Ok(())
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Overloaded),
        }
    }
}

/// What a worker is made of before it runs in its thread.
pub(crate) struct Seed {
    pub(super) poll: Poll,
    pub(super) commands: Receiver<Command>,
    pub(super) handle: Handle,
}

impl Seed {
    pub(crate) fn new() -> io::Result<(Self, Handle)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, commands) = sync_channel(COMMANDS);
        let handle = Handle {
            commands: sender,
            waker,
            report: Arc::default(),
        };
        let seed = Self {
            poll,
            commands,
            handle: handle.clone(),
        };
        Ok((seed, handle))
    }
}
