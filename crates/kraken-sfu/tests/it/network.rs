//! A network between the SFU and its clients.

use crate::bottleneck::{Bottleneck, Width};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A datagram under way.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) contents: Vec<u8>,
}

impl Packet {
    /// A connectivity check, or the answer to one.
    pub(crate) fn is_check(&self) -> bool {
        self.contents[0] < 2
    }
}

/// How bad a network is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Of a thousand packets, so many are lost.
    pub(crate) loss: u32,
    pub(crate) delay: Duration,
    /// Each packet takes up to this much longer, so that packets overtake each other.
    pub(crate) jitter: Duration,
}

impl Weather {
    pub(crate) const FAIR: Self = Self {
        loss: 0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
    };

    pub(crate) const FOUL: Self = Self {
        loss: 50,
        delay: Duration::from_millis(40),
        jitter: Duration::from_millis(15),
    };
}

/// Picks packets that somebody sends.
#[derive(Debug)]
struct Trap {
    source: SocketAddr,
    pick: fn(&Packet) -> bool,
}

impl Trap {
    fn takes(&self, packet: &Packet) -> bool {
        self.source == packet.source && (self.pick)(packet)
    }
}

pub(crate) struct Network {
    random: ChaCha8Rng,
    weather: Weather,
    bottlenecks: BTreeMap<SocketAddr, Bottleneck>,
    /// What it takes never arrives.
    sinks: Vec<Trap>,
    /// It takes one packet.
    capture: Option<Trap>,
    captured: Option<Packet>,
    under_way: BTreeMap<(Instant, u64), Packet>,
    sent: u64,
}

impl Network {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            weather,
            bottlenecks: BTreeMap::new(),
            sinks: Vec::new(),
            capture: None,
            captured: None,
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// From now on, the way to somebody takes only so many bits a second, or everything again.
    pub(crate) fn cap(&mut self, destination: SocketAddr, bitrate: Option<u64>, now: Instant) {
        match bitrate {
            Some(bitrate) => {
                let bottleneck = Bottleneck::steady(bitrate, now);
                self.bottlenecks.insert(destination, bottleneck)
            }
            None => self.bottlenecks.remove(&destination),
        };
    }

    /// From now on, the way to somebody takes what a trace says, and so many bytes wait before it.
    pub(crate) fn narrow(
        &mut self,
        destination: SocketAddr,
        width: Width,
        longest: usize,
        now: Instant,
    ) {
        let bottleneck = Bottleneck::new(width, longest, now);
        self.bottlenecks.insert(destination, bottleneck);
    }

    /// How long what is sent to somebody now waits.
    pub(crate) fn wait(&self, destination: SocketAddr, now: Instant) -> Duration {
        let bottleneck = self.bottlenecks.get(&destination);
        bottleneck.map_or(Duration::ZERO, |bottleneck| bottleneck.wait(now))
    }

    /// From now on, no such packet of somebody arrives.
    pub(crate) fn sink(&mut self, source: SocketAddr, pick: fn(&Packet) -> bool) {
        self.sinks.push(Trap { source, pick });
    }

    /// The next such packet of somebody doesn't arrive, but can be had from [`Network::captured`].
    pub(crate) fn capture(&mut self, source: SocketAddr, pick: fn(&Packet) -> bool) {
        self.capture = Some(Trap { source, pick });
    }

    pub(crate) fn captured(&mut self) -> Option<Packet> {
        self.captured.take()
    }

    pub(crate) fn send(&mut self, now: Instant, packet: Packet) {
        if self
            .capture
            .as_ref()
            .is_some_and(|trap| trap.takes(&packet))
        {
            self.capture = None;
            self.captured = Some(packet);
            return;
        }
        if self.sinks.iter().any(|sink| sink.takes(&packet)) {
            return;
        }
        self.sent += 1;
        if self.random.next_u32() % 1_000 < self.weather.loss {
            return;
        }
        let jitter = self.weather.jitter * (self.random.next_u32() % 1_000) / 1_000;
        let sent = match self.bottlenecks.get_mut(&packet.destination) {
            Some(bottleneck) => bottleneck.pass(now, packet.contents.len()),
            None => Some(now),
        };
        let Some(sent) = sent else {
            return;
        };
        let at = sent + self.weather.delay + jitter;
        self.under_way.insert((at, self.sent), packet);
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn arrived(&mut self, now: Instant) -> Option<Packet> {
        let entry = self.under_way.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
