//! Rooms and peers, and the way of a packet between them.

use crate::config::Config;
use crate::demux::{Demux, Transport, asked_for};
use crate::error::Error;
use crate::guard::guarded;
use crate::ids::{RoomId, SessionId, UserId};
use crate::peer::{Outbox, Peer};
use crate::slot::Wish;
use crate::source::{PeerKey, Receiver, SourceId};
use crate::stats::Stats;
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::media::MediaKind;
use str0m::net::{Receive, TcpType};
use str0m::rtp::RtpPacket;
use str0m::{Candidate, Input, Rtc, RtcConfig};

/// How often the SFU looks who has fallen silent.
const WATCH: Duration = Duration::from_millis(250);
/// The least time between two looks at the peers' own timers, which never need to be exact.
const TICK: Duration = Duration::from_millis(5);
/// How often loss, round trips and retransmissions are counted.
const REPORT: Duration = Duration::from_secs(5);

/// A datagram that came in.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// How it came.
    pub transport: Transport,
    /// Who sent it.
    pub source: SocketAddr,
    /// Which of the SFU's addresses it was sent to, as peers know it.
    pub destination: SocketAddr,
    /// What is in it.
    pub contents: &'a [u8],
}

/// A datagram that is to go out.
#[derive(Debug)]
pub struct Transmit {
    /// How it goes.
    pub transport: Transport,
    /// From which of the SFU's addresses, as peers know it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// What happened to peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Connectivity checks will ask for this name.
    Named(String),
    /// Nobody answers to this name any more.
    Unnamed(String),
    /// The first audio of a peer came.
    Heard {
        /// Where.
        room: RoomId,
        /// Who.
        user: UserId,
        /// In which session.
        session: SessionId,
    },
}

/// A request to join a room.
#[derive(Debug, Clone)]
pub struct Publish {
    /// Which room.
    pub room: RoomId,
    /// Who joins. If the user is there already, the new session takes the place of the old one.
    pub user: UserId,
    /// The name of the new session.
    pub session: SessionId,
    /// The client's description of the call.
    pub offer: String,
    /// The request is refused if so many others are in the room already.
    pub limit: Option<usize>,
}

/// Whom a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The room.
    pub room: RoomId,
    /// The user in it.
    pub user: UserId,
    /// The user's session.
    pub session: SessionId,
}

