//! Calls: members who join before they publish, and to whom offers are pushed.

use super::Sfu;
use super::taps::end_tap;
use crate::error::{CallError, Error};
use crate::ids::{RoomId, UserId};
use crate::messages::{
    CallEvent, Event, Farewell, Join, News, OfferedTrack, Participant, Published, Roster, Track,
    Who,
};
use crate::peer::Peer;
use crate::role::{Membership, Role};
use crate::sdp;
use crate::slot::Slot;
use crate::source::{PeerKey, SourceId};
use crate::speakers::Speakers;
use std::collections::BTreeSet;
use std::time::Instant;
use str0m::media::Mid;

/// Users of a call of whom it is remembered that they were removed.
const MOST_REMOVED: usize = 4_096;

/// What a room is that isn't for clients of JSON-RPC.
#[derive(Default)]
pub(super) struct Call {
    is_locked: bool,
    removed: BTreeSet<UserId>,
    /// How many tracks were named.
    tracks: u64,
    pub(super) speakers: Speakers<PeerKey>,
    pub(super) is_tapped: bool,
}

impl Call {
    fn name_track(&mut self) -> String {
        self.tracks += 1;
        format!("t{}", self.tracks)
    }
}

impl Sfu {
    /// Lets a user join a call. What the others publish is offered once the client has made its
    /// first offer, perhaps of nothing.
    pub fn join(&mut self, now: Instant, join: Join) -> Result<(), Error> {
        let Join {
            who,
            rights,
            bounds,
        } = join;
        let before = self.find(&who.room, &who.user);
        if before.is_some_and(|before| !self.is_away(before)) {
            return Err(CallError::UserTaken(who.user).into());
        }
        self.check_entry(&who, rights.moderate)?;
        self.check_space(&who.room, before.is_some(), Some(bounds.peers))?;
        if let Some(before) = before {
            self.close(before, Farewell::Replaced);
        }
        let role = Role::Member(Membership {
            name: who.user.name(),
            rights,
            bounds,
            offers: 0,
            away: None,
            channels: Default::default(),
        });
        let rtc = self.connection(now, role.is_call());
        let key = self.insert(Peer::new(who, role, rtc, &self.config, now));
        self.tell_changed(key);
        Ok(())
    }

    /// A member who was away, or whose new connection has overtaken the end of the old one, can be
    /// told things again. An offer that waits for an answer is made again.
    pub fn resume(&mut self, join: &Join) -> Result<(), Error> {
        let key = self.find_session(&join.who)?;
        let membership = self.membership(key)?;
        membership.rights = join.rights;
        membership.bounds = join.bounds;
        membership.away = None;
        if !join.rights.publish {
            self.publish_tracks(key, &[]);
            self.changed(&join.who.room);
            self.tell_changed(key);
        }
        match self.peers[key].standing_offer() {
            Some(offer) => self.tell(&join.who.room, News::Offer(offer)),
            None => {
                self.due.insert(key);
            }
        }
        Ok(())
    }

    /// A member can't be told anything any more. Its media goes on.
    pub fn part(&mut self, now: Instant, who: &Who) -> Result<(), Error> {
        let key = self.find_session(who)?;
        self.membership(key)?.away = Some(now);
        Ok(())
    }

    /// Takes an offer of a member, with the tracks that it publishes from now on. It takes back an
    /// offer that the member hasn't answered.
    pub fn offer(
        &mut self,
        now: Instant,
        who: &Who,
        text: &str,
        tracks: &[OfferedTrack],
    ) -> Result<Published, Error> {
        let key = self.find_session(who)?;
        self.check_tracks(key, text, tracks)?;
        let limit = self.config.limits.sdp_bytes;
        let accepted = self.peers[key].accept_tracks(now, text, limit, tracks);
        let sdp = self.close_if_refused(key, accepted)?;
        self.publish_tracks(key, tracks);
        let names = tracks.iter().filter_map(|offered| {
            let mut tracks = self.peers[key].tracks();
            let found = tracks.find(|(mid, _)| **mid == *offered.mid);
            found.map(|(_, track)| track.clone())
        });
        let tracks = names.collect();
        self.rename(key);
        self.mark(key);
        self.changed(&who.room);
        self.tell_changed(key);
        Ok(Published { sdp, tracks })
    }

    /// Takes a member's answer to an offer.
    pub fn answer_offer(
        &mut self,
        now: Instant,
        who: &Who,
        number: u32,
        answer: &str,
    ) -> Result<(), Error> {
        let key = self.find_session(who)?;
        let pending = self.peers[key].pending.as_ref();
        if pending.is_none_or(|pending| pending.number != number) {
            return Err(CallError::OfferGone(number).into());
        }
        self.answer(now, who, answer)?;
        // What has changed meanwhile was not offered.
        self.due.insert(key);
        Ok(())
    }

