//! An SFU, its clients, the network between them, and the time they live in.

use crate::client::Client;
use crate::network::{Network, Packet, Weather};
use kraken_sfu::{CallEvent, Config, Datagram, Event, Limits, News, Sfu, Transport};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Where clients find the SFU.
pub(crate) const SFU: &str = "192.0.2.1:7000";

pub(crate) struct World<C> {
    pub(crate) now: Instant,
    pub(crate) sfu: Sfu,
    pub(crate) clients: BTreeMap<String, C>,
    pub(crate) network: Network,
    /// What everybody in a call was told, and when.
    pub(crate) news: Vec<(Instant, News)>,
    joined: u16,
}

impl<C: Client> World<C> {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        Self::limited(seed, weather, Limits::default())
    }

    pub(crate) fn limited(seed: u64, weather: Weather, limits: Limits) -> Self {
        let now = Instant::now();
        let config = Config {
            udp: vec![SFU.parse().unwrap()],
            limits,
            ..Config::default()
        };
        Self {
            now,
            sfu: Sfu::new(config, now),
            clients: BTreeMap::new(),
            network: Network::new(seed, weather),
            news: Vec::new(),
            joined: 0,
        }
    }

    pub(crate) fn client(&self, user: &str) -> &C {
        &self.clients[user]
    }

    pub(crate) fn client_mut(&mut self, user: &str) -> &mut C {
        self.clients.get_mut(user).unwrap()
    }

    /// A number that no other client has.
    pub(crate) fn next_index(&mut self) -> u16 {
        self.joined += 1;
        self.joined
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let clients = self.clients.values().map(Client::next);
            let next = clients
                .chain(self.network.next())
                .fold(self.sfu.poll_timeout(), Instant::min);
            self.now = next.max(self.now + Duration::from_micros(100)).min(end);
            self.step();
        }
    }

    /// Sends a datagram to the SFU from anywhere. True if it was taken.
    pub(crate) fn inject(&mut self, source: SocketAddr, contents: &[u8]) -> bool {
        let destination = SFU.parse().unwrap();
        let taken = self.hand_over(source, destination, contents);
        self.carry();
        taken
    }

    /// Takes the next such packet of a client off the network.
    pub(crate) fn capture(&mut self, user: &str, pick: fn(&Packet) -> bool) -> Packet {
        let source = self.client(user).connection().address;
        self.network.capture(source, pick);
        loop {
            self.run(Duration::from_millis(1));
            if let Some(packet) = self.network.captured() {
                return packet;
            }
        }
    }

    /// Tells what is to be told, and puts everything that anybody wants to send onto the network.
    pub(crate) fn carry(&mut self) {
        self.flush();
        while let Some(event) = self.sfu.poll_event() {
            if let Event::Call(CallEvent { news, .. }) = event {
                self.tell(news);
                self.flush();
            }
        }
        while let Some(transmit) = self.sfu.poll_transmit() {
            let packet = Packet {
                source: transmit.source,
                destination: transmit.destination,
                contents: transmit.contents,
            };
            self.network.send(self.now, packet);
        }
        for client in self.clients.values_mut() {
            for packet in client.connection_mut().take_packets() {
                self.network.send(self.now, packet);
            }
        }
    }

    fn flush(&mut self) {
        // One member of a call is told at a time.
        for _ in 0..=self.clients.len() {
            self.sfu.flush(self.now);
        }
    }

    fn tell(&mut self, news: News) {
        for client in self.clients.values_mut() {
            client.hear(&mut self.sfu, self.now, &news);
        }
        self.news.push((self.now, news));
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
                client.ask(&mut self.sfu, now);
            }
        }
        self.carry();
    }

    fn deliver(&mut self, packet: &Packet) {
        if packet.destination.to_string() == SFU {
            self.hand_over(packet.source, packet.destination, &packet.contents);
            return;
        }
        let mut clients = self.clients.values_mut();
        let is_it = |client: &&mut C| client.connection().address == packet.destination;
        if let Some(client) = clients.find(is_it) {
            client.receive(self.now, packet);
        }
    }

    fn hand_over(&mut self, source: SocketAddr, destination: SocketAddr, contents: &[u8]) -> bool {
        let datagram = Datagram {
            transport: Transport::Udp,
            source,
            destination,
            contents,
        };
        self.sfu.handle_datagram(self.now, &datagram)
    }
}
