//! The mailbox of a process: a bounded queue with one blocking reader.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Semaphore;

use crate::message::{Envelope, Message};

/// How many messages a mailbox holds before its senders wait.
pub(crate) const CAPACITY: usize = 100;
/// How many messages it takes if they can't wait: answers that are given on the
/// owner's thread. On a real node they would queue in the event loop, which has
/// room for as many.
const OVERFLOW: usize = 10_000;

/// Why the owner has to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// As if the process had trapped: what it wants on exit happens.
    Crash,
    /// The node stops.
    Stop,
}

/// What waiting for a message came to.
pub(crate) enum Wait {
    Message(Envelope),
    Deadline,
    Interrupted(Interrupt),
}

pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    arrival: Condvar,
    room: Semaphore,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Queued>,
    reader_waits: bool,
    interrupt: Option<Interrupt>,
}

struct Queued {
    envelope: Envelope,
    /// Whether it took room, and gives it back.
    took_room: bool,
}

/// The mailbox is closed for good; the message is lost.
pub(crate) struct Closed;

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self {
            queue: Mutex::default(),
            arrival: Condvar::new(),
            room: Semaphore::new(CAPACITY),
        }
    }

    /// Adds a message if there is room, or gives it back.
    #[expect(clippy::result_large_err, reason = "the message comes back")]
    pub(crate) fn try_push(&self, envelope: Envelope) -> Result<(), Envelope> {
        match self.room.try_acquire() {
            Ok(room) => {
                room.forget();
                self.add(envelope, true);
                Ok(())
            }
            Err(_) => Err(envelope),
        }
    }

    /// Adds a message as soon as there is room.
    pub(crate) async fn push(&self, envelope: Envelope) -> Result<(), Closed> {
        let room = self.room.acquire().await.map_err(|_| Closed)?;
        room.forget();
        self.add(envelope, true);
        Ok(())
    }

    /// Adds a message without waiting, if need be beyond the capacity. Gives it
    /// back only when there are far too many.
    #[expect(clippy::result_large_err, reason = "the message comes back")]
    pub(crate) fn force(&self, envelope: Envelope) -> Result<(), Envelope> {
        self.try_push(envelope).or_else(|envelope| {
            if self.len() >= OVERFLOW {
                return Err(envelope);
            }
            self.add(envelope, false);
            Ok(())
        })
    }

    /// Waits for the next message, until the deadline if there is one.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Wait {
        let mut queue = self.queue.lock();
        loop {
            if let Some(interrupt) = queue.interrupt {
                return Wait::Interrupted(interrupt);
            }
            if let Some(queued) = queue.messages.pop_front() {
                if queued.took_room {
                    self.room.add_permits(1);
                }
                return Wait::Message(queued.envelope);
            }
            queue.reader_waits = true;
            match deadline {
                None => self.arrival.wait(&mut queue),
                Some(deadline) => {
                    if self.arrival.wait_until(&mut queue, deadline).timed_out() {
                        queue.reader_waits = false;
                        return Wait::Deadline;
                    }
                }
            }
            queue.reader_waits = false;
        }
    }

    /// Sleeps until the deadline or an interruption.
    pub(crate) fn sleep(&self, deadline: Instant) -> Option<Interrupt> {
        let mut queue = self.queue.lock();
        while queue.interrupt.is_none() {
            if self.arrival.wait_until(&mut queue, deadline).timed_out() {
                break;
            }
        }
        queue.interrupt
    }

    /// Whether a response to this request is waiting.
    pub(crate) fn has_response(&self, id: u64) -> bool {
        self.queue.lock().messages.iter().any(|queued| {
            queued.envelope.id == id && matches!(queued.envelope.message, Message::Response(_))
        })
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= CAPACITY
    }

    /// Throws away what is in it, as a real node does when a process restarts.
    pub(crate) fn clear(&self) {
        let mut queue = self.queue.lock();
        let room = queue
            .messages
            .iter()
            .filter(|queued| queued.took_room)
            .count();
        queue.messages.clear();
        self.room.add_permits(room);
    }

    pub(crate) fn interrupt(&self, interrupt: Interrupt) {
        let mut queue = self.queue.lock();
        if queue.interrupt != Some(Interrupt::Stop) {
            queue.interrupt = Some(interrupt);
        }
        if interrupt == Interrupt::Stop {
            self.room.close();
        }
        self.arrival.notify_all();
    }

    pub(crate) fn interrupted(&self) -> Option<Interrupt> {
        self.queue.lock().interrupt
    }

    /// Forgets a crash that has been acted on. A stop stays.
    pub(crate) fn clear_crash(&self) {
        let mut queue = self.queue.lock();
        if queue.interrupt == Some(Interrupt::Crash) {
            queue.interrupt = None;
        }
    }

    fn len(&self) -> usize {
        self.queue.lock().messages.len()
    }

    fn add(&self, envelope: Envelope, took_room: bool) {
        let mut queue = self.queue.lock();
        queue.messages.push_back(Queued {
            envelope,
            took_room,
        });
        let wake = queue.reader_waits;
        drop(queue);
        if wake {
            self.arrival.notify_one();
        }
    }
}
