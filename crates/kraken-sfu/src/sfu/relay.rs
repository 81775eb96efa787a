//! Data channels: what one member of a call sends, the others get.

use super::Sfu;
use crate::channels::{Lane, MOST_WAITING, Message};
use crate::guard::guarded;
use crate::source::PeerKey;
use std::time::Instant;

impl Sfu {
    /// Passes on a message of a member. One that breaks the rules is lost; on the channel on which
    /// nothing may be lost, it ends the member's session instead.
    pub(super) fn relay(&mut self, now: Instant, from: PeerKey, lane: Lane, frame: &[u8]) {
        let Some(peer) = self.peers.get_mut(from) else {
            return;
        };
        let Some(membership) = peer.role.membership() else {
            return;
        };
        let is_afforded = membership.channels.afford(now, frame.len());
        let message = Message::parse(frame).filter(|_| is_afforded);
        let passed = message.and_then(|message| {
            let passed = message.framed(&membership.name)?;
            Some((message.receiver, passed))
        });
        let Some((receiver, frame)) = passed else {
            self.miss(from, lane);
            return;
        };
        let room = self.rooms.get(&peer.room).map(|room| &room.members);
        let others = room.into_iter().flat_map(|members| members.values());
        let others: Vec<PeerKey> = others.copied().filter(|key| *key != from).collect();
        for key in others {
            if receiver.is_none_or(|name| self.is_named(key, name)) {
                self.pass(key, lane, &frame);
            }
        }
    }

    fn is_named(&mut self, key: PeerKey, name: &[u8]) -> bool {
        let membership = self.peers[key].role.membership();
        membership.is_some_and(|member| member.name.as_bytes() == name)
    }

    /// Gives a message to a member who has opened the channel.
    fn pass(&mut self, key: PeerKey, lane: Lane, frame: &[u8]) {
        let peer = &mut self.peers[key];
        let membership = peer.role.membership();
        let Some(id) = membership.and_then(|member| member.channels.id(lane)) else {
            return;
        };
        let rtc = &mut peer.rtc;
        let written = guarded(|| {
            let mut channel = rtc.channel(id)?;
            if channel.buffered_amount() + frame.len() > MOST_WAITING {
                return Some(false);
            }
            channel.write(true, frame).ok()
        });
        if written == Some(Some(true)) {
            self.outbox.stats.messages_out += 1;
            self.mark(key);
        } else {
            self.miss(key, lane);
        }
    }

    /// A message of or for a member is lost.
    fn miss(&mut self, key: PeerKey, lane: Lane) {
        self.outbox.stats.messages_lost += 1;
        if lane == Lane::Reliable {
            self.outbox.lost.push(key);
        }
    }
}
