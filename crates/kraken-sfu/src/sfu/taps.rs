//! Gives out what is published in calls that are tapped.

use super::Sfu;
use super::calls::Call;
use crate::error::{CallError, Error};
use crate::ids::RoomId;
use crate::peer::{Outbox, Peer};
use crate::source::{Arrival, Source, SourceId};
use crate::tap::{SourceTap, Tap, TapId, TapTrack};
use std::time::Instant;
use str0m::media::MediaKind;

impl Sfu {
    /// Lets what is published in a call go out by [`Sfu::poll_tap`] too, or no longer. When the
    /// call ends, so does this.
    pub fn tap(&mut self, now: Instant, room: &RoomId, is_on: bool) -> Result<(), Error> {
        let call = self.rooms.get_mut(room).and_then(|room| room.call.as_mut());
        call.ok_or(CallError::NoSuchRoom)?.is_tapped = is_on;
        match is_on {
            true => self.follow_taps(now),
            false => {
                let members = self.rooms.get(room).map(|room| &room.members);
                for key in members.into_iter().flat_map(|members| members.values()) {
                    for source in &mut self.peers[*key].sources {
                        end_tap(source, &mut self.outbox);
                    }
                }
            }
        }
        Ok(())
    }

    /// The next thing that was published in a call that is tapped.
    pub fn poll_tap(&mut self) -> Option<Tap> {
        self.outbox.taps.pop_front()
    }

    /// Whoever writes a track down needs a keyframe of it.
    pub fn ask_tap_keyframe(&mut self, now: Instant, track: TapId) {
        let found = self.peers.iter().find_map(|(key, peer)| {
            let mut sources = peer.sources.iter();
            sources.find_map(|source| {
                let tap = source.tap.as_ref()?;
                let mid = source.mid;
                let is_meant = tap.id() == Some(track);
                is_meant.then(|| (SourceId { peer: key, mid }, tap.feed.encoding()))
            })
        });
        if let Some((source, place)) = found {
            self.ask_keyframe(now, source, place);
        }
    }

    /// Taps what is new in calls that are tapped, and the highest layer of each video.
    pub(super) fn follow_taps(&mut self, now: Instant) {
        let is_tapped = |call: &Call| call.is_tapped;
        let rooms = self.rooms.values();
        let tapped = rooms.filter(|room| room.call.as_ref().is_some_and(is_tapped));
        let keys = tapped.flat_map(|room| room.members.values().copied());
        let mut awaited = Vec::new();
        for key in keys {
            for source in &mut self.peers[key].sources {
                let highest = source.layers().last().map(|layer| layer.place);
                let tap = source.tap.get_or_insert_default();
                if source.kind == MediaKind::Video {
                    tap.feed.aim(highest);
                }
                let mid = source.mid;
                let place = tap.feed.awaited();
                awaited.extend(place.map(|place| (SourceId { peer: key, mid }, place)));
            }
        }
        for (source, place) in awaited {
            self.ask_keyframe(now, source, place);
        }
    }

    /// Gives out a packet of a source that is tapped.
    pub(super) fn forward_to_tap(
        &mut self,
        now: Instant,
        from: SourceId,
        tap: &mut SourceTap,
        arrival: &Arrival<'_>,
    ) {
        let Some(packet) = tap.take(arrival, now) else {
            return;
        };
        let before = tap.id();
        let spec = arrival.params.spec();
        let (track, is_new) = tap.name(spec.codec, &mut self.taps);
        if is_new {
            let Some(begun) = self.tap_track(from, track, arrival) else {
                return;
            };
            let taps = &mut self.outbox.taps;
            taps.extend(before.map(|track| Tap::End { track }));
            taps.push_back(Tap::Track(begun));
        }
        self.outbox.taps.push_back(Tap::Packet { track, packet });
    }

    fn tap_track(&self, from: SourceId, id: TapId, arrival: &Arrival<'_>) -> Option<TapTrack> {
        let peer = &self.peers[from.peer];
        let Peer { room, user, .. } = peer;
        let source = peer.source(from.mid)?;
        let track = source.track.as_ref()?;
        let spec = arrival.params.spec();
        Some(TapTrack {
            id,
            room: room.clone(),
            user: user.clone(),
            name: track.name.clone(),
            source: track.source,
            kind: source.kind,
            codec: spec.codec,
            clock_rate: spec.clock_rate.get(),
        })
    }
}

/// A source is gone, or no longer tapped.
pub(super) fn end_tap(source: &mut Source, outbox: &mut Outbox) {
    let tap = source.tap.take();
    let track = tap.and_then(|tap| tap.id());
    outbox.taps.extend(track.map(|track| Tap::End { track }));
}
