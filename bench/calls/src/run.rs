//! A scenario from the first join to the last count.

use crate::connection::Connection;
use crate::network::Network;
use crate::scenario::Scenario;
use crate::server::{Layered, Leaving, Seat, Server};
use crate::video::Layer;
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// How long all peers may take until they receive all others.
const SETUP: Duration = Duration::from_secs(60);
/// How long a server that estimates what connections hold is waited for: on a busy machine some
/// estimates stay too low for the largest picture.
const ESTIMATES: Duration = Duration::from_secs(20);
/// How often peers look for others until then.
const LOOK: Duration = Duration::from_millis(500);
/// Between the set-up and the measurement.
const REST: Duration = Duration::from_secs(2);
/// How long a new peer may wait for its first packet.
const FIRST_PACKET: Duration = Duration::from_secs(10);
/// How often peers attend to what servers say.
const ATTENTION: Duration = Duration::from_secs(1);
/// Between two switches: longer than a publisher is spared requests for keyframes.
const SETTLE: Duration = Duration::from_millis(600);
/// How long a receiver waits for a layer at most.
const SWITCH: Duration = Duration::from_secs(10);
/// How often somebody comes.
const COMERS: usize = 5;

/// What was measured.
pub(crate) struct Outcome {
    pub(crate) packets_per_second: f64,
    pub(crate) cpu_per_packet: Duration,
    pub(crate) loss: f64,
    /// Sorted.
    pub(crate) delays: Vec<Duration>,
    pub(crate) kib_per_peer: f64,
    /// Of all pairs of a sender and a receiver, those in which the largest picture comes.
    pub(crate) largest: f64,
}

/// How long it takes until others are heard, and are known to be gone.
pub(crate) struct Changes {
    /// From the call that joins to the first packet of somebody else: the median of some.
    pub(crate) first_packet: Duration,
    /// From the last packet of somebody who vanishes until others are told.
    pub(crate) gone: Duration,
}

/// How long it takes until another layer comes: each sorted.
#[derive(Default)]
pub(crate) struct Switches {
    /// From a smaller picture to the largest.
    pub(crate) up: Vec<Duration>,
    /// From the largest picture to the smallest.
    pub(crate) down: Vec<Duration>,
}

/// A server and all who are in its rooms.
pub(crate) struct Session<'a, S: Server> {
    server: S,
    network: Network,
    members: Vec<S::Member>,
    pub(crate) scenario: &'a Scenario,
    /// KiB that the server had before anybody came.
    empty: f64,
}

impl<'a, S: Server> Session<'a, S> {
    /// Lets all join, and waits until all receive all senders.
    pub(crate) fn start(mut server: S, scenario: &'a Scenario) -> Result<Self> {
        let empty = server.process().resident()?;
        let mut network = Network::new(scenario.media, server.address())?;
        let members = set_up(&mut server, &mut network, scenario)?;
        Ok(Self {
            server,
            network,
            members,
            scenario,
            empty,
        })
    }

    pub(crate) fn measure(&mut self, window: Duration) -> Result<Outcome> {
        self.play(REST)?;
        self.network.connections().for_each(Connection::count);
        let (before, started) = (self.server.process().cpu()?, Instant::now());
        self.play(window)?;
        let (after, elapsed) = (self.server.process().cpu()?, started.elapsed());
        let network = &mut self.network;
        let largest = largest::<S>(network, self.scenario, &self.members);
        if largest < 1.0 && !self.scenario.is_estimated {
            bail!("not everybody heard everybody to the end");
        }
        let counts = network.connections().map(|connection| connection.counted());
        let (came, all) = counts.fold((0, 0), |(came, all), (c, a)| (came + c, all + a));
        let delays = network
            .connections()
            .flat_map(|connection| std::mem::take(&mut connection.delays));
        let mut delays: Vec<Duration> = delays.collect();
        delays.sort();
        let resident = self.server.process().resident()?;
        #[expect(clippy::cast_precision_loss, reason = "counts of packets and peers")]
        Ok(Outcome {
            packets_per_second: came as f64 / elapsed.as_secs_f64(),
            cpu_per_packet: (after - before).div_f64(came.max(1) as f64),
            loss: 1.0 - came as f64 / all.max(1) as f64,
            delays,
            kib_per_peer: (resident - self.empty) / self.members.len() as f64,
            largest,
        })
    }

    /// Lets media go on for a while.
    fn play(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        loop {
            for member in &mut self.members {
                self.server.attend(&mut self.network, member)?;
            }
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(());
            }
            self.network.play(rest.min(ATTENTION))?;
        }
    }
}

