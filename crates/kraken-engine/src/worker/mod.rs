//! A thread that owns rooms, their sockets, and nothing of anybody else.

mod handle;
mod load;
mod streams;
mod udp;

pub(crate) use handle::{Handle, NewStream, Overloaded, Report, Seed};
pub(crate) use load::{DELAY_BOUNDS, Load, LoadSnapshot};
pub(crate) use streams::split_frames;

use crate::calls::Desk;
use crate::directory::{Directory, WorkerIndex};
use crate::placement::Placement;
use crate::recording::Recorder;
use handle::{Command, Question, Stray};
use kraken_sfu::{
    Config as SfuConfig, Datagram, Event, RoomId, Sfu, Transmit, Transport, asked_for,
};
use mio::{Events, Poll, Token};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use streams::Streams;
use udp::UdpPort;

/// Batches of datagrams that are read before anything else is looked at.
const ROUNDS: usize = 8;
/// How often the worker publishes what it counts.
const REPORT: Duration = Duration::from_secs(1);
/// Senders whose packets arrive here but belong to other workers. Beyond that all are forgotten,
/// and learnt again from their next connectivity checks.
const MOST_STRAYS: usize = 65_536;

/// What a worker needs to know of the others.
pub(crate) struct Surroundings {
    pub(crate) index: WorkerIndex,
    pub(crate) workers: Vec<Handle>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) placement: Arc<Placement>,
    pub(crate) recorder: Option<Recorder>,
}

pub(crate) struct Worker {
    poll: Poll,
    commands: Receiver<Command>,
    handle: Handle,
    surroundings: Surroundings,
    sfu: Sfu,
    desk: Desk,
    ports: Vec<UdpPort>,
    streams: Streams,
    strays: HashMap<SocketAddr, WorkerIndex>,
    load: Load,
    reported: Instant,
    is_stopping: bool,
}

impl Worker {
    /// Runs until it is stopped. `sockets` are the worker's own, each with the address by which
    /// clients know it.
    pub(crate) fn run(
        seed: Seed,
        surroundings: Surroundings,
        config: SfuConfig,
        sockets: Vec<(UdpSocket, SocketAddr)>,
    ) -> io::Result<()> {
        let now = Instant::now();
        let mut ports = Vec::new();
        for (index, (socket, announced)) in sockets.into_iter().enumerate() {
            let registry = seed.poll.registry();
            ports.push(UdpPort::new(socket, announced, registry, Token(index))?);
        }
        let streams = Streams::new(ports.len());
        let mut worker = Self {
            poll: seed.poll,
            commands: seed.commands,
            handle: seed.handle,
            surroundings,
            sfu: Sfu::new(config, now),
            desk: Desk::default(),
            ports,
            streams,
            strays: HashMap::new(),
            load: Load::default(),
            reported: now,
            is_stopping: false,
        };
        worker.work()
    }