/// Who is in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// The user's session, which is a secret of the user.
    pub session: SessionId,
}

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
            template: template(),
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

    fn find(&self, room: &RoomId, user: &UserId) -> Option<PeerKey> {
        self.rooms.get(room)?.get(user).copied()
    }

    fn find_session(&self, who: &Who) -> Result<PeerKey, Error> {
        let key = self
            .find(&who.room, &who.user)
            .ok_or_else(|| Error::PeerNotFound {
                user: who.user.clone(),
                room: who.room.clone(),
            })?;
        if self.peers[key].session == who.session {
            Ok(key)
        } else {
            Err(Error::SessionMismatch {
                user: who.user.clone(),
                session: who.session.clone(),
                room: who.room.clone(),
            })
        }
    }

    fn check_space(
        &self,
        room: &RoomId,
        is_rejoin: bool,
        limit: Option<usize>,
    ) -> Result<(), Error> {
        let members = self.rooms.get(room).map_or(0, BTreeMap::len);
        let others = members - usize::from(is_rejoin);
        let limits = &self.config.limits;
        let full = limit.map_or(limits.peers_per_room, |limit| {
            limit.min(limits.peers_per_room)
        });
        if others >= full {
            return Err(Error::RoomFull(others));
        }
        if self.peers.len() >= limits.peers && !is_rejoin {
            return Err(Error::EngineFull(limits.peers));
        }
        Ok(())
    }

    fn connection(&self, now: Instant) -> Rtc {
        let mut rtc = self.template.clone().build(now);
        let udp = self.config.udp.iter().map(|address| {
            let candidate = Candidate::builder().udp().host(*address);
            candidate.build()
        });
        let tcp = self.config.tcp.iter().map(|address| {
            let candidate = Candidate::builder().tcp().host(*address);
            candidate.tcptype(TcpType::Passive).build()
        });
        for candidate in udp.chain(tcp).flatten() {
            rtc.add_local_candidate(candidate);
        }
        rtc
    }

    fn insert(&mut self, peer: Peer) {
        let (room, user) = (peer.room.clone(), peer.user.clone());
        let key = self.peers.insert(peer);
        self.rooms.entry(room).or_default().insert(user, key);
        self.rename(key);
        self.mark(key);
    }

    fn rename(&mut self, key: PeerKey) {
        let peer = &mut self.peers[key];
        let name = peer.name();
        if name != peer.handles.name {
            let before = peer.handles.name.clone();
            if !before.is_empty() {
                self.events.push_back(Event::Unnamed(before));
            }
            self.demux.rename(key, &mut peer.handles, name.clone());
            self.events.push_back(Event::Named(name));
        }
    }

    fn close(&mut self, key: PeerKey) {
        let peer = self.peers.remove(key);
        self.demux.remove(key, &peer.handles);
        self.events.push_back(Event::Unnamed(peer.handles.name));
        self.outbox.packets.retain(|(from, _)| *from != key);
        self.outbox.keyframes.retain(|(from, _)| *from != key);
        self.outbox.lost.retain(|lost| *lost != key);
        self.outbox.stats.peers_closed += 1;
        let Some(room) = self.rooms.get_mut(&peer.room) else {
            return;
        };
        room.remove(&peer.user);
        for member in room.values() {
            disconnect(&mut self.peers[*member], key);
        }
        if room.is_empty() {
            self.rooms.remove(&peer.room);
            self.outbox.stats.rooms_closed += 1;
        } else {
            self.connect(&peer.room);
        }
    }

    fn mark(&mut self, key: PeerKey) {
        let peer = &mut self.peers[key];
        if !peer.is_dirty {
            peer.is_dirty = true;
            self.dirty.push(key);
        }
    }

    /// What a peer should receive: all live tracks of the others in its room.
    fn wishes(&self, key: PeerKey) -> Vec<Wish> {
        let room = self.rooms.get(&self.peers[key].room);
        let others = room.into_iter().flat_map(BTreeMap::values);
        let others = others.filter(|other| **other != key);
        others
            .flat_map(|other| self.peers[*other].wishes(*other))
            .collect()
    }

    /// Brings the publishers' lists of receivers in line with the slots of all members.
    fn connect(&mut self, room: &RoomId) {
        let Some(room) = self.rooms.get(room) else {
            return;
        };
        for key in room.values() {
            for source in &mut self.peers[*key].sources {
                source.receivers.clear();
            }
        }
        for key in room.values() {
            for (slot, source) in connections(&self.peers[*key]) {
                let receiver = Receiver { peer: *key, slot };
                if let Some(source) = self.peers[source.peer].source_mut(source.mid) {
                    source.receivers.push(receiver);
                }
            }
        }
    }

    fn ask_keyframes(&mut self, now: Instant, sources: impl Iterator<Item = SourceId>) {
        for SourceId { peer: key, mid } in sources {
            let Some(peer) = self.peers.get_mut(key) else {
                continue;
            };
            let Peer { rtc, sources, .. } = peer;
            let mut sources = sources.iter_mut();
            let Some(source) = sources.find(|source| source.mid == mid) else {
                continue;
            };
            if source.kind == MediaKind::Video {
                self.outbox.stats.keyframes_in += 1;
                self.outbox.stats.keyframes_out += u64::from(source.ask_keyframe(rtc, now));
                self.mark(key);
            }
        }
    }

    fn take(&mut self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let address = (datagram.transport, datagram.source);
        let asked_for = asked_for(datagram.contents);
        let found = match &asked_for {
            Some(name) => self.demux.by_name(name),
            None => self.demux.by_address(address),
        };
        let received = Receive::new(
            datagram.transport.protocol(),
            datagram.source,
            datagram.destination,
            datagram.contents,
        );
        let (Some(key), Ok(received)) = (found, received) else {
            return false;
        };
        let input = Input::Receive(now, received);
        if asked_for.is_some() {
            let peer = &self.peers[key];
            if !peer.rtc.accepts(&input) || self.is_taken(now, key, address) {
                return false;
            }
            let peer = &mut self.peers[key];
            peer.hear(now);
            self.demux.locate(key, &mut peer.handles, address);
        }
        self.peers[key].drive(key, input, &mut self.outbox);
        self.settle(now);
        true
    }

    /// Whether an address is that of another peer who was heard lately. A connectivity check may
    /// not take it away: its sender may have written somebody else's address on it.
    fn is_taken(&self, now: Instant, key: PeerKey, address: (Transport, SocketAddr)) -> bool {
        let owner = self.demux.by_address(address).filter(|owner| *owner != key);
        owner.is_some_and(|owner| self.peers[owner].is_present(now, &self.config.patience))
    }

    /// Deals with what the peers gave.
    fn settle(&mut self, now: Instant) {
        let mut packets = std::mem::take(&mut self.outbox.packets);
        for (from, packet) in packets.drain(..) {
            self.forward(now, from, &packet);
        }
        self.outbox.packets = packets;
        for (key, mid) in std::mem::take(&mut self.outbox.keyframes) {
            let slots = self.peers.get(key).map(|peer| &peer.slots);
            let mut slots = slots.into_iter().flatten();
            let slot = slots.find(|slot| slot.mid == mid);
            let source = slot.and_then(|slot| slot.source());
            self.ask_keyframes(now, source.into_iter());
        }
        while let Some(lost) = self.outbox.lost.pop() {
            if self.peers.contains(lost) {
                self.close(lost);
            }
        }
    }

    /// Sends a packet to all who receive its source.
    fn forward(&mut self, now: Instant, from: PeerKey, packet: &RtpPacket) {
        let Some(peer) = self.peers.get_mut(from) else {
            return;
        };
        peer.hear(now);
        let Peer { rtc, sources, .. } = peer;
        let mid = rtc
            .direct_api()
            .stream_rx(&packet.header.ssrc)
            .map(|stream| stream.mid());
        let found = sources.iter_mut().find(|source| Some(source.mid) == mid);
        let Some(source) = found else {
            return;
        };
        let Some(params) = source.params(rtc, packet.header.payload_type) else {
            return;
        };
        let bytes = packet.payload.len() as u64;
        self.outbox.stats.packets_in += 1;
        self.outbox.stats.bytes_in += bytes;
        if !source.is_heard {
            source.is_heard = true;
            if source.kind == MediaKind::Audio {
                self.events.push_back(Event::Heard {
                    room: peer.room.clone(),
                    user: peer.user.clone(),
                    session: peer.session.clone(),
                });
            }
        }
        let receivers = std::mem::take(&mut source.receivers);
        for receiver in &receivers {
            let Peer { rtc, slots, .. } = &mut self.peers[receiver.peer];
            if slots[receiver.slot].send(rtc, packet, params, now) {
                self.outbox.stats.packets_out += 1;
                self.outbox.stats.bytes_out += bytes;
                self.mark(receiver.peer);
            }
        }
        let source = mid.and_then(|mid| self.peers[from].source_mut(mid));
        if let Some(source) = source {
            source.receivers = receivers;
        }
    }

    fn watch(&mut self, now: Instant) {
        let patience = &self.config.patience;
        let peers = self.peers.iter_mut();
        let gone = peers.filter_map(|(key, peer)| peer.is_gone(now, patience).then_some(key));
        for key in gone.collect::<Vec<_>>() {
            self.close(key);
        }
    }
}

