//! What waits for one client.
//!
//! The link task puts messages in, the client's task takes all of them at once: however many
//! messages come in between, that is one wake-up and, if the client keeps up, one system call.

use std::collections::VecDeque;
use std::mem;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What a message weighs besides its payload: its place in the queue and in the allocator.
const MESSAGE_OVERHEAD: usize = 64;

/// A message for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outgoing {
    Binary(Bytes),
    Text(Bytes),
    /// No message: the process wants to know when all before it has been written.
    Mark,
}

/// How many messages were taken, and bytes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// Why a client gets nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It is to be closed once it has read what was queued before.
    Close { code: u16, reason: String },
    /// More was queued than it may leave unread. What was queued is gone.
    Overflow,
    /// As `Close`: there is no service for a while.
    Restart,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    /// Bytes that may wait, not counting the largest message: what follows a large one isn't held
    /// against a client that has only just been sent it.
    limit: usize,
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Outgoing>,
    marks: usize,
    weight: usize,
    /// Of the heaviest message.
    largest: usize,
    end: Option<End>,
}

impl Outgoing {
    fn weight(&self) -> usize {
        match self {
            Self::Binary(payload) | Self::Text(payload) => MESSAGE_OVERHEAD + payload.len(),
            Self::Mark => MESSAGE_OVERHEAD,
        }
    }
}

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            queue: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Queues messages, in this order. Does nothing after the end.
    pub(crate) fn push(&self, messages: impl IntoIterator<Item = Outgoing>) {
        let mut queue = self.queue.lock();
        if queue.end.is_some() {
            return;
        }
        let was_empty = queue.messages.is_empty();
        for message in messages {
            let is_mark = matches!(message, Outgoing::Mark);
            if queue.weight - queue.largest >= self.limit && !is_mark {
                queue.end = Some(End::Overflow);
                queue.weight = 0;
                queue.largest = 0;
                queue.marks = 0;
                let unread = mem::take(&mut queue.messages);
                drop(queue);
                drop(unread);
                self.changed.notify_one();
                return;
            }
            queue.weight += message.weight();
            queue.largest = queue.largest.max(message.weight());
            queue.marks += usize::from(is_mark);
            queue.messages.push_back(message);
        }
        let has_news = was_empty && !queue.messages.is_empty();
        drop(queue);
        if has_news {
            self.changed.notify_one();
        }
    }

    /// Ends after what is queued. The first end counts.
    pub(crate) fn end_with(&self, end: End) {
        let mut queue = self.queue.lock();
        if queue.end.is_none() {
            queue.end = Some(end);
            drop(queue);
            self.changed.notify_one();
        }
    }

    /// Waits until something was queued in the empty outbox, or the end was set. For one task only.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes everything, into an empty queue whose memory the outbox uses from then on. Returns how
    /// much that is, and the end if it comes after that.
    pub(crate) fn take(&self, messages: &mut VecDeque<Outgoing>) -> (Taken, Option<End>) {
        let mut queue = self.queue.lock();
        mem::swap(&mut queue.messages, messages);
        let weight = mem::take(&mut queue.weight);
        queue.largest = 0;
        let taken = Taken {
            messages: messages.len() - mem::take(&mut queue.marks),
            bytes: weight - MESSAGE_OVERHEAD * messages.len(),
        };
        (taken, queue.end.clone())
    }

    /// Bytes that wait, places in the queue included.
    pub(crate) fn weight(&self) -> usize {
        self.queue.lock().weight
    }

    /// The end, if it is set.
    pub(crate) fn end(&self) -> Option<End> {
        self.queue.lock().end.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;
    use futures_util::FutureExt;

    use super::{End, Outbox, Outgoing};

    fn message(size: usize) -> Outgoing {
        Outgoing::Binary(Bytes::from(vec![0; size]))
    }

    fn take(outbox: &Outbox) -> (usize, Option<End>) {
        let mut messages = VecDeque::new();
        let (taken, end) = outbox.take(&mut messages);
        let sizes = messages
            .iter()
            .map(|message| message.weight() - super::MESSAGE_OVERHEAD);
        assert_eq!(taken.bytes, sizes.sum::<usize>());
        assert_eq!(taken.messages, messages.len());
        assert_eq!(outbox.weight(), 0);
        (messages.len(), end)
    }

    #[test]
    fn everything_is_taken_at_once() {
        let outbox = Outbox::new(1000);
        outbox.push([message(1), message(2)]);
        outbox.push([message(3)]);
        assert_eq!(take(&outbox), (3, None));
        assert_eq!(take(&outbox), (0, None));
    }

    #[test]
    fn only_the_first_message_wakes() {
        let outbox = Outbox::new(1000);
        assert!(outbox.changed().now_or_never().is_none());
        outbox.push([]);
        assert!(outbox.changed().now_or_never().is_none());
        outbox.push([message(1)]);
        assert!(outbox.changed().now_or_never().is_some());
        outbox.push([message(1)]);
        assert!(outbox.changed().now_or_never().is_none());
        take(&outbox);
        outbox.push([message(1)]);
        assert!(outbox.changed().now_or_never().is_some());
    }

    #[test]
    fn the_largest_message_is_not_counted_and_those_after_it_are() {
        let outbox = Outbox::new(1000);
        outbox.push([message(5000)]);
        assert_eq!(take(&outbox), (1, None));
        outbox.push([message(5000), message(500), message(500)]);
        assert_eq!(take(&outbox), (3, None));
        outbox.push([message(5000), message(500), message(500), message(1)]);
        assert_eq!(take(&outbox), (0, Some(End::Overflow)));
        outbox.push([message(1)]);
        assert_eq!(
            take(&outbox),
            (0, Some(End::Overflow)),
            "nothing comes after the end"
        );
    }

    #[test]
    fn a_mark_never_overflows() {
        let outbox = Outbox::new(1000);
        outbox.push([message(600), message(600)]);
        outbox.push([Outgoing::Mark]);
        let (taken, end) = outbox.take(&mut VecDeque::new());
        assert_eq!((taken.messages, taken.bytes, end), (2, 1200, None));
    }

    #[test]
    fn empty_messages_fill_the_outbox_too() {
        let outbox = Outbox::new(64 * 10);
        outbox.push((0..11).map(|_| message(0)));
        assert_eq!(outbox.end(), None);
        outbox.push([message(0)]);
        assert_eq!(outbox.end(), Some(End::Overflow));
    }

    #[test]
    fn the_first_close_comes_after_what_was_queued_before() {
        let outbox = Outbox::new(1000);
        outbox.push([message(1)]);
        let end = End::Close {
            code: 4401,
            reason: "token".to_owned(),
        };
        outbox.end_with(end.clone());
        outbox.end_with(End::Restart);
        outbox.push([message(1)]);
        assert_eq!(take(&outbox), (1, Some(end)));
    }
}
