//! What of each video every client of a call is sent, and who speaks.

use super::Sfu;
use crate::bandwidth::{Bandwidth, desired};
use crate::error::Error;
use crate::ids::{RoomId, UserId};
use crate::layers::Video;
use crate::messages::{Layer, News, TrackSource, TrackWish, Who};
use crate::peer::Peer;
use crate::source::{PeerKey, Source, SourceId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use str0m::media::MediaKind;

impl Sfu {
    /// A client says how it wants to receive tracks. Those that aren't named stay as they are.
    pub fn receive(
        &mut self,
        now: Instant,
        who: &Who,
        wishes: Vec<TrackWish>,
    ) -> Result<(), Error> {
        let key = self.find_session(who)?;
        let Some(mut bandwidth) = self.peers[key].bandwidth.take() else {
            return Ok(());
        };
        let room = self.rooms.get(&who.room);
        let members = room.into_iter().flat_map(|room| room.members.values());
        let tracks = members.flat_map(|member| self.peers[*member].tracks());
        let tracks = tracks.map(|(_, track)| track.name.as_str()).collect();
        bandwidth.wish(wishes, &tracks);
        self.peers[key].bandwidth = Some(bandwidth);
        self.decide(now, key);
        Ok(())
    }

    /// Whom WHEP clients receive.
    pub(super) fn main_speaker(&self, room: &RoomId) -> Option<PeerKey> {
        self.rooms.get(room)?.call.as_ref()?.speakers.main()
    }

    /// Looks at all calls, a few times a second.
    pub(super) fn look(&mut self, now: Instant) {
        self.look_for_speakers();
        let peers = self.peers.iter_mut();
        let mut calling = Vec::new();
        for (key, peer) in peers.filter(|(_, peer)| peer.bandwidth.is_some()) {
            for source in &mut peer.sources {
                source.look(now);
            }
            calling.push(key);
        }
        for key in calling {
            self.decide(now, key);
            self.tell_layers(key);
        }
        self.follow_taps(now);
    }

    /// Decides for all whose tracks have changed.
    pub(super) fn decide_all(&mut self, now: Instant) {
        for key in std::mem::take(&mut self.undecided) {
            self.decide(now, key);
        }
    }

    /// Chooses what of each video a client is sent from now on.
    fn decide(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get(key) else {
            return;
        };
        let Some(bandwidth) = &peer.bandwidth else {
            return;
        };
        let videos = self.videos(peer, bandwidth);
        let audio = self.audio(peer);
        let most = self.config.limits.videos_per_peer;
        let Peer {
            rtc,
            slots,
            role,
            bandwidth,
            ..
        } = &mut self.peers[key];
        let Some(bandwidth) = bandwidth else {
            return;
        };
        let bound = role.most_bitrate();
        let chosen = bandwidth.choose(now, audio, bound, most, &videos);
        let video: u64 = videos.iter().map(desired).sum();
        let needed = chosen.needed.map_or(0, |needed| audio + needed).min(bound);
        bandwidth.desire(now, rtc, needed, (audio + video).max(needed).min(bound));
        let mut awaited = Vec::new();
        for slot in slots {
            let source = slot.source();
            let choice = source.and_then(|source| Some((source, *chosen.places.get(&source)?)));
            if let Some((source, place)) = choice {
                slot.feed.aim(place);
                awaited.extend(slot.feed.awaited().map(|place| (source, place)));
            }
        }
        for (source, place) in awaited {
            self.ask_keyframe(now, source, place);
        }
    }

    /// The videos that a client receives.
    fn videos(&self, peer: &Peer, bandwidth: &Bandwidth) -> Vec<Video> {
        let silences = self.silences(&peer.room);
        let videos = self.received(peer, MediaKind::Video);
        let videos = videos.filter_map(|(id, source)| {
            Some(Video {
                source: id,
                is_screen: source.is_screen(),
                shown: bandwidth.shown(&source.track.as_ref()?.name),
                silence: silences.get(&id.peer).copied().unwrap_or(usize::MAX),
                layers: source.layers().collect(),
            })
        });
        videos.collect()
    }

    /// Bits a second of all audio that a client receives.
    fn audio(&self, peer: &Peer) -> u64 {
        let sources = self.received(peer, MediaKind::Audio);
        sources.map(|(_, source)| source.bitrate()).sum()
    }

    fn received(&self, peer: &Peer, kind: MediaKind) -> impl Iterator<Item = (SourceId, &Source)> {
        let slots = peer.slots.iter().filter(move |slot| slot.kind == kind);
        let sources = slots.filter_map(|slot| slot.source());
        sources.filter_map(|id| Some((id, self.peers.get(id.peer)?.source(id.mid)?)))
    }

    /// How many have spoken since each last did.
    fn silences(&self, room: &RoomId) -> BTreeMap<PeerKey, usize> {
        let call = self.rooms.get(room).and_then(|room| room.call.as_ref());
        let order = call.map_or(&[][..], |call| call.speakers.order());
        let silences = order.iter().enumerate();
        silences.map(|(silence, key)| (*key, silence)).collect()
    }

    /// Tells a client what of its videos has changed.
    fn tell_layers(&mut self, key: PeerKey) {
        let Some(mut bandwidth) = self.peers[key].bandwidth.take() else {
            return;
        };
        let peer = &self.peers[key];
        let mut received = BTreeSet::new();
        let mut layers = Vec::new();
        for slot in peer
            .slots
            .iter()
            .filter(|slot| slot.kind == MediaKind::Video)
        {
            let source = slot.source();
            let source = source.and_then(|id| self.peers.get(id.peer)?.source(id.mid));
            let Some((source, track)) = source.and_then(|it| Some((it, it.track.as_ref()?))) else {
                continue;
            };
            received.insert(track.name.as_str());
            let place = slot.feed.sent();
            // One that has yet to begin is neither sent nor paused.
            let is_known = place.is_some() || slot.feed.is_paused();
            if is_known && bandwidth.tell(&track.name, place) {
                let rid = place.and_then(|place| source.rid(place));
                layers.push(Layer {
                    track: track.name.clone(),
                    rid: rid.map(|rid| rid.to_string()),
                    is_paused: place.is_none(),
                });
            }
        }
        bandwidth.keep_told(&received);
        let estimate = bandwidth.estimate().unwrap_or_default();
        let (room, user) = (peer.room.clone(), peer.user.clone());
        self.peers[key].bandwidth = Some(bandwidth);
        if !layers.is_empty() {
            self.outbox.stats.layer_changes += layers.len() as u64;
            let news = News::Layers {
                user,
                layers,
                estimate,
            };
            self.tell(&room, news);
        }
    }

    /// Listens who speaks in each call.
    fn look_for_speakers(&mut self) {
        let mut news = Vec::new();
        let mut changed = Vec::new();
        for (id, room) in &mut self.rooms {
            let Some(call) = &mut room.call else {
                continue;
            };
            for key in room.members.values() {
                if let Some(loudness) = loudness(&mut self.peers[*key]) {
                    call.speakers.hear(*key, loudness);
                }
            }
            let before = call.speakers.main();
            call.speakers.look();
            if call.speakers.main() != before {
                changed.push(id.clone());
            }
            if let Some((active, order)) = call.speakers.news() {
                let users = |keys: Vec<PeerKey>| -> Vec<UserId> {
                    let keys = keys.into_iter();
                    keys.map(|key| self.peers[key].user.clone()).collect()
                };
                let (active, order) = (users(active), users(order));
                news.push((id.clone(), News::Speakers { active, order }));
            }
        }
        for (room, news) in news {
            self.tell(&room, news);
        }
        for room in changed {
            self.changed(&room);
        }
    }
}

/// How loud somebody's microphone was.
fn loudness(peer: &mut Peer) -> Option<f32> {
    let is_microphone = |source: &&mut Source| {
        let track = source.track.as_ref();
        track.is_some_and(|track| track.source == TrackSource::Microphone && !track.is_silenced)
    };
    let mut microphones = peer.sources.iter_mut().filter(is_microphone);
    microphones.find_map(|source| source.take_loudness())
}
