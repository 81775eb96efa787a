//! All connections, and the time in which they send and receive.

use crate::connection::Connection;
use crate::video::Layer;
use anyhow::Result;
use mio::{Events, Interest, Poll, Token};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use str0m::media::MediaKind;

/// What senders send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Media {
    pub(crate) kind: MediaKind,
    /// Bytes of a packet's payload.
    pub(crate) size: usize,
    /// How many packets it sends at a time in each layer of a simulcast, the lowest first. If there
    /// is only one layer, it is no simulcast.
    pub(crate) layers: &'static [usize],
    /// Between two times.
    pub(crate) interval: Duration,
}

impl Media {
    /// The layer that is sent to who doesn't ask for another one.
    pub(crate) fn highest(&self) -> Layer {
        Layer(self.layers.len() - 1)
    }

    pub(crate) fn ticks(&self) -> u64 {
        let rate = match self.kind {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        };
        u64::try_from(self.interval.as_micros()).unwrap_or(0) * rate / 1_000_000
    }
}

/// Where a connection is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(usize);

pub(crate) struct Network {
    pub(crate) media: Media,
    address: IpAddr,
    epoch: Instant,
    poll: Poll,
    events: Events,
    links: Vec<Link>,
}

struct Link {
    connection: Connection,
    /// When it sends again, if it is a sender's.
    next_send: Option<Instant>,
    is_alive: bool,
}

impl Network {
    pub(crate) fn new(media: Media, address: IpAddr) -> Result<Self> {
        Ok(Self {
            media,
            address,
            epoch: Instant::now(),
            poll: Poll::new()?,
            events: Events::with_capacity(1_024),
            links: Vec::new(),
        })
    }

    /// A new connection, which sends once it is connected if it `sends`.
    pub(crate) fn open(&mut self, sends: bool, is_probe: bool) -> Result<Key> {
        let mut connection = Connection::new(self.address, self.epoch, is_probe)?;
        let token = Token(self.links.len());
        let registry = self.poll.registry();
        registry.register(&mut connection.socket, token, Interest::READABLE)?;
        self.links.push(Link {
            connection,
            next_send: sends.then(Instant::now),
            is_alive: true,
        });
        Ok(Key(token.0))
    }

    pub(crate) fn at(&mut self, Key(key): Key) -> &mut Connection {
        &mut self.links[key].connection
    }

    /// From now on, nothing comes from a connection, and nothing reaches it.
    pub(crate) fn cut(&mut self, Key(key): Key) {
        self.links[key].is_alive = false;
    }

    pub(crate) fn connections(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.links.iter_mut().map(|link| &mut link.connection)
    }

    /// Sends and receives for a while. It doesn't sleep: what it costs to wake a receiver would be
    /// counted as the server's, and what a sleeper is late as its delay.
    pub(crate) fn play(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step()?;
        }
        Ok(())
    }

    /// Reads what has come, and sends what is due.
    pub(crate) fn step(&mut self) -> Result<()> {
        self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
        for event in &self.events {
            let link = &mut self.links[event.token().0];
            if link.is_alive {
                link.connection.receive()?;
            }
        }
        let now = Instant::now();
        for link in self.links.iter_mut().filter(|link| link.is_alive) {
            if let Some(at) = link.next_send.filter(|at| *at <= now) {
                // Who was late catches up: the load is always the same.
                link.next_send = Some(at + self.media.interval);
                link.connection.send(&self.media)?;
            }
            if link.connection.timeout <= now {
                link.connection.tick(now)?;
            }
        }
        Ok(())
    }
}
