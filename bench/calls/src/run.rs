//! A scenario from the first join to the last count.

use crate::connection::Connection;
use crate::network::Network;
use crate::scenario::Scenario;
use crate::server::{Seat, Server};
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// How long all peers may take until they receive all others.
const SETUP: Duration = Duration::from_secs(60);
/// How often peers look for others until then.
const LOOK: Duration = Duration::from_millis(500);
/// Between the set-up and the measurement.
const REST: Duration = Duration::from_secs(2);
/// How long a new peer may wait for its first packet.
const FIRST_PACKET: Duration = Duration::from_secs(10);
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
}

/// How long it takes until others are heard, and are known to be gone.
pub(crate) struct Changes {
    /// From the call that joins to the first packet of somebody else: the median of some.
    pub(crate) first_packet: Duration,
    /// From the last packet of somebody who vanishes until others are told.
    pub(crate) gone: Duration,
}

pub(crate) fn measure<S: Server>(
    mut server: S,
    scenario: &Scenario,
    window: Duration,
) -> Result<Outcome> {
    let empty = server.process().resident()?;
    let mut network = Network::new(scenario.media, server.address())?;
    let members = set_up(&mut server, &mut network, scenario)?;
    network.play(REST)?;
    network.connections().for_each(Connection::count);
    let (before, started) = (server.process().cpu()?, Instant::now());
    network.play(window)?;
    let (after, elapsed) = (server.process().cpu()?, started.elapsed());
    if !is_set_up::<S>(&mut network, scenario, &members) {
        bail!("not everybody heard everybody to the end");
    }
    let counts = network.connections().map(|connection| connection.counted());
    let (came, all) = counts.fold((0, 0), |(came, all), (c, a)| (came + c, all + a));
    let delays = network
        .connections()
        .flat_map(|connection| std::mem::take(&mut connection.delays));
    let mut delays: Vec<Duration> = delays.collect();
    delays.sort();
    #[expect(clippy::cast_precision_loss, reason = "counts of packets and peers")]
    Ok(Outcome {
        packets_per_second: came as f64 / elapsed.as_secs_f64(),
        cpu_per_packet: (after - before).div_f64(came.max(1) as f64),
        loss: 1.0 - came as f64 / all.max(1) as f64,
        delays,
        kib_per_peer: (server.process().resident()? - empty) / members.len() as f64,
    })
}

pub(crate) fn changes<S: Server>(mut server: S) -> Result<Changes> {
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
    for key in S::sending(&gone).into_iter().chain(S::receiving(&gone)) {
        network.cut(key);
    }
    server.wait_for_leave(&mut network, &mut members[0], &gone)?;
    Ok(Changes {
        first_packet: waits[COMERS / 2],
        gone: started.elapsed(),
    })
}

/// Lets all join, and waits until all receive all senders.
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
                is_probe: place + 1 == scenario.peers,
            };
            members.push(server.join(network, seat)?);
            network.play(Duration::from_millis(1))?;
        }
    }
    network.play(LOOK)?;
    while !is_set_up::<S>(network, scenario, &members) {
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

/// Whether all receive all senders, since they joined or began to count.
fn is_set_up<S: Server>(network: &mut Network, scenario: &Scenario, members: &[S::Member]) -> bool {
    let mut members = members.iter().enumerate();
    members.all(|(at, member)| {
        let is_sender = at % scenario.peers < scenario.senders;
        let others = scenario.senders - usize::from(is_sender);
        let streams = S::receiving(member).map_or(0, |key| network.at(key).streams());
        streams >= others
    })
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
