//! A scenario from the first join to the last count.

use crate::engine::Engine;
use crate::peer::Peer;
use anyhow::{Result, bail};
use mio::{Events, Interest, Poll, Token};
use std::path::Path;
use std::time::{Duration, Instant};
use str0m::media::MediaKind;

/// How long all peers may take until they receive all others.
const SETUP: Duration = Duration::from_secs(60);
/// How often peers poll until then.
const POLL: Duration = Duration::from_millis(500);
/// Between the set-up and the measurement.
const REST: Duration = Duration::from_secs(2);

/// Who sends what to whom.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) rooms: usize,
    pub(crate) peers: usize,
    /// How many of a room's peers send.
    pub(crate) senders: usize,
    pub(crate) kind: MediaKind,
    /// Bytes of a packet.
    pub(crate) size: usize,
    /// Between two packets of a sender.
    pub(crate) interval: Duration,
}

impl Scenario {
    pub(crate) const ALL: [Self; 5] = [
        Self::audio("2 rooms of 10, audio", 2, 10, 10),
        Self::audio("6 rooms of 10, audio", 6, 10, 10),
        Self::audio("1 room of 20, audio", 1, 20, 20),
        Self::audio("1 to 60, audio", 1, 61, 1),
        Self {
            name: "1 to 30, video",
            rooms: 1,
            peers: 31,
            senders: 1,
            kind: MediaKind::Video,
            size: 1_100,
            interval: Duration::from_millis(4),
        },
    ];

    const fn audio(name: &'static str, rooms: usize, peers: usize, senders: usize) -> Self {
        Self {
            name,
            rooms,
            peers,
            senders,
            kind: MediaKind::Audio,
            size: 100,
            interval: Duration::from_millis(20),
        }
    }

    fn ticks(&self) -> u64 {
        match self.kind {
            MediaKind::Audio => 960,
            MediaKind::Video => 360,
        }
    }
}

/// What was measured.
pub(crate) struct Outcome {
    pub(crate) packets_per_second: f64,
    pub(crate) cpu_per_packet: Duration,
    pub(crate) loss: f64,
    pub(crate) delays: Vec<Duration>,
    pub(crate) kib_per_peer: f64,
}

struct Generator<'a> {
    scenario: &'a Scenario,
    peers: Vec<Peer>,
    poll: Poll,
    events: Events,
    next_frame: Vec<Instant>,
}

pub(crate) fn run(
    kraken: &Path,
    workers: usize,
    scenario: &Scenario,
    window: Duration,
) -> Result<Outcome> {
    let engine = Engine::start(kraken, workers)?;
    let empty = engine.resident()?;
    let mut generator = Generator::new(scenario)?;
    generator.set_up(&engine)?;
    generator.play(REST)?;
    for peer in &mut generator.peers {
        peer.count();
    }
    let (before, started) = (engine.usage()?, Instant::now());
    generator.play(window)?;
    let (after, elapsed) = (engine.usage()?, started.elapsed());
    let packets = after.packets_out - before.packets_out;
    let counts = generator.peers.iter().map(Peer::counted);
    let (came, all) = counts.fold((0, 0), |(came, all), (c, a)| (came + c, all + a));
    let mut delays: Vec<Duration> = generator
        .peers
        .iter_mut()
        .flat_map(|peer| std::mem::take(&mut peer.delays))
        .collect();
    delays.sort();
    #[expect(clippy::cast_precision_loss, reason = "counts of packets and peers")]
    Ok(Outcome {
        packets_per_second: packets / elapsed.as_secs_f64(),
        cpu_per_packet: (after.cpu - before.cpu).div_f64(packets.max(1.0)),
        loss: 1.0 - came as f64 / all.max(1) as f64,
        delays,
        kib_per_peer: (engine.resident()? - empty) / generator.peers.len() as f64,
    })
}

impl<'a> Generator<'a> {
    fn new(scenario: &'a Scenario) -> Result<Self> {
        Ok(Self {
            scenario,
            peers: Vec::new(),
            poll: Poll::new()?,
            events: Events::with_capacity(1_024),
            next_frame: Vec::new(),
        })
    }

    /// Lets all join, and waits until all receive all senders.
    fn set_up(&mut self, engine: &Engine) -> Result<()> {
        let start = Instant::now();
        for room in 0..self.scenario.rooms {
            for place in 0..self.scenario.peers {
                let (room, user) = (format!("room-{room}"), format!("user-{place}"));
                // The last one of a room decrypts: it doesn't send in any scenario with few.
                let is_probe = place + 1 == self.scenario.peers;
                let kind = self.scenario.kind;
                let mut peer = Peer::join(engine, &room, &user, kind, is_probe, start)?;
                let token = Token(self.peers.len());
                let registry = self.poll.registry();
                registry.register(&mut peer.socket, token, Interest::READABLE)?;
                self.peers.push(peer);
                self.next_frame.push(Instant::now());
                self.play(Duration::from_millis(1))?;
            }
        }
        while !self.is_set_up() {
            if start.elapsed() > SETUP {
                bail!("after {SETUP:?}, not everybody hears everybody");
            }
            for at in 0..self.peers.len() {
                self.peers[at].subscribe(engine)?;
                self.play(Duration::from_millis(1))?;
            }
            self.play(POLL)?;
        }
        Ok(())
    }

    fn is_set_up(&self) -> bool {
        let Scenario { peers, senders, .. } = *self.scenario;
        self.peers.iter().enumerate().all(|(at, peer)| {
            let is_sender = at % peers < senders;
            peer.is_connected() && peer.streams() >= senders - usize::from(is_sender)
        })
    }

    /// Sends and receives for a while.
    fn play(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let now = Instant::now();
            let frames = self.next_frame.iter().min().copied().unwrap_or(end);
            let wait = frames.min(end).saturating_duration_since(now);
            self.poll
                .poll(&mut self.events, Some(wait.min(Duration::from_millis(5))))?;
            for event in &self.events {
                self.peers[event.token().0].receive()?;
            }
            self.send_due()?;
        }
        Ok(())
    }

    fn send_due(&mut self) -> Result<()> {
        let now = Instant::now();
        let Scenario {
            peers,
            senders,
            size,
            interval,
            ..
        } = *self.scenario;
        let ticks = self.scenario.ticks();
        for (at, peer) in self.peers.iter_mut().enumerate() {
            if self.next_frame[at] <= now {
                self.next_frame[at] = now + interval;
                if at % peers < senders {
                    peer.send(size, ticks)?;
                }
            }
            if peer.timeout <= now {
                peer.tick(now)?;
            }
        }
        Ok(())
    }
}
