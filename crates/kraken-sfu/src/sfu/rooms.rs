//! Who is in which room, and how they come and go.

use super::Sfu;
use super::calls::Call;
use super::taps::end_tap;
use crate::channels::{LONGEST_FRAME, MOST_WAITING};
use crate::error::Error;
use crate::ids::{RoomId, UserId};
use crate::messages::{Event, Farewell, News, Who};
use crate::peer::Peer;
use crate::source::PeerKey;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate;
use str0m::net::TcpType;
use str0m::{Candidate, Rtc, RtcConfig};

/// How often loss, round trips and retransmissions are counted.
const REPORT: Duration = Duration::from_secs(5);
/// What a connection is taken to hold before anything is known of it, in bits a second.
const FIRST_ESTIMATE: Bitrate = Bitrate::kbps(300);

/// A room with somebody in it.
#[derive(Default)]
pub(super) struct Room {
    pub(super) members: BTreeMap<UserId, PeerKey>,
    /// What it has besides members if it is a call. `None` for clients of JSON-RPC.
    pub(super) call: Option<Call>,
}

impl Sfu {
    pub(super) fn find(&self, room: &RoomId, user: &UserId) -> Option<PeerKey> {
        self.rooms.get(room)?.members.get(user).copied()
    }

    pub(super) fn find_session(&self, who: &Who) -> Result<PeerKey, Error> {
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

    pub(super) fn check_space(
        &self,
        room: &RoomId,
        is_rejoin: bool,
        limit: Option<usize>,
    ) -> Result<(), Error> {
        let members = self.rooms.get(room).map_or(0, |room| room.members.len());
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
        let connecting = self.peers.iter().filter(|(_, peer)| peer.is_connecting());
        if connecting.count() >= limits.connecting {
            return Err(Error::EngineFull(limits.connecting));
        }
        Ok(())
    }

    pub(super) fn connection(&self, now: Instant, is_call: bool) -> Rtc {
        let template = match is_call {
            true => &self.templates.call,
            false => &self.templates.polled,
        };
        let mut rtc = template.clone().build(now);
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

    pub(super) fn insert(&mut self, peer: Peer) -> PeerKey {
        let (room, user, is_call) = (peer.room.clone(), peer.user.clone(), peer.role.is_call());
        let key = self.peers.insert(peer);
        let room = self.rooms.entry(room).or_default();
        room.members.insert(user, key);
        if is_call {
            room.call.get_or_insert_default();
            self.paced.insert(key);
        }
        self.rename(key);
        self.mark(key);
        key
    }

    pub(super) fn rename(&mut self, key: PeerKey) {
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

    pub(super) fn close(&mut self, key: PeerKey, why: Farewell) {
        let mut peer = self.peers.remove(key);
        for source in &mut peer.sources {
            end_tap(source, &mut self.outbox);
        }
        self.demux.remove(key, &peer.handles);
        self.events.push_back(Event::Unnamed(peer.handles.name));
        self.outbox.packets.retain(|(from, _)| *from != key);
        self.outbox.keyframes.retain(|(from, _)| *from != key);
        self.outbox.messages.retain(|(from, _, _)| *from != key);
        self.outbox.lost.retain(|lost| *lost != key);
        self.outbox.stats.peers_closed += 1;
        self.due.remove(&key);
        self.paced.remove(&key);
        let Some(room) = self.rooms.get_mut(&peer.room) else {
            return;
        };
        room.members.remove(&peer.user);
        if let Some(call) = &mut room.call {
            call.speakers.forget(key);
        }
        for member in room.members.values() {
            disconnect(&mut self.peers[*member], key);
        }
        if room.members.is_empty() {
            self.rooms.remove(&peer.room);
            self.outbox.stats.rooms_closed += 1;
        } else {
            self.connect(&peer.room);
            self.changed(&peer.room);
        }
        if peer.role.is_call() {
            let Peer {
                room,
                user,
                session,
                ..
            } = peer;
            self.tell(&room, News::Left { user, session, why });
        }
    }

    pub(super) fn watch(&mut self, now: Instant) {
        let patience = &self.config.patience;
        let peers = self.peers.iter_mut();
        let gone = peers.filter_map(|(key, peer)| peer.is_gone(now, patience).then_some(key));
        for key in gone.collect::<Vec<_>>() {
            self.close(key, Farewell::Lost);
        }
    }
}

/// How connections are made.
pub(super) struct Templates {
    /// Those of clients of JSON-RPC.
    polled: RtcConfig,
    /// Those of clients of calls: with estimates of what they hold, and data channels.
    call: RtcConfig,
}

impl Templates {
    pub(super) fn new() -> Self {
        let polled = template();
        let call = polled
            .clone()
            .enable_bwe(Some(FIRST_ESTIMATE))
            .set_sctp_max_message_size(LONGEST_FRAME as u32)
            .set_sctp_max_buffered_amount(2 * MOST_WAITING);
        Self { polled, call }
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

fn disconnect(peer: &mut Peer, gone: PeerKey) {
    for slot in &mut peer.slots {
        if slot.source().is_some_and(|source| source.peer == gone) {
            slot.disconnect();
        }
    }
}
