//! An SFU as whoever uses it sees it.

mod rooms;
mod routing;

use crate::config::Config;
use crate::demux::{Demux, Transport};
use crate::error::Error;
use crate::guard::guarded;
use crate::ids::{RoomId, UserId};
use crate::messages::{Datagram, Event, Member, Publish, Transmit, Who};
use crate::peer::{Outbox, Peer};
use crate::source::{PeerKey, SourceId};
use crate::stats::Stats;
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use str0m::{Candidate, Input, RtcConfig};

/// How often the SFU looks who has fallen silent.
const WATCH: Duration = Duration::from_millis(250);
/// The least time between two looks at the peers' own timers, which never need to be exact.
const TICK: Duration = Duration::from_millis(5);

type Room = BTreeMap<UserId, PeerKey>;

/// A router of media between the members of rooms.
///
/// It does no IO. Datagrams and the time go in with [`Sfu::handle_datagram`] and
/// [`Sfu::handle_timeout`]; after any number of them, and after every request, [`Sfu::flush`] lets
/// all peers say what they have to say, and [`Sfu::poll_transmit`] and [`Sfu::poll_event`] give it
/// out. [`Sfu::poll_timeout`] says when time has to go in next.
pub struct Sfu {
    config: Config,
    template: RtcConfig,
    peers: Slab<Peer>,
    rooms: BTreeMap<RoomId, Room>,
    demux: Demux,
    dirty: Vec<PeerKey>,
    outbox: Outbox,
    events: VecDeque<Event>,
    watched: Instant,
    ticked: Instant,
}

