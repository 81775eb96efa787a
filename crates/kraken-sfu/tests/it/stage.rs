//! A call with its members, and the time they live in.

use crate::member::{Member, ROOM};
use crate::network::{Network, Packet, Weather};
use crate::world::SFU;
use kraken_sfu::{
    Attach, Attached, Bounds, CallEvent, Config, Datagram, Error, Event, Farewell, Join, News,
    Offer, Published, Rights, RoomId, Sfu, Track, TrackSource, Transport, UserId, Way,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub(crate) const MICROPHONE: &[TrackSource] = &[TrackSource::Microphone];
pub(crate) const BOTH: &[TrackSource] = &[TrackSource::Microphone, TrackSource::Camera];
pub(crate) const BOUNDS: Bounds = Bounds {
    peers: 50,
    publishers: 25,
    bitrate: 8_000_000,
};
pub(crate) const EVERYTHING: Rights = Rights {
    publish: true,
    moderate: true,
};

pub(crate) struct Stage {
    pub(crate) now: Instant,
    pub(crate) sfu: Sfu,
    pub(crate) members: BTreeMap<String, Member>,
    /// What everybody was told.
    pub(crate) news: Vec<News>,
    /// Offers that wait for [`Stage::answer`], as their members don't answer at once.
    pub(crate) offers: BTreeMap<String, Vec<Offer>>,
    /// Members that can't be told anything.
    pub(crate) unreachable: Vec<String>,
    /// Members that don't answer offers by themselves.
    pub(crate) hesitant: Vec<String>,
    network: Network,
    joined: u16,
}

impl Stage {
    pub(crate) fn new(seed: u64) -> Self {
        let now = Instant::now();
        let config = Config {
            udp: vec![SFU.parse().unwrap()],
            ..Config::default()
        };
        Self {
            now,
            sfu: Sfu::new(config, now),
            members: BTreeMap::new(),
            news: Vec::new(),
            offers: BTreeMap::new(),
            unreachable: Vec::new(),
            hesitant: Vec::new(),
            network: Network::new(seed, Weather::FAIR),
            joined: 0,
        }
    }

    /// A stage on which these users publish.
    pub(crate) fn with(seed: u64, users: &[&str], sources: &[TrackSource]) -> Self {
        let mut stage = Self::new(seed);
        for user in users {
            stage.join(user).unwrap();
            stage.publish(user, sources).unwrap();
        }
        stage
    }

    pub(crate) fn join(&mut self, user: &str) -> Result<(), Error> {
        self.join_with(user, EVERYTHING, BOUNDS)
    }

    pub(crate) fn join_with(
        &mut self,
        user: &str,
        rights: Rights,
        bounds: Bounds,
    ) -> Result<(), Error> {
        let member = self.newcomer(user);
        let who = member.who.clone();
        let join = Join {
            who,
            rights,
            bounds,
        };
        self.sfu.join(self.now, join)?;
        self.members.insert(user.to_owned(), member);
        self.carry();
        Ok(())
    }

    /// Joins by WHIP or WHEP.
    pub(crate) fn attach(&mut self, user: &str, way: Way) -> Result<Attached, Error> {
        let mut member = self.newcomer(user);
        let offer = match way {
            Way::Whip => member.offer(BOTH).0,
            Way::Whep => member.ask(),
        };
        let attach = Attach {
            who: member.who.clone(),
            way,
            offer,
            bounds: BOUNDS,
        };
        let attached = self.sfu.attach(self.now, attach)?;
        member.accept(self.now, &attached.sdp);
        self.members.insert(user.to_owned(), member);
        self.carry();
        Ok(attached)
    }

    pub(crate) fn publish(
        &mut self,
        user: &str,
        sources: &[TrackSource],
    ) -> Result<Vec<Track>, Error> {
        let member = self.members.get_mut(user).unwrap();
        let (offer, tracks) = member.offer(sources);
        let published = self.sfu.offer(self.now, &member.who, &offer, &tracks);
        let Published { sdp, tracks } = published?;
        member.accept(self.now, &sdp);
        self.carry();
        Ok(tracks)
    }

    /// The member answers the oldest offer that it has. False if there is none, or if it can't.
    pub(crate) fn answer(&mut self, user: &str) -> bool {
        let waiting = self.offers.get_mut(user);
        let waiting = waiting.filter(|waiting| !waiting.is_empty());
        let Some(offer) = waiting.map(|waiting| waiting.remove(0)) else {
            return false;
        };
        let member = self.members.get_mut(user).unwrap();
        let Some(answer) = member.answer(self.now, &offer) else {
            return false;
        };
        let answered = self
            .sfu
            .answer_offer(self.now, &member.who, offer.number, &answer);
        answered.unwrap();
        self.carry();
        true
    }

    /// Joins again with the session that the user has.
    pub(crate) fn resume(&mut self, user: &str) -> Result<(), Error> {
        self.unreachable.retain(|away| away != user);
        let join = Join {
            who: self.members[user].who.clone(),
            rights: EVERYTHING,
            bounds: BOUNDS,
        };
        self.sfu.resume(&join)?;
        self.carry();
        Ok(())
    }

    /// The user's socket is gone.
    pub(crate) fn part(&mut self, user: &str) {
        self.unreachable.push(user.to_owned());
        let who = &self.members[user].who;
        self.sfu.part(self.now, who).unwrap();
    }

    pub(crate) fn member(&mut self, user: &str) -> &mut Member {
        self.members.get_mut(user).unwrap()
    }

    /// What a user publishes, as others are told.
    pub(crate) fn tracks(&self, user: &str) -> Vec<Track> {
        let roster = self.sfu.roster(&room());
        let participants = roster.into_iter().flat_map(|roster| roster.participants);
        let mut found = participants.filter(|participant| participant.user.name() == user);
        found.next().map(|found| found.tracks).unwrap_or_default()
    }

    /// The name of the only track of a source that a user publishes.
    pub(crate) fn track(&self, user: &str, source: TrackSource) -> String {
        let tracks = self.tracks(user);
        let mut found = tracks.iter().filter(|track| track.source == source);
        found.next().unwrap().name.clone()
    }

    /// Why a user has left, if that was told.
    pub(crate) fn farewell(&self, user: &str) -> Option<Farewell> {
        let mut farewells = self.news.iter().rev().filter_map(|news| match news {
            News::Left { user, why, .. } => Some((user.name(), *why)),
            News::Changed { .. }
            | News::Offer(_)
            | News::Silenced { .. }
            | News::Locked { .. }
            | News::Speakers { .. }
            | News::Layers { .. } => None,
        });
        let found = farewells.find(|(left, _)| left == user);
        found.map(|(_, why)| why)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let roster = self.sfu.roster(&room());
        let participants = roster.into_iter().flat_map(|roster| roster.participants);
        participants.map(|one| one.user.name()).collect()
    }

    /// Packets of a track that a user receives in this time.
    pub(crate) fn hears(&mut self, user: &str, track: &str, time: Duration) -> usize {
        let before = self.members[user].heard(track);
        self.run(time);
        self.members[user].heard(track) - before
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let members = self.members.values().map(Member::next);
            let next = members
                .chain(self.network.next())
                .fold(self.sfu.poll_timeout(), Instant::min);
            self.now = next.max(self.now + Duration::from_micros(100)).min(end);
            self.step();
        }
    }

    fn newcomer(&mut self, user: &str) -> Member {
        self.joined += 1;
        Member::new(self.now, self.joined, user)
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(packet) = self.network.arrived(now) {
            self.deliver(&packet);
        }
        self.sfu.handle_timeout(now);
        for member in self.members.values_mut() {
            if member.next() <= now {
                member.tick(now);
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
        let mut members = self.members.values_mut();
        if let Some(member) = members.find(|member| member.address == packet.destination) {
            member.receive(self.now, packet);
        }
    }

    /// Passes on what the SFU has to tell, and puts everything that anybody wants to send onto the
    /// network.
    pub(crate) fn carry(&mut self) {
        // One member is told at a time.
        for _ in 0..=self.members.len() {
            self.sfu.flush(self.now);
        }
        while let Some(event) = self.sfu.poll_event() {
            if let Event::Call(CallEvent { news, .. }) = event {
                self.tell(news);
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
        for member in self.members.values_mut() {
            for packet in member.take_packets() {
                self.network.send(self.now, packet);
            }
        }
    }

    fn tell(&mut self, news: News) {
        self.news.push(news.clone());
        let News::Offer(offer) = news else {
            return;
        };
        let user = offer.user.name();
        if self.unreachable.contains(&user) {
            return;
        }
        self.offers.entry(user.clone()).or_default().push(offer);
        if !self.hesitant.contains(&user) {
            self.answer(&user);
        }
    }
}

pub(crate) fn room() -> RoomId {
    RoomId::of_call(ROOM).unwrap()
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::of_call(name).unwrap()
}
