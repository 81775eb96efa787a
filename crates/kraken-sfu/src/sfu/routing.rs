//! The way of a packet from its publisher to all who receive it.

use super::Sfu;
use crate::demux::{Transport, asked_for};
use crate::ids::RoomId;
use crate::messages::Datagram;
use crate::peer::Peer;
use crate::slot::Wish;
use crate::source::{PeerKey, Receiver, SourceId};
use std::collections::BTreeMap;
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
        source.is_heard = true;
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

    pub(super) fn ask_keyframes(&mut self, now: Instant, sources: impl Iterator<Item = SourceId>) {
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
        let others = room.into_iter().flat_map(BTreeMap::values);
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
}

/// The slots of a peer that carry something, by their place.
fn connections(peer: &Peer) -> Vec<(usize, SourceId)> {
    let slots = peer.slots.iter().enumerate();
    slots
        .filter_map(|(place, slot)| Some((place, slot.source()?)))
        .collect()
}
