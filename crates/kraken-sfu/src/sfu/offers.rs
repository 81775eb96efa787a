//! Tells clients of calls what they receive: members by offers, and WHEP clients by sending it on
//! the sections that they have.

use super::Sfu;
use crate::ids::RoomId;
use crate::messages::News;
use crate::peer::Peer;
use crate::role::Role;
use crate::source::{PeerKey, SourceId};
use std::time::Instant;
use str0m::media::MediaKind;

impl Sfu {
    /// What is published in a call has changed, or who speaks.
    pub(super) fn changed(&mut self, room: &RoomId) {
        let room = self.rooms.get(room).filter(|room| room.call.is_some());
        let members = room.into_iter().flat_map(|room| room.members.values());
        self.due.extend(members);
    }

    /// Gives one of those who are due what they receive now. False if nobody is. An offer to
    /// somebody in a large call takes milliseconds, for which no packet may have to wait more than
    /// once.
    pub(super) fn serve_due(&mut self, now: Instant) -> bool {
        let Some(key) = self.due.pop_first() else {
            return false;
        };
        match &self.peers[key].role {
            Role::Member(member) if member.away.is_none() => self.push_offer(now, key),
            Role::Whep(_) => self.follow(now, key),
            Role::Member(_) | Role::Whip(_) | Role::Polled => {}
        }
        true
    }

    /// Makes an offer to a member, unless one waits for an answer: what has changed since then is
    /// offered after that.
    fn push_offer(&mut self, now: Instant, key: PeerKey) {
        let peer = &self.peers[key];
        if !peer.has_agreed() {
            return;
        }
        let is_pending = peer.pending.is_some();
        self.renegotiate(now, key);
        let peer = &self.peers[key];
        let offer = peer.standing_offer().filter(|_| !is_pending);
        if let Some(offer) = offer {
            let room = peer.room.clone();
            self.outbox.stats.offers += 1;
            self.tell(&room, News::Offer(offer));
        }
    }

    /// Lets a WHEP client hear and see who speaks.
    fn follow(&mut self, now: Instant, key: PeerKey) {
        let mut joined = Vec::new();
        let mut is_changed = false;
        for place in 0..self.peers[key].slots.len() {
            let slot = &self.peers[key].slots[place];
            let (kind, before) = (slot.kind, slot.source());
            let chosen = self.shown(key, kind, before);
            if chosen == before {
                continue;
            }
            is_changed = true;
            let slot = &mut self.peers[key].slots[place];
            match chosen {
                Some(source) => slot.connect(source),
                None => slot.disconnect(),
            }
            joined.extend(chosen);
        }
        if is_changed {
            let room = self.peers[key].room.clone();
            self.connect(&room);
            self.ask_keyframes(now, joined.into_iter());
        }
    }

    /// What a WHEP client should receive: of the main speaker, else what it receives already, else
    /// of whoever came first.
    fn shown(
        &self,
        viewer: PeerKey,
        kind: MediaKind,
        before: Option<SourceId>,
    ) -> Option<SourceId> {
        let room = &self.peers[viewer].room;
        let speaker = self.main_speaker(room);
        let speaker = speaker.and_then(|key| first_source(key, &self.peers[key], kind));
        speaker.or(before).or_else(|| {
            let members = self.rooms.get(room)?.members.values();
            let mut members: Vec<&PeerKey> = members.collect();
            members.sort_by_key(|key| self.peers[**key].first_agreed());
            let mut sources = members
                .into_iter()
                .filter_map(|key| first_source(*key, &self.peers[*key], kind));
            sources.next()
        })
    }
}

fn first_source(key: PeerKey, peer: &Peer, kind: MediaKind) -> Option<SourceId> {
    let mut tracks = peer
        .tracks()
        .filter(|(_, track)| track.source.kind() == kind);
    tracks.next().map(|(mid, _)| SourceId { peer: key, mid })
}