/// What all connections have in common.
fn template() -> RtcConfig {
    let config = RtcConfig::new()
        .set_ice_lite(true)
        .set_rtp_mode(true)
        .set_stats_interval(Some(REPORT))
        .clear_codecs()
        .enable_opus(true, false)
        .enable_vp8(true)
        .enable_h264(true)
        .enable_vp9(true)
        .enable_av1(true);
    let provider = str0m::crypto::from_feature_flags();
    match provider.dtls_provider.generate_certificate() {
        Some(certificate) => config.set_dtls_cert(certificate),
        None => config,
    }
}

/// The sources that a peer receives.
fn sources(peer: &Peer) -> Vec<SourceId> {
    peer.slots.iter().filter_map(|slot| slot.source()).collect()
}

/// The slots of a peer that carry something, by their place.
fn connections(peer: &Peer) -> Vec<(usize, SourceId)> {
    let slots = peer.slots.iter().enumerate();
    slots
        .filter_map(|(place, slot)| Some((place, slot.source()?)))
        .collect()
}

fn disconnect(peer: &mut Peer, gone: PeerKey) {
    for slot in &mut peer.slots {
        if slot.source().is_some_and(|source| source.peer == gone) {
            slot.disconnect();
        }
    }
}

fn pass_keyframes(peer: &mut Peer, now: Instant, stats: &mut Stats) {
    let Peer { rtc, sources, .. } = peer;
    for source in sources {
        stats.keyframes_out += u64::from(source.pass_keyframe(rtc, now));
    }
}
