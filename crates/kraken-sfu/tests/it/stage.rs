//! A call with its members.

use crate::member::{Member, ROOM};
use crate::network::Weather;
use crate::setup::{BOTH, Setup};
use crate::world::World;
use kraken_sfu::{
    Attach, Attached, Bounds, Error, Farewell, Join, News, Published, Rights, RoomId, Track,
    TrackSource, UserId, Way,
};
use std::time::{Duration, Instant};

pub(crate) type Stage = World<Member>;

pub(crate) const BOUNDS: Bounds = Bounds {
    peers: 50,
    publishers: 25,
    bitrate: 8_000_000,
};
pub(crate) const EVERYTHING: Rights = Rights {
    publish: true,
    moderate: true,
};

impl World<Member> {
    /// A stage on which these users publish.
    pub(crate) fn with(seed: u64, users: &[&str], sources: &[TrackSource]) -> Self {
        let mut stage = Self::new(seed, Weather::FAIR);
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
        let member = self.newcomer(user, Setup::PLAIN);
        self.admit(user, member, rights, bounds)
    }

    /// Joins, and publishes what the setup says.
    pub(crate) fn enter(&mut self, user: &str, setup: Setup) {
        let bounds = Bounds {
            bitrate: u64::MAX,
            ..BOUNDS
        };
        self.enter_bounded(user, setup, bounds);
    }

    pub(crate) fn enter_bounded(&mut self, user: &str, setup: Setup, bounds: Bounds) {
        let member = self.newcomer(user, setup);
        self.admit(user, member, EVERYTHING, bounds).unwrap();
        self.publish(user, setup.sources).unwrap();
    }

    /// Joins by WHIP or WHEP.
    pub(crate) fn attach(&mut self, user: &str, way: Way) -> Result<Attached, Error> {
        let mut member = self.newcomer(user, Setup::PLAIN);
        let offer = match way {
            Way::Whip => member.offer(BOTH).0,
            Way::Whep => member.ask_for_both(),
        };
        let attach = Attach {
            who: member.who.clone(),
            way,
            offer,
            bounds: BOUNDS,
        };
        let attached = self.sfu.attach(self.now, attach)?;
        member.accept(self.now, &attached.sdp);
        self.clients.insert(user.to_owned(), member);
        self.carry();
        Ok(attached)
    }

    pub(crate) fn publish(
        &mut self,
        user: &str,
        sources: &[TrackSource],
    ) -> Result<Vec<Track>, Error> {
        let member = self.clients.get_mut(user).unwrap();
        let (offer, tracks) = member.offer(sources);
        let published = self.sfu.offer(self.now, &member.who, &offer, &tracks);
        let Published { sdp, tracks } = published?;
        member.accept(self.now, &sdp);
        self.carry();
        Ok(tracks)
    }

    /// The member answers the oldest offer that it has. False if there is none, or if it can't.
    pub(crate) fn answer(&mut self, user: &str) -> bool {
        let member = self.clients.get_mut(user).unwrap();
        let answered = member.answer(&mut self.sfu, self.now);
        self.carry();
        answered
    }

    /// Joins again with the session that the user has.
    pub(crate) fn resume(&mut self, user: &str) -> Result<(), Error> {
        let member = self.client_mut(user);
        member.is_reachable = true;
        let join = Join {
            who: member.who.clone(),
            rights: EVERYTHING,
            bounds: BOUNDS,
        };
        self.sfu.resume(&join)?;
        self.carry();
        Ok(())
    }

    /// The user's socket is gone.
    pub(crate) fn part(&mut self, user: &str) {
        let member = self.clients.get_mut(user).unwrap();
        member.is_reachable = false;
        self.sfu.part(self.now, &member.who).unwrap();
    }

    pub(crate) fn leave(&mut self, user: &str) {
        let member = self.clients.remove(user).unwrap();
        self.sfu.end(self.now, &member.who).unwrap();
        self.carry();
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

    pub(crate) fn was_told(&self, told: &News) -> bool {
        self.news.iter().any(|(_, news)| news == told)
    }

    /// Why a user has left, if that was told.
    pub(crate) fn farewell(&self, user: &str) -> Option<Farewell> {
        let mut farewells = self.news.iter().rev().filter_map(|(_, news)| {
            let News::Left { user, why, .. } = news else {
                return None;
            };
            Some((user.name(), *why))
        });
        let found = farewells.find(|(left, _)| left == user);
        found.map(|(_, why)| why)
    }

    /// Who has spoken, the latest first, each time that everybody was told.
    pub(crate) fn speakers(&self) -> Vec<(Instant, Vec<String>)> {
        let news = self.news.iter().filter_map(|(at, news)| {
            let News::Speakers { order, .. } = news else {
                return None;
            };
            Some((*at, order.iter().map(UserId::name).collect()))
        });
        news.collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let roster = self.sfu.roster(&room());
        let participants = roster.into_iter().flat_map(|roster| roster.participants);
        participants.map(|one| one.user.name()).collect()
    }

    /// Packets of a track that a user receives in this time.
    pub(crate) fn hears(&mut self, user: &str, track: &str, time: Duration) -> usize {
        let before = self.client(user).heard(track);
        self.run(time);
        self.client(user).heard(track) - before
    }

    fn newcomer(&mut self, user: &str, setup: Setup) -> Member {
        let index = self.next_index();
        Member::new(self.now, index, user, setup)
    }

    fn admit(
        &mut self,
        user: &str,
        member: Member,
        rights: Rights,
        bounds: Bounds,
    ) -> Result<(), Error> {
        let who = member.who.clone();
        let join = Join {
            who,
            rights,
            bounds,
        };
        self.sfu.join(self.now, join)?;
        self.clients.insert(user.to_owned(), member);
        self.carry();
        Ok(())
    }
}

pub(crate) fn room() -> RoomId {
    RoomId::of_call(ROOM).unwrap()
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::of_call(name).unwrap()
}