    /// A member says whether its track is silent. One that an admin has silenced is heard again
    /// when its publisher says that it isn't.
    pub fn mute(&mut self, who: &Who, track: &str, is_muted: bool) -> Result<(), Error> {
        let key = self.find_session(who)?;
        let found = self.peers[key].track_mut(track);
        let (mid, track) = found.ok_or(CallError::NoSuchTrack)?;
        track.is_muted = is_muted;
        let is_heard_again = track.is_silenced && !is_muted;
        track.is_silenced &= is_muted;
        if is_heard_again {
            // What was held back is no loss that receivers should ask for.
            let source = SourceId { peer: key, mid };
            self.change_slots(source, |slot| slot.connect(source));
            self.connect(&who.room);
        }
        self.tell_changed(key);
        Ok(())
    }

    /// Nothing of a track goes to anybody until its publisher unmutes it.
    pub fn silence(&mut self, room: &RoomId, track: &str) -> Result<(), Error> {
        let members = &self.rooms.get(room).ok_or(CallError::NoSuchRoom)?.members;
        for (user, key) in members.clone() {
            let Some((_, found)) = self.peers[key].track_mut(track) else {
                continue;
            };
            found.is_silenced = true;
            let track = found.name.clone();
            self.tell(room, News::Silenced { user, track });
            self.tell_changed(key);
            return Ok(());
        }
        Err(CallError::NoSuchTrack.into())
    }

    /// A user has to leave, and can't come back under the same name until the room is empty.
    pub fn remove(&mut self, now: Instant, room: &RoomId, user: &UserId) -> Result<(), Error> {
        let call = self.call_mut(room).ok_or(CallError::NoSuchRoom)?;
        if call.removed.len() < MOST_REMOVED {
            call.removed.insert(user.clone());
        }
        let key = self.find(room, user).ok_or(CallError::NoSuchUser)?;
        self.say_goodbye(now, key);
        self.close(key, Farewell::Removed);
        Ok(())
    }

    /// Nobody but admins can join any more, or everybody again.
    pub fn lock(&mut self, room: &RoomId, is_locked: bool) -> Result<(), Error> {
        let call = self.call_mut(room).ok_or(CallError::NoSuchRoom)?;
        if std::mem::replace(&mut call.is_locked, is_locked) != is_locked {
            self.tell(room, News::Locked { is_locked });
        }
        Ok(())
    }

    /// Who is in a call. `None` if nobody is.
    pub fn roster(&self, room: &RoomId) -> Option<Roster> {
        let room = self.rooms.get(room)?;
        let call = room.call.as_ref()?;
        let peers = room.members.values().map(|key| &self.peers[*key]);
        Some(Roster {
            is_locked: call.is_locked,
            participants: peers.map(participant).collect(),
        })
    }

    /// Somebody in a call.
    pub fn participant(&self, room: &RoomId, user: &UserId) -> Option<Participant> {
        let peer = &self.peers[self.find(room, user)?];
        peer.role.is_call().then(|| participant(peer))
    }