impl Sfu {
    /// An SFU without rooms. All its peers see the same certificate, which is made here.
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            config,
            template: rooms::template(),
            peers: Slab::new(),
            rooms: BTreeMap::new(),
            demux: Demux::default(),
            dirty: Vec::new(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            watched: now,
            ticked: now,
        }
    }

    /// Lets a user join a room. Gives the answer to the client's offer.
    pub fn publish(&mut self, now: Instant, request: Publish) -> Result<String, Error> {
        let Publish {
            room,
            user,
            session,
            offer,
            limit,
        } = request;
        let before = self.find(&room, &user);
        self.check_space(&room, before.is_some(), limit)?;
        let rtc = self.connection(now);
        let mut peer = Peer::new(room, user, session, rtc, &self.config, now);
        let answer = peer.accept(&offer, self.config.limits.sdp_bytes)?;
        if let Some(before) = before {
            self.close(before);
        }
        self.insert(peer);
        Ok(answer)
    }

    /// Takes another offer of a client: for new network paths, or for other tracks.
    pub fn restart(&mut self, who: &Who, offer: &str) -> Result<String, Error> {
        let key = self.find_session(who)?;
        let peer = &mut self.peers[key];
        let answer = peer.accept(offer, self.config.limits.sdp_bytes);
        if matches!(answer, Err(Error::OfferRefused(_))) {
            self.close(key);
        } else {
            self.rename(key);
            self.mark(key);
        }
        answer
    }

    /// Lets a user leave.
    pub fn end(&mut self, now: Instant, who: &Who) -> Result<(), Error> {
        let key = self.find_session(who)?;
        let peer = &mut self.peers[key];
        let said_goodbye = guarded(|| peer.rtc.close());
        if said_goodbye.is_some() {
            peer.drive(key, Input::Timeout(now), &mut self.outbox);
        }
        self.close(key);
        Ok(())
    }

    /// Takes a candidate of a client. Peers are found by the packets that they send; so only its
    /// form matters.
    pub fn trickle(&mut self, who: &Who, candidate: &str) -> Result<(), Error> {
        self.find_session(who)?;
        if candidate.is_empty() {
            return Ok(());
        }
        match guarded(|| Candidate::from_sdp_string(candidate)) {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(Error::InvalidCandidate(error.to_string())),
            None => Err(Error::InvalidCandidate("can't be read".to_owned())),
        }
    }

    /// Gives an offer that tells the client whom it hears. `None` if it knows.
    pub fn subscribe(&mut self, now: Instant, who: &Who) -> Result<Option<String>, Error> {
        let key = self.find_session(who)?;
        let wishes = self.wishes(key);
        let peer = &mut self.peers[key];
        let before = sources(peer);
        let offer = peer.offer(&wishes);
        let after = sources(peer);
        if before != after {
            self.connect(&who.room);
            self.ask_keyframes(now, after.into_iter().filter(|new| !before.contains(new)));
        }
        self.mark(key);
        Ok(offer)
    }

    /// Takes the client's answer to the last offer.
    pub fn answer(&mut self, now: Instant, who: &Who, answer: &str) -> Result<(), Error> {
        let key = self.find_session(who)?;
        let joined = self.peers[key].answer(answer, self.config.limits.sdp_bytes);
        match joined {
            Ok(joined) => {
                self.connect(&who.room);
                self.ask_keyframes(now, joined.into_iter());
                self.mark(key);
                Ok(())
            }
            Err(error) => {
                if matches!(error, Error::AnswerRefused(_)) {
                    self.close(key);
                }
                Err(error)
            }
        }
    }

    /// Who is in a room and was heard lately, in the order of their names.
    pub fn list(&self, now: Instant, room: &RoomId) -> Vec<Member> {
        let members = self.rooms.get(room).into_iter().flatten();
        let peers = members.map(|(_, key)| &self.peers[*key]);
        peers
            .filter(|peer| !peer.is_quiet || peer.is_present(now, &self.config.patience))
            .map(|peer| Member {
                user: peer.user.clone(),
                session: peer.session.clone(),
            })
            .collect()
    }

    /// Takes a datagram. False if it is of no peer. What follows from it goes out with the next
    /// [`Sfu::flush`].
    pub fn handle_datagram(&mut self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let taken = guarded(|| self.take(now, datagram)).unwrap_or(false);
        if !taken {
            self.outbox.stats.datagrams_refused += 1;
        }
        taken
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.watched + WATCH {
            self.watched = now;
            self.watch(now);
        }
        if now >= self.ticked + TICK {
            self.ticked = now;
            for (key, peer) in &mut self.peers {
                if peer.timeout() <= now {
                    pass_keyframes(peer, now, &mut self.outbox.stats);
                    peer.drive(key, Input::Timeout(now), &mut self.outbox);
                }
            }
            self.settle(now);
        }
    }

    /// Lets all peers to whom something was written send it.
    pub fn flush(&mut self, now: Instant) {
        while let Some(key) = self.dirty.pop() {
            if let Some(peer) = self.peers.get_mut(key)
                && peer.is_dirty
            {
                peer.drive(key, Input::Timeout(now), &mut self.outbox);
            }
        }
        self.settle(now);
    }

    /// When [`Sfu::handle_timeout`] has to be called next.
    pub fn poll_timeout(&self) -> Instant {
        let timeouts = self.peers.iter().map(|(_, peer)| peer.timeout());
        let soonest = timeouts.fold(self.watched + WATCH, Instant::min);
        soonest.max(self.ticked + TICK)
    }

    /// The next datagram that is to go out.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.outbox.transmits.pop_front()?;
        Some(Transmit {
            transport: Transport::of(transmit.proto),
            source: transmit.source,
            destination: transmit.destination,
            contents: transmit.contents.into(),
        })
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What was counted.
    pub fn stats(&self) -> Stats {
        let tracks: usize = self.peers.iter().map(|(_, peer)| peer.sources.len()).sum();
        Stats {
            rooms: self.rooms.len() as u64,
            peers: self.peers.len() as u64,
            tracks: tracks as u64,
            ..self.outbox.stats.clone()
        }
    }

    /// The rooms that are there now, in the order of their names.
    pub fn rooms(&self) -> impl Iterator<Item = &RoomId> {
        self.rooms.keys()
    }

    /// How many media packets went to receivers: one of [`Sfu::stats`], for often.
    pub fn packets_out(&self) -> u64 {
        self.outbox.stats.packets_out
    }
}

/// The sources that a peer receives.
fn sources(peer: &Peer) -> Vec<SourceId> {
    peer.slots.iter().filter_map(|slot| slot.source()).collect()
}

fn pass_keyframes(peer: &mut Peer, now: Instant, stats: &mut Stats) {
    let Peer { rtc, sources, .. } = peer;
    for source in sources {
        stats.keyframes_out += u64::from(source.pass_keyframe(rtc, now));
    }
}
