//! An SFU as whoever uses it sees it.

mod attachments;
mod calls;
mod layers;
mod offers;
mod relay;
mod rooms;
mod routing;
mod taps;

use crate::bandwidth::Bandwidth;
use crate::config::Config;
use crate::demux::{Demux, Transport};
use crate::error::Error;
use crate::guard::guarded;
use crate::ids::RoomId;
use crate::messages::{Datagram, Event, Farewell, Member, Publish, Transmit, Who};
use crate::peer::{Outbox, Peer};
use crate::role::Role;
use crate::source::{PeerKey, SourceId};
use crate::stats::Stats;
use rooms::{Room, Templates};
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};
use str0m::{Candidate, Input};

/// How often the SFU looks who has fallen silent.
const WATCH: Duration = Duration::from_millis(250);
/// The least time between two looks at the peers' own timers, which need not be exact.
const TICK: Duration = Duration::from_millis(5);
/// The same for peers of calls, whose packets are paced, and who probe what their connections hold.
const PACE: Duration = Duration::from_millis(1);

/// A router of media between the members of rooms.
///
/// It does no IO. Datagrams and the time go in with [`Sfu::handle_datagram`] and
/// [`Sfu::handle_timeout`]; after any number of them, and after every request, [`Sfu::flush`] lets
/// all peers say what they have to say, and [`Sfu::poll_transmit`] and [`Sfu::poll_event`] give it
/// out. [`Sfu::poll_timeout`] says when time has to go in next.
pub struct Sfu {
    config: Config,
    templates: Templates,
    peers: Slab<Peer>,
    rooms: BTreeMap<RoomId, Room>,
    demux: Demux,
    dirty: Vec<PeerKey>,
    /// Clients of calls who may have to be told what they receive.
    due: BTreeSet<PeerKey>,
    /// Clients of calls for whom it is to be decided what they are sent.
    undecided: BTreeSet<PeerKey>,
    /// Clients of calls.
    paced: BTreeSet<PeerKey>,
    /// How many tracks were tapped.
    taps: u64,
    outbox: Outbox,
    events: VecDeque<Event>,
    watched: Instant,
    ticked: Instant,
    paced_at: Instant,
}

