//! A call: an SFU, its callers, and the time they live in.

use crate::caller::{Caller, Setup};
use crate::film::{Screening, Shot};
use crate::network::{Network, Packet, Weather};
use crate::world::SFU;
use kraken_sfu::{
    CallEvent, Config, Datagram, Event, Limits, News, RoomId, Sfu, Transport, UserId,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub(crate) struct Studio {
    pub(crate) now: Instant,
    pub(crate) sfu: Sfu,
    pub(crate) callers: BTreeMap<String, Caller>,
    pub(crate) network: Network,
    /// Users of whom no connectivity checks come through.
    pub(crate) unchecked: Vec<String>,
    /// Who spoke, as everybody was told, and when.
    pub(crate) speakers: Vec<(Instant, Vec<String>, Vec<String>)>,
    joined: u8,
}

impl Studio {
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
            callers: BTreeMap::new(),
            network: Network::new(seed, weather),
            unchecked: Vec::new(),
            speakers: Vec::new(),
            joined: 0,
        }
    }

    pub(crate) fn room() -> RoomId {
        RoomId::of_call("app:room").unwrap()
    }

    pub(crate) fn join(&mut self, user: &str, setup: Setup) {
        self.joined += 1;
        let caller = Caller::join(&mut self.sfu, self.now, self.joined, user, setup);
        self.callers.insert(user.to_owned(), caller);
        self.carry();
    }

    pub(crate) fn leave(&mut self, user: &str) {
        let caller = self.callers.remove(user).unwrap();
        self.sfu.end(self.now, &caller.who).unwrap();
        self.carry();
    }

    pub(crate) fn caller(&self, user: &str) -> &Caller {
        &self.callers[user]
    }

    pub(crate) fn caller_mut(&mut self, user: &str) -> &mut Caller {
        self.callers.get_mut(user).unwrap()
    }

    /// A user shows the camera of another so large; nothing if not at all.
    pub(crate) fn show(&mut self, viewer: &str, filmer: &str, size: Option<(u32, u32)>) {
        let track = self.camera(filmer);
        self.callers[viewer].show(&mut self.sfu, self.now, &track, size);
        self.carry();
    }

    /// From now on, a user's connection takes only so many bits a second from the SFU.
    pub(crate) fn cap(&mut self, user: &str, bitrate: Option<u64>) {
        let address = self.callers[user].address;
        self.network.cap(address, bitrate, self.now);
    }

    /// What a user has seen of another's camera.
    pub(crate) fn film(&self, viewer: &str, filmer: &str) -> &[Shot] {
        let films = &self.callers[viewer].films;
        films.get(&self.camera(filmer)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn screening(&self, viewer: &str, filmer: &str) -> Screening {
        Screening::of(self.film(viewer, filmer))
    }

    /// The layer of which a packet came last, if one came just now.
    pub(crate) fn layer(&self, viewer: &str, filmer: &str) -> Option<u8> {
        let last = self.film(viewer, filmer).last()?;
        let is_late = self.now.duration_since(last.at) > Duration::from_millis(500);
        (!is_late).then_some(last.layer)
    }

    fn camera(&self, filmer: &str) -> String {
        self.callers[filmer].tracks.last().unwrap().clone()
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let callers = self.callers.values().map(Caller::next);
            let next = callers
                .chain(self.network.next())
                .fold(self.sfu.poll_timeout(), Instant::min);
            self.now = next.max(self.now + Duration::from_micros(100)).min(end);
            self.step();
        }
    }

    /// Lets time pass until a user is sent this layer of another's camera.
    pub(crate) fn await_layer(&mut self, viewer: &str, filmer: &str, layer: u8) {
        let end = self.now + Duration::from_secs(60);
        while self.layer(viewer, filmer) != Some(layer) {
            assert!(
                self.now < end,
                "{viewer} isn't sent layer {layer} of {filmer}"
            );
            self.run(Duration::from_millis(250));
        }
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(packet) = self.network.arrived(now) {
            self.deliver(&packet);
        }
        self.sfu.handle_timeout(now);
        for caller in self.callers.values_mut() {
            if caller.next() <= now {
                caller.tick(now);
            }
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
        let mut callers = self.callers.values_mut();
        if let Some(caller) = callers.find(|caller| caller.address == packet.destination) {
            caller.receive(self.now, packet);
        }
    }

    /// Puts everything that anybody wants to send onto the network, and tells what is to be told.
    fn carry(&mut self) {
        self.sfu.flush(self.now);
        while let Some(event) = self.sfu.poll_event() {
            if let Event::Call(CallEvent { news, .. }) = event {
                self.tell(news);
            }
        }
        self.sfu.flush(self.now);
        while let Some(transmit) = self.sfu.poll_transmit() {
            let packet = Packet {
                source: transmit.source,
                destination: transmit.destination,
                contents: transmit.contents,
            };
            self.network.send(self.now, packet);
        }
        for (user, caller) in &mut self.callers {
            let is_unchecked = self.unchecked.contains(user);
            for packet in caller.take_packets() {
                let is_check = packet.contents[0] < 2;
                if !(is_unchecked && is_check) {
                    self.network.send(self.now, packet);
                }
            }
        }
    }

    fn tell(&mut self, news: News) {
        let now = self.now;
        let names = |users: Vec<UserId>| users.iter().map(UserId::name).collect();
        match news {
            News::Offer(offer) => {
                let caller = self.callers.get_mut(&offer.user.name());
                if let Some(caller) = caller {
                    caller.answer(&mut self.sfu, now, offer);
                }
            }
            News::Layers {
                user,
                layers,
                estimate,
            } => {
                let caller = self.callers.get_mut(&user.name()).unwrap();
                caller.estimates.push(estimate);
                let layers = layers.into_iter();
                caller
                    .layers
                    .extend(layers.map(|layer| (layer.track.clone(), layer)));
            }
            News::Speakers { active, order } => {
                self.speakers.push((now, names(active), names(order)));
            }
            News::Changed { .. }
            | News::Left { .. }
            | News::Silenced { .. }
            | News::Locked { .. } => {}
        }
    }
}