    fn work(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1_024);
        while !self.is_stopping {
            self.wait(&mut events)?;
            let now = Instant::now();
            self.load.wake(now);
            let packets = self.sfu.packets_out();
            self.receive(now);
            self.obey(now);
            self.sfu.handle_timeout(now);
            self.sfu.flush(now);
            self.send();
            self.tell();
            self.record();
            let packets = self.sfu.packets_out() - packets;
            self.load.sleep(now, Instant::now(), packets);
            self.publish(now);
        }
        Ok(())
    }

    /// Waits until there is something to do.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let is_behind = self.ports.iter().any(UdpPort::is_readable) || self.streams.is_readable();
        let timeout = match is_behind {
            true => Duration::ZERO,
            false => self
                .sfu
                .poll_timeout()
                .saturating_duration_since(Instant::now()),
        };
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in events.iter() {
            if let Some(port) = self.ports.get_mut(event.token().0) {
                port.wake();
            } else {
                self.streams.wake(event);
            }
        }
        Ok(())
    }

    fn receive(&mut self, now: Instant) {
        let Self {
            ports,
            sfu,
            strays,
            surroundings,
            streams,
            ..
        } = self;
        let mut outgoing: Vec<Vec<Stray>> = Vec::new();
        outgoing.resize_with(surroundings.workers.len(), Vec::new);
        for port in ports {
            let destination = port.announced();
            port.receive(ROUNDS, |source, contents| {
                match owner(surroundings, strays, source, contents) {
                    Some(other) => outgoing[other].push(Stray {
                        source,
                        destination,
                        contents: contents.to_vec(),
                    }),
                    None => {
                        sfu.handle_datagram(
                            now,
                            &Datagram {
                                transport: Transport::Udp,
                                source,
                                destination,
                                contents,
                            },
                        );
                    }
                }
            });
        }
        for (worker, strays) in surroundings.workers.iter().zip(outgoing) {
            if !strays.is_empty() {
                // An overloaded worker loses packets, as a full socket buffer would.
                let _ = worker.send(Command::Strays(strays));
            }
        }
        streams.receive(now, |source, destination, contents| {
            let datagram = Datagram {
                transport: Transport::Tcp,
                source,
                destination,
                contents,
            };
            sfu.handle_datagram(now, &datagram);
        });
    }

    fn obey(&mut self, now: Instant) {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Ask(question) => self.answer(question, now),
                Command::Strays(strays) => {
                    for stray in strays {
                        let datagram = Datagram {
                            transport: Transport::Udp,
                            source: stray.source,
                            destination: stray.destination,
                            contents: &stray.contents,
                        };
                        self.sfu.handle_datagram(now, &datagram);
                    }
                }
                Command::Stream(stream) => self.streams.adopt(now, stream, self.poll.registry()),
                Command::Stop => self.is_stopping = true,
            }
        }
    }

    /// A bug that a request finds must not end the calls of others.
    fn answer(&mut self, question: Question, now: Instant) {
        let Self { desk, sfu, .. } = self;
        if catch_unwind(AssertUnwindSafe(|| question(desk, sfu, now))).is_err() {
            tracing::error!("a request has panicked: please report this");
        }
    }

    fn send(&mut self) {
        while let Some(transmit) = self.sfu.poll_transmit() {
            let Transmit {
                transport,
                source,
                destination,
                contents,
            } = transmit;
            match transport {
                Transport::Tcp => self.streams.send(destination, &contents),
                Transport::Udp => {
                    let mut ports = self.ports.iter_mut();
                    if let Some(port) = ports.find(|port| port.announced() == source) {
                        port.queue(destination, contents);
                    }
                }
            }
        }
        for port in &mut self.ports {
            self.load.unsent += port.send();
        }
        self.streams.flush();
    }

    /// Tells the other workers who is here, and members of calls what has happened.
    fn tell(&mut self) {
        let Surroundings {
            index, directory, ..
        } = &self.surroundings;
        while let Some(event) = self.sfu.poll_event() {
            match event {
                Event::Named(name) => directory.add(name, *index),
                Event::Unnamed(name) => directory.remove(&name),
                Event::Call(event) => self.desk.hear(&self.sfu, event),
            }
        }
    }

    /// Hands what is published in recorded rooms to the recorder.
    fn record(&mut self) {
        let Surroundings {
            index, recorder, ..
        } = &self.surroundings;
        while let Some(tap) = self.sfu.poll_tap() {
            if let Some(recorder) = recorder {
                recorder.tap(*index, tap);
            }
        }
        while let Some(room) = self.desk.poll_closed() {
            if let Some(recorder) = recorder {
                recorder.close(&room);
            }
        }
    }

    /// Rooms that are empty by now may open elsewhere the next time.
    fn forget_rooms(&self) {
        let Surroundings {
            index, placement, ..
        } = &self.surroundings;
        let rooms: BTreeSet<&RoomId> = self.sfu.rooms().collect();
        placement.sweep(*index, |room| rooms.contains(room));
    }

    fn publish(&mut self, now: Instant) {
        if now >= self.reported + REPORT {
            self.reported = now;
            self.streams.drop_silent(now);
            self.forget_rooms();
            self.desk.check(&mut self.sfu, now);
            *self.handle.report.lock() = Report {
                stats: self.sfu.stats(),
                load: self.load.snapshot(now),
                calls: self.desk.counts(),
                rooms: self.sfu.rooms().map(RoomId::to_string).collect(),
            };
        }
    }
}

/// The other worker to whom a datagram belongs, if it isn't this one.
///
/// The system spreads senders over the workers' sockets, each sender to one. A connectivity check
/// says whom it is for; what else comes from there goes the same way.
fn owner(
    surroundings: &Surroundings,
    strays: &mut HashMap<SocketAddr, WorkerIndex>,
    source: SocketAddr,
    contents: &[u8],
) -> Option<WorkerIndex> {
    if surroundings.workers.len() == 1 {
        return None;
    }
    let Some(name) = asked_for(contents) else {
        return strays.get(&source).copied();
    };
    let worker = surroundings.directory.worker(&name)?;
    if worker == surroundings.index {
        strays.remove(&source);
        return None;
    }
    if strays.len() >= MOST_STRAYS {
        strays.clear();
    }
    strays.insert(source, worker);
    Some(worker)
}