impl<S: Layered> Session<'_, S> {
    /// Lets those who receive the largest picture ask for the smallest, and for the largest again,
    /// one after the other.
    pub(crate) fn switch(&mut self, rounds: u32) -> Result<Switches> {
        let highest = self.scenario.media.highest();
        let mut members: Vec<usize> = (0..self.members.len()).collect();
        members.retain(|member| self.layer(*member) == Some(highest));
        let mut switches = Switches::default();
        for (member, round) in members.into_iter().cycle().zip(0..rounds) {
            // Not always in the same moment between two frames.
            let rest = SETTLE + self.scenario.media.interval * round / rounds;
            self.play(rest)?;
            switches.down.push(self.ask(member, Layer::default())?);
            self.play(rest)?;
            switches.up.push(self.ask(member, highest)?);
        }
        switches.down.sort();
        switches.up.sort();
        Ok(switches)
    }

    /// Lets a receiver ask for a layer, and gives the time until its first packet.
    fn ask(&mut self, member: usize, layer: Layer) -> Result<Duration> {
        let start = Instant::now();
        self.server.ask(&mut self.members[member], layer)?;
        while self.layer(member) != Some(layer) && start.elapsed() < SWITCH {
            self.network.step()?;
        }
        Ok(start.elapsed())
    }

    /// The layer in which the first video of a receiver comes.
    fn layer(&mut self, member: usize) -> Option<Layer> {
        let member = &self.members[member];
        let connection = self.network.at(S::receiving(member)?);
        connection.layer(S::first(member)?)
    }
}

pub(crate) fn changes<S: Leaving>(mut server: S) -> Result<Changes> {
    let scenario = Scenario::COMING_AND_GOING;
    let mut network = Network::new(scenario.media, server.address())?;
    let mut members = set_up(&mut server, &mut network, &scenario)?;
    let mut waits = Vec::new();
    for comer in 0..COMERS {
        network.play(REST)?;
        let seat = Seat {
            room: 0,
            place: scenario.peers + comer,
            sends: false,
            is_probe: false,
        };
        waits.push(first_packet(&mut server, &mut network, seat)?);
    }
    waits.sort();
    while server.subscribe(&mut network, &mut members[0])? {
        network.play(LOOK)?;
    }
    let Some(gone) = members.pop() else {
        bail!("nobody is there");
    };
    let started = Instant::now();
    for key in S::connections(&gone) {
        network.cut(key);
    }
    server.wait_for_leave(&mut network, &mut members[0], &gone)?;
    Ok(Changes {
        first_packet: waits[COMERS / 2],
        gone: started.elapsed(),
    })
}

/// Lets all join, and waits until all receive all senders as large as they are sent.
fn set_up<S: Server>(
    server: &mut S,
    network: &mut Network,
    scenario: &Scenario,
) -> Result<Vec<S::Member>> {
    let start = Instant::now();
    let mut members = Vec::new();
    for room in 0..scenario.rooms {
        for place in 0..scenario.peers {
            let seat = Seat {
                room,
                place,
                sends: place < scenario.senders,
                // The last one of a room: it doesn't send where only some do.
                is_probe: scenario.is_estimated || place + 1 == scenario.peers,
            };
            members.push(server.join(network, seat)?);
            network.play(Duration::from_millis(1))?;
        }
    }
    network.play(LOOK)?;
    while largest::<S>(network, scenario, &members) < 1.0 {
        if scenario.is_estimated && start.elapsed() > ESTIMATES {
            break;
        }
        if start.elapsed() > SETUP {
            bail!("after {SETUP:?}, not everybody hears everybody");
        }
        for member in &mut members {
            server.subscribe(network, member)?;
            network.play(Duration::from_millis(1))?;
        }
        network.play(LOOK)?;
    }
    Ok(members)
}

/// How much of what all should receive has come, since they joined or began to count, as large as
/// it is sent.
fn largest<S: Server>(network: &mut Network, scenario: &Scenario, members: &[S::Member]) -> f64 {
    let highest = scenario.media.highest();
    let (mut come, mut wanted) = (0, 0);
    for (at, member) in members.iter().enumerate() {
        let is_sender = at % scenario.peers < scenario.senders;
        let others = scenario.senders - usize::from(is_sender);
        let streams = S::receiving(member).map_or(0, |key| network.at(key).streams_in(highest));
        come += streams.min(others);
        wanted += others;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of streams")]
    let share = come as f64 / wanted as f64;
    share
}

/// Lets somebody join, and gives the time until the first packet of somebody else.
fn first_packet<S: Server>(server: &mut S, network: &mut Network, seat: Seat) -> Result<Duration> {
    let start = Instant::now();
    let mut member = server.join(network, seat)?;
    server.subscribe(network, &mut member)?;
    while S::receiving(&member).is_none_or(|key| network.at(key).streams() == 0) {
        if start.elapsed() > FIRST_PACKET {
            bail!("after {FIRST_PACKET:?}, who has joined hears nobody");
        }
        network.step()?;
    }
    Ok(start.elapsed())
}