    /// Whether somebody can join, apart from how many are there.
    pub(super) fn check_entry(&self, who: &Who, is_admin: bool) -> Result<(), Error> {
        let call = self
            .rooms
            .get(&who.room)
            .and_then(|room| room.call.as_ref());
        match call {
            Some(call) if call.removed.contains(&who.user) => Err(CallError::Removed.into()),
            Some(call) if call.is_locked && !is_admin => Err(CallError::Locked.into()),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether as many users publish as may, besides this one.
    pub(super) fn check_publishers(
        &self,
        room: &RoomId,
        user: &UserId,
        most: usize,
    ) -> Result<(), Error> {
        let members = self.rooms.get(room).map(|room| &room.members);
        let others = members
            .into_iter()
            .flatten()
            .filter(|(other, key)| *other != user && self.peers[**key].tracks().next().is_some());
        match others.count() {
            publishers if publishers >= most => {
                Err(CallError::TooManyPublishers(publishers).into())
            }
            _ => Ok(()),
        }
    }

    fn check_tracks(
        &mut self,
        key: PeerKey,
        text: &str,
        tracks: &[OfferedTrack],
    ) -> Result<(), Error> {
        let membership = self.membership(key)?;
        let (rights, bounds) = (membership.rights, membership.bounds);
        let limits = &self.config.limits;
        if !tracks.is_empty() && !rights.publish {
            return Err(CallError::MayNotPublish.into());
        }
        if tracks.len() > limits.tracks_per_peer {
            return Err(CallError::TooManyTracks(tracks.len(), limits.tracks_per_peer).into());
        }
        let peer = &self.peers[key];
        let media = sdp::media(text, limits.sdp_bytes)?;
        let mut named = BTreeSet::new();
        for track in tracks {
            let mut media = media.iter();
            let is_there = media.any(|(mid, kind)| {
                *mid == track.mid && *kind == track.source.kind() && !peer.is_ours(mid)
            });
            if !is_there || !named.insert(&track.mid) {
                return Err(CallError::BadTrack(track.mid.chars().take(64).collect()).into());
            }
        }
        match tracks {
            [] => Ok(()),
            _ => self.check_publishers(&peer.room, &peer.user, bounds.publishers),
        }
    }

    /// Brings what a peer publishes in line with what it has offered. A track keeps its name for
    /// as long as it shows the same on the same section.
    pub(super) fn publish_tracks(&mut self, key: PeerKey, offered: &[OfferedTrack]) {
        let goes_on = |mid: Mid, track: &Track| {
            let mut offered = offered.iter();
            offered.any(|offer| offer.mid == *mid && offer.source == track.source)
        };
        let tracks = self.peers[key].tracks();
        let gone = tracks.filter(|(mid, track)| !goes_on(*mid, track));
        for mid in gone.map(|(mid, _)| mid).collect::<Vec<_>>() {
            self.withdraw(SourceId { peer: key, mid });
        }
        for offer in offered {
            let mid = Mid::from(offer.mid.as_str());
            let source = self.peers[key].source_mut(mid);
            match source.and_then(|source| source.track.as_mut()) {
                Some(track) => track.is_muted = offer.is_muted,
                None => self.publish_track(key, mid, offer),
            }
        }
    }

    fn publish_track(&mut self, key: PeerKey, mid: Mid, offer: &OfferedTrack) {
        let room = self.peers[key].room.clone();
        let Some(call) = self.call_mut(&room) else {
            return;
        };
        let track = Track {
            name: call.name_track(),
            source: offer.source,
            is_muted: offer.is_muted,
            is_silenced: false,
        };
        self.peers[key].add_track(mid, track);
    }

    /// A track is no longer published: nobody receives it.
    fn withdraw(&mut self, gone: SourceId) {
        let peer = &mut self.peers[gone.peer];
        if let Some(source) = peer.source_mut(gone.mid) {
            end_tap(source, &mut self.outbox);
        }
        peer.sources.retain(|source| source.mid != gone.mid);
        self.change_slots(gone, Slot::disconnect);
    }

    /// Changes all slots on which a source goes out.
    fn change_slots(&mut self, source: SourceId, change: impl Fn(&mut Slot)) {
        let room = self.rooms.get(&self.peers[source.peer].room);
        let members = room.into_iter().flat_map(|room| room.members.values());
        for key in members {
            let slots = self.peers[*key].slots.iter_mut();
            for slot in slots.filter(|slot| slot.source() == Some(source)) {
                change(slot);
            }
        }
    }

    fn is_away(&mut self, key: PeerKey) -> bool {
        let membership = self.peers[key].role.membership();
        membership.is_some_and(|member| member.away.is_some())
    }

    /// What a member of a call has. Clients of WHIP and WHEP aren't members, and not known as
    /// such.
    fn membership(&mut self, key: PeerKey) -> Result<&mut Membership, Error> {
        let membership = self.peers[key].role.membership();
        Ok(membership.ok_or(CallError::NoSuchUser)?)
    }

    fn call_mut(&mut self, room: &RoomId) -> Option<&mut Call> {
        self.rooms.get_mut(room)?.call.as_mut()
    }

    /// Tells a room that somebody has other tracks than before.
    pub(super) fn tell_changed(&mut self, key: PeerKey) {
        let Peer { room, user, .. } = &self.peers[key];
        let (room, user) = (room.clone(), user.clone());
        self.tell(&room, News::Changed { user });
    }

    pub(super) fn tell(&mut self, room: &RoomId, news: News) {
        let room = room.clone();
        self.events.push_back(Event::Call(CallEvent { room, news }));
    }
}

fn participant(peer: &Peer) -> Participant {
    Participant {
        user: peer.user.clone(),
        session: peer.session.clone(),
        tracks: peer.tracks().map(|(_, track)| track.clone()).collect(),
        is_viewer: matches!(peer.role, Role::Whep(_)),
        estimate: peer.estimate(),
    }
}
