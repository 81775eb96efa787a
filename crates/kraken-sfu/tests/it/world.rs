//! An SFU, its clients, and the time they live in.

use crate::client::Client;
use crate::network::{Network, Packet, Weather};
use kraken_sfu::{Config, Datagram, Error, RoomId, Sfu, Transport};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::media::MediaKind;

/// Where clients find the SFU.
pub(crate) const SFU: &str = "192.0.2.1:7000";
/// How often the original's pages poll.
pub(crate) const POLL: Duration = Duration::from_secs(3);

pub(crate) const AUDIO: &[MediaKind] = &[MediaKind::Audio];
pub(crate) const BOTH: &[MediaKind] = &[MediaKind::Audio, MediaKind::Video];

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) sfu: Sfu,
    pub(crate) clients: BTreeMap<String, Client>,
    pub(crate) network: Network,
    polls: BTreeMap<String, Instant>,
    joined: u16,
    capture: Option<Capture>,
}

/// A packet that is to be taken off the network.
struct Capture {
    source: SocketAddr,
    pick: fn(&Packet) -> bool,
    found: Option<Packet>,
}

impl World {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        let now = Instant::now();
        let config = Config {
            udp: vec![SFU.parse().unwrap()],
            ..Config::default()
        };
        Self {
            now,
            sfu: Sfu::new(config, now),
            clients: BTreeMap::new(),
            network: Network::new(seed, weather),
            polls: BTreeMap::new(),
            joined: 0,
            capture: None,
        }
    }

    /// A world in which these users have joined.
    pub(crate) fn with(seed: u64, weather: Weather, users: &[&str], kinds: &[MediaKind]) -> Self {
        let mut world = Self::new(seed, weather);
        for user in users {
            world.join(user, kinds);
        }
        world
    }

    pub(crate) fn join(&mut self, user: &str, kinds: &[MediaKind]) {
        self.joined += 1;
        let joined = Client::join(&mut self.sfu, self.now, self.joined, user, kinds);
        self.clients.insert(user.to_owned(), joined.unwrap());
        self.polls.insert(user.to_owned(), self.now);
        self.carry();
    }

    /// The user's machine is gone without a word.
    pub(crate) fn kill(&mut self, user: &str) -> Client {
        self.polls.remove(user);
        self.clients.remove(user).unwrap()
    }

    pub(crate) fn end(&mut self, user: &str) {
        let who = self.clients[user].who.clone();
        self.sfu.end(self.now, &who).unwrap();
        self.polls.remove(user);
        self.carry();
    }

    /// The client looks for new network paths.
    pub(crate) fn restart(&mut self, user: &str) {
        let client = self.clients.get_mut(user).unwrap();
        client.restart(&mut self.sfu, self.now);
        self.carry();
    }

    /// The client no longer polls by itself.
    pub(crate) fn stop_polling(&mut self, user: &str) {
        self.polls.remove(user);
    }

    pub(crate) fn subscribe(&mut self, user: &str) -> Result<bool, Error> {
        let client = self.clients.get_mut(user).unwrap();
        let subscribed = client.subscribe(&mut self.sfu, self.now);
        self.carry();
        subscribed
    }

    pub(crate) fn client(&self, user: &str) -> &Client {
        &self.clients[user]
    }

    pub(crate) fn client_mut(&mut self, user: &str) -> &mut Client {
        self.clients.get_mut(user).unwrap()
    }

    pub(crate) fn members(&self) -> Vec<String> {
        let room = RoomId::parse("room").unwrap();
        let members = self.sfu.list(self.now, &room);
        members
            .iter()
            .map(|member| member.user.to_string())
            .collect()
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let clients = self.clients.values().map(Client::next);
            let next = clients
                .chain(self.network.next())
                .chain(self.polls.values().copied())
                .fold(self.sfu.poll_timeout(), Instant::min);
            self.now = next.max(self.now + Duration::from_micros(100)).min(end);
            self.step();
        }
    }

    /// Sends a datagram to the SFU from anywhere. True if it was taken.
    pub(crate) fn inject(&mut self, source: SocketAddr, contents: &[u8]) -> bool {
        let datagram = Datagram {
            transport: Transport::Udp,
            source,
            destination: SFU.parse().unwrap(),
            contents,
        };
        let taken = self.sfu.handle_datagram(self.now, &datagram);
        self.carry();
        taken
    }

    /// The next such packet of a client doesn't arrive, but can be taken.
    pub(crate) fn capture(&mut self, user: &str, pick: fn(&Packet) -> bool) {
        self.capture = Some(Capture {
            source: self.client(user).address,
            pick,
            found: None,
        });
    }

    pub(crate) fn captured(&mut self) -> Option<Packet> {
        let captured = self.capture.as_mut()?.found.take()?;
        self.capture = None;
        Some(captured)
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(packet) = self.network.arrived(now) {
            self.deliver(&packet);
        }
        self.sfu.handle_timeout(now);
        for client in self.clients.values_mut() {
            if client.next() <= now {
                client.tick(now);
            }
        }
        let due = self.polls.iter_mut().filter(|(_, poll)| **poll <= now);
        for (user, poll) in due {
            *poll = now + POLL;
            let client = self.clients.get_mut(user).unwrap();
            client.subscribe(&mut self.sfu, now).unwrap();
        }
        self.carry();
    }

    fn deliver(&mut self, packet: &Packet) {
        if packet.destination.to_string() == SFU {
            let datagram = Datagram {
                transport: Transport::Udp,
                source: packet.source,
                destination: packet.destination,
                contents: &packet.contents,
            };
            self.sfu.handle_datagram(self.now, &datagram);
            return;
        }
        let mut clients = self.clients.values_mut();
        if let Some(client) = clients.find(|client| client.address == packet.destination) {
            client.receive(self.now, packet);
        }
    }

    /// Puts everything that anybody wants to send onto the network.
    fn carry(&mut self) {
        self.sfu.flush(self.now);
        while let Some(transmit) = self.sfu.poll_transmit() {
            let packet = Packet {
                source: transmit.source,
                destination: transmit.destination,
                contents: transmit.contents,
            };
            self.network.send(self.now, packet);
        }
        for client in self.clients.values_mut() {
            for packet in client.take_packets() {
                match &mut self.capture {
                    Some(capture) if capture.takes(&packet) => capture.found = Some(packet),
                    Some(_) | None => self.network.send(self.now, packet),
                }
            }
        }
    }
}

impl Capture {
    fn takes(&self, packet: &Packet) -> bool {
        self.found.is_none() && self.source == packet.source && (self.pick)(packet)
    }
}
