//! Who gets what the process sends. Owned by the link task alone, so the fan-out takes no lock but
//! that of each outbox.

use std::collections::HashMap;
use std::sync::Arc;

use crate::outbox::{End, Outbox, Outgoing};

/// A client as the link sees it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u32,
    pub(crate) limits: Limits,
    pub(crate) outbox: Outbox,
}

/// What `Accept` says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The largest message that it may send, in bytes.
    pub(crate) max_message: usize,
    /// The close code if it sends a larger one.
    pub(crate) too_large: u16,
    /// The close code if its outbox overflows.
    pub(crate) overflow: u16,
    /// How many messages a second it may send, 0 for any number.
    pub(crate) messages_per_second: u32,
    /// How many bytes of messages a second it may send, 0 for any number.
    pub(crate) bytes_per_second: u32,
    /// The close code if it stays over either.
    pub(crate) too_fast: u16,
}

/// A message for the subscribers of a topic.
#[derive(Debug)]
pub(crate) struct Publication {
    /// The client that doesn't get it, 0 if all do.
    pub(crate) except: u32,
    pub(crate) message: Outgoing,
}

#[derive(Debug, Default)]
pub(crate) struct Switchboard {
    clients: HashMap<u32, Line>,
    topics: HashMap<u32, Vec<Arc<Client>>>,
}

#[derive(Debug)]
struct Line {
    client: Arc<Client>,
    topics: Vec<u32>,
}

impl Switchboard {
    pub(crate) fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    pub(crate) fn add(&mut self, client: Arc<Client>) {
        self.clients.insert(
            client.id,
            Line {
                client,
                topics: Vec::new(),
            },
        );
    }

    pub(crate) fn remove(&mut self, connection: u32) {
        if let Some(line) = self.clients.remove(&connection) {
            for topic in line.topics {
                self.leave(connection, topic);
            }
        }
    }

    pub(crate) fn subscribe(&mut self, connection: u32, topic: u32) {
        if let Some(line) = self.clients.get_mut(&connection)
            && !line.topics.contains(&topic)
        {
            line.topics.push(topic);
            self.topics
                .entry(topic)
                .or_default()
                .push(line.client.clone());
        }
    }

    pub(crate) fn unsubscribe(&mut self, connection: u32, topic: u32) {
        if let Some(line) = self.clients.get_mut(&connection) {
            line.topics.retain(|known| *known != topic);
            self.leave(connection, topic);
        }
    }

    pub(crate) fn send(&self, connection: u32, message: Outgoing) {
        if let Some(line) = self.clients.get(&connection) {
            line.client.outbox.push([message]);
        }
    }

    /// Sends consecutive messages of one topic: each outbox is locked, and each client woken, once.
    pub(crate) fn publish(&self, topic: u32, publications: &[Publication]) {
        for client in self.topics.get(&topic).into_iter().flatten() {
            let wanted = publications
                .iter()
                .filter(|message| message.except != client.id);
            client
                .outbox
                .push(wanted.map(|publication| publication.message.clone()));
        }
    }

    pub(crate) fn close(&self, connection: u32, code: u16, reason: String) {
        if let Some(line) = self.clients.get(&connection) {
            line.client.outbox.end_with(End::Close { code, reason });
        }
    }

    /// Tells every client that there is no service for a while.
    pub(crate) fn restart_all(&self) {
        for line in self.clients.values() {
            line.client.outbox.end_with(End::Restart);
        }
    }

    /// Bytes that wait for clients.
    pub(crate) fn backlog(&self) -> usize {
        let lines = self.clients.values();
        lines.map(|line| line.client.outbox.weight()).sum()
    }

    fn leave(&mut self, connection: u32, topic: u32) {
        if let Some(subscribers) = self.topics.get_mut(&topic) {
            if let Some(place) = subscribers
                .iter()
                .position(|client| client.id == connection)
            {
                subscribers.swap_remove(place);
            }
            if subscribers.is_empty() {
                self.topics.remove(&topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use bytes::Bytes;

    use super::{Client, Limits, Publication, Switchboard};
    use crate::outbox::{Outbox, Outgoing};

    fn client(id: u32) -> Arc<Client> {
        let limits = Limits {
            max_message: 1000,
            too_large: 1009,
            overflow: 1013,
            messages_per_second: 0,
            bytes_per_second: 0,
            too_fast: 1008,
        };
        Arc::new(Client {
            id,
            limits,
            outbox: Outbox::new(10_000),
        })
    }

    fn publication(except: u32) -> Publication {
        Publication {
            except,
            message: Outgoing::Binary(Bytes::from_static(b"x")),
        }
    }

    fn received(client: &Client) -> usize {
        let mut messages = VecDeque::new();
        client.outbox.take(&mut messages);
        messages.len()
    }

    #[test]
    fn subscribers_get_each_publication_but_their_own() {
        let (one, two, other) = (client(1), client(2), client(3));
        let mut board = Switchboard::default();
        for client in [&one, &two, &other] {
            board.add(client.clone());
        }
        board.subscribe(1, 7);
        board.subscribe(1, 7);
        board.subscribe(2, 7);
        board.publish(7, &[publication(1), publication(0), publication(9)]);
        assert_eq!(
            (received(&one), received(&two), received(&other)),
            (2, 3, 0)
        );

        board.unsubscribe(1, 7);
        board.publish(7, &[publication(0)]);
        assert_eq!((received(&one), received(&two)), (0, 1));
    }

    #[test]
    fn nothing_is_left_of_those_who_are_gone() {
        let mut board = Switchboard::default();
        for id in 1..=3 {
            board.add(client(id));
            board.subscribe(id, 7);
            board.subscribe(id, 8 + id);
        }
        for id in 1..=3 {
            board.remove(id);
            board.remove(id);
            board.subscribe(id, 7);
        }
        assert!(board.is_empty());
        assert!(board.topics.is_empty());
    }
}