impl Sfu {
    /// An SFU without rooms. All its peers see the same certificate, which is made here.
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            config,
            templates: Templates::new(),
            peers: Slab::new(),
            rooms: BTreeMap::new(),
            demux: Demux::default(),
            dirty: Vec::new(),
            due: BTreeSet::new(),
            undecided: BTreeSet::new(),
            paced: BTreeSet::new(),
            taps: 0,
            outbox: Outbox::default(),
            events: VecDeque::new(),
            watched: now,
            ticked: now,
            paced_at: now,
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
        let who = Who {
            room,
            user,
            session,
        };
        let before = self.find(&who.room, &who.user);
        self.check_space(&who.room, before.is_some(), limit)?;
        let rtc = self.connection(now, false);
        let mut peer = Peer::new(who, Role::Polled, rtc, &self.config, now);
        let answer = peer.accept(now, &offer, self.config.limits.sdp_bytes)?;
        if let Some(before) = before {
            self.close(before, Farewell::Replaced);
        }
        self.insert(peer);
        Ok(answer)
    }

    /// Takes another offer of a client: for new network paths, or for other tracks.
    pub fn restart(&mut self, now: Instant, who: &Who, offer: &str) -> Result<String, Error> {
        let key = self.find_session(who)?;
        let limit = self.config.limits.sdp_bytes;
        let accepted = self.peers[key].accept(now, offer, limit);
        let answer = self.close_if_refused(key, accepted)?;
        self.rename(key);
        self.mark(key);
        Ok(answer)
    }

    /// Lets a user leave.
    pub fn end(&mut self, now: Instant, who: &Who) -> Result<(), Error> {
        let key = self.find_session(who)?;
        self.say_goodbye(now, key);
        self.close(key, Farewell::Left);
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
        Ok(self.renegotiate(now, key))
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
                    self.close(key, Farewell::Lost);
                }
                Err(error)
            }
        }
    }

    /// Who is in a room and was heard lately, in the order of their names.
    pub fn list(&self, now: Instant, room: &RoomId) -> Vec<Member> {
        let room = self.rooms.get(room);
        let members = room.into_iter().flat_map(|room| room.members.values());
        let peers = members.map(|key| &self.peers[*key]);
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
            self.look(now);
        }
        if now >= self.ticked + TICK {
            (self.ticked, self.paced_at) = (now, now);
            for (key, peer) in &mut self.peers {
                drive_late(key, peer, now, &mut self.outbox);
            }
            self.settle(now);
        } else if now >= self.paced_at + PACE && !self.paced.is_empty() {
            self.paced_at = now;
            for key in &self.paced {
                drive_late(*key, &mut self.peers[*key], now, &mut self.outbox);
            }
            self.settle(now);
        }
    }

    /// Lets all peers to whom something was written send it, and somebody in a call know what has
    /// changed.
    pub fn flush(&mut self, now: Instant) {
        self.drive_dirty(now);
        if self.serve_due(now) {
            self.drive_dirty(now);
        }
    }

    /// When [`Sfu::handle_timeout`] and [`Sfu::flush`] have to be called next.
    pub fn poll_timeout(&self) -> Instant {
        if !self.due.is_empty() {
            return self.ticked;
        }
        let timeouts = self.peers.iter().map(|(_, peer)| peer.timeout());
        let soonest = timeouts.fold(self.watched + WATCH, Instant::min);
        let paced = self.paced.iter().map(|key| self.peers[*key].timeout());
        let next_paced = paced.min().map(|next| next.max(self.paced_at + PACE));
        let next = soonest.max(self.ticked + TICK);
        next_paced.map_or(next, |paced| paced.min(next))
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
        let peers = || self.peers.iter().map(|(_, peer)| peer);
        let tracks: usize = peers().map(|peer| peer.sources.len()).sum();
        let bandwidths = || peers().filter_map(|peer| peer.bandwidth.as_ref());
        let estimates = || bandwidths().filter_map(Bandwidth::estimate);
        Stats {
            videos_paused: bandwidths().map(Bandwidth::paused).sum(),
            estimates: estimates().count() as u64,
            estimates_sum: estimates().sum(),
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

impl Sfu {
    fn drive_dirty(&mut self, now: Instant) {
        while let Some(key) = self.dirty.pop() {
            if let Some(peer) = self.peers.get_mut(key)
                && peer.is_dirty
            {
                peer.drive(key, Input::Timeout(now), &mut self.outbox);
            }
        }
        self.settle(now);
    }

    /// Brings what a peer receives in line with what is published. Gives the offer that its client
    /// has to answer, if there is one.
    fn renegotiate(&mut self, now: Instant, key: PeerKey) -> Option<String> {
        let wishes = self.wishes(key);
        let peer = &mut self.peers[key];
        let before = sources(peer);
        let offer = peer.offer(&wishes);
        let after = sources(peer);
        if before != after {
            let room = peer.room.clone();
            self.connect(&room);
            self.ask_keyframes(now, after.into_iter().filter(|new| !before.contains(new)));
        }
        self.mark(key);
        offer
    }

    /// Lets a peer tell its client that it is closed.
    fn say_goodbye(&mut self, now: Instant, key: PeerKey) {
        let peer = &mut self.peers[key];
        let said_goodbye = guarded(|| peer.rtc.close());
        if said_goodbye.is_some() {
            peer.drive(key, Input::Timeout(now), &mut self.outbox);
        }
    }
}

/// The sources that a peer receives.
fn sources(peer: &Peer) -> Vec<SourceId> {
    peer.slots.iter().filter_map(|slot| slot.source()).collect()
}

/// Drives a peer if it is time to.
fn drive_late(key: PeerKey, peer: &mut Peer, now: Instant, outbox: &mut Outbox) {
    if now < peer.timeout() {
        return;
    }
    let Peer { rtc, sources, .. } = peer;
    for source in sources {
        outbox.stats.keyframes_out += source.pass_keyframes(rtc, now);
    }
    peer.drive(key, Input::Timeout(now), outbox);
}
