//! The way of a packet from its publisher to all who receive it.

use super::Sfu;
use crate::demux::{Transport, asked_for};
use crate::ids::RoomId;
use crate::messages::{Datagram, Farewell};
use crate::peer::Peer;
use crate::slot::{Slot, Wish};
use crate::source::{PeerKey, Receiver, SourceId};
use std::net::SocketAddr;
use std::time::Instant;
use str0m::Input;
use str0m::media::MediaKind;
use str0m::net::Receive;
use str0m::rtp::RtpPacket;

impl Sfu {
    pub(super) fn take(&mut self, now: Instant, datagram: &Datagram<'_>) -> bool {
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
        let peer = &mut self.peers[key];
        // Some clients show that they are there by nothing but indications and reports.
        if peer.role.is_call() {
            peer.hear(now);
        }
        peer.drive(key, input, &mut self.outbox);
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
    pub(super) fn settle(&mut self, now: Instant) {
        let mut packets = std::mem::take(&mut self.outbox.packets);
        for (from, packet) in packets.drain(..) {
            self.forward(now, from, &packet);
        }
        self.outbox.packets = packets;
        for (key, mid) in std::mem::take(&mut self.outbox.keyframes) {
            let slots = self.peers.get(key).map(|peer| &peer.slots);
            let mut slots = slots.into_iter().flatten();
            let slot = slots.find(|slot| slot.mid == mid);
            if let Some((source, place)) = slot.and_then(Slot::encoding) {
                self.ask_keyframe(now, source, place);
            }
        }
        for (from, lane, message) in std::mem::take(&mut self.outbox.messages) {
            self.relay(now, from, lane, &message);
        }
        self.decide_all(now);
        while let Some(lost) = self.outbox.lost.pop() {
            if self.peers.contains(lost) {
                self.close(lost, Farewell::Lost);
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
        let mut direct = rtc.direct_api();
        let stream = direct.stream_rx(&packet.header.ssrc);
        let Some((mid, rid)) = stream.map(|stream| (stream.mid(), stream.rid())) else {
            return;
        };
        let Some(source) = sources.iter_mut().find(|source| source.mid == mid) else {
            return;
        };
        let Some(arrival) = source.take(rtc, rid, packet, now) else {
            return;
        };
        let bytes = packet.payload.len() as u64;
        self.outbox.stats.packets_in += 1;
        self.outbox.stats.bytes_in += bytes;
        let receivers = std::mem::take(&mut source.receivers);
        let mut tap = source.tap.take();
        for receiver in &receivers {
            let Peer { rtc, slots, .. } = &mut self.peers[receiver.peer];
            if slots[receiver.slot].send(rtc, &arrival, now) {
                self.outbox.stats.packets_out += 1;
                self.outbox.stats.bytes_out += bytes;
                self.mark(receiver.peer);
            }
        }
        if let Some(tap) = &mut tap {
            self.forward_to_tap(now, SourceId { peer: from, mid }, tap, &arrival);
        }
        if let Some(source) = self.peers[from].source_mut(mid) {
            source.receivers = receivers;
            source.tap = tap;
        }
    }

    /// Asks for a keyframe of sources that somebody begins to receive. In calls this follows from
    /// the layers that are chosen.
    pub(super) fn ask_keyframes(&mut self, now: Instant, sources: impl Iterator<Item = SourceId>) {
        for source in sources {
            let peer = self.peers.get(source.peer);
            if peer.is_some_and(|peer| !peer.role.is_call()) {
                self.ask_keyframe(now, source, 0);
            }
        }
    }

    /// Asks for a keyframe of one encoding of a source.
    pub(super) fn ask_keyframe(&mut self, now: Instant, source: SourceId, place: usize) {
        let SourceId { peer: key, mid } = source;
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let Peer { rtc, sources, .. } = peer;
        let mut sources = sources.iter_mut();
        let Some(source) = sources.find(|source| source.mid == mid) else {
            return;
        };
        if source.kind == MediaKind::Video {
            self.outbox.stats.keyframes_in += 1;
            self.outbox.stats.keyframes_out += u64::from(source.ask_keyframe(rtc, place, now));
            self.mark(key);
        }
    }

    pub(super) fn mark(&mut self, key: PeerKey) {
        let peer = &mut self.peers[key];
        if !peer.is_dirty {
            peer.is_dirty = true;
            self.dirty.push(key);
        }
    }

    /// What a peer should receive: all live tracks of the others in its room.
    pub(super) fn wishes(&self, key: PeerKey) -> Vec<Wish> {
        let room = self.rooms.get(&self.peers[key].room);
        let others = room.into_iter().flat_map(|room| room.members.values());
        let others = others.filter(|other| **other != key);
        others
            .flat_map(|other| self.peers[*other].wishes(*other))
            .collect()
    }

    /// Brings the publishers' lists of receivers in line with the slots of all members.
    pub(super) fn connect(&mut self, room: &RoomId) {
        let Some(room) = self.rooms.get(room) else {
            return;
        };
        if room.call.is_some() {
            self.undecided.extend(room.members.values());
        }
        for key in room.members.values() {
            for source in &mut self.peers[*key].sources {
                source.receivers.clear();
            }
        }
        for key in room.members.values() {
            for (slot, source) in connections(&self.peers[*key]) {
                let receiver = Receiver { peer: *key, slot };
                if let Some(source) = self.peers[source.peer].source_mut(source.mid) {
                    source.receivers.push(receiver);
                }
            }
        }
    }
}

/// The slots of a peer that carry something, by their place.
fn connections(peer: &Peer) -> Vec<(usize, SourceId)> {
    let slots = peer.slots.iter().enumerate();
    slots
        .filter_map(|(place, slot)| Some((place, slot.source()?)))
        .collect()
}
