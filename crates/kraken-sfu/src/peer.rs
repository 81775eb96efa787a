//! One client in a room: its connection, what it publishes, and what it receives.

use crate::bandwidth::Bandwidth;
use crate::channels::Lane;
use crate::config::{Config, Patience};
use crate::demux::Handles;
use crate::error::Error;
use crate::guard::guarded;
use crate::ids::{RoomId, SessionId, UserId};
use crate::messages::{OfferedTrack, Track, Who};
use crate::negotiation::PendingOffer;
use crate::role::Role;
use crate::sdp::{self, Use};
use crate::slot::{Slot, Wish};
use crate::source::{PeerKey, Source, SourceId};
use crate::stats::{Nacks, Stats};
use crate::tap::Tap;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use str0m::change::SdpOffer;
use str0m::channel::ChannelId;
use str0m::media::{MediaAdded, Mid};
use str0m::net::Transmit;
use str0m::rtp::RtpPacket;
use str0m::{Event, Input, Output, Rtc, RtcError};

/// How far the clock of a connection may go ahead when it paces its packets, with a microsecond
/// from one to the next.
const AHEAD: Duration = Duration::from_micros(200);
/// How many packets may go out at once then.
const MOST_AT_ONCE: usize = 200;

/// What peers gave when they were driven, and nobody has dealt with yet.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) packets: Vec<(PeerKey, RtpPacket)>,
    pub(crate) keyframes: Vec<(PeerKey, Mid)>,
    pub(crate) messages: Vec<(PeerKey, Lane, Vec<u8>)>,
    pub(crate) taps: VecDeque<Tap>,
    pub(crate) lost: Vec<PeerKey>,
    pub(crate) stats: Stats,
}

pub(crate) struct Peer {
    pub(crate) room: RoomId,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) role: Role,
    /// What it can be sent, in a call.
    pub(crate) bandwidth: Option<Bandwidth>,
    pub(crate) rtc: Rtc,
    pub(crate) handles: Handles,
    pub(crate) sources: Vec<Source>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) pending: Option<PendingOffer>,
    /// The client doesn't know the directions of its sections.
    pub(crate) must_renegotiate: bool,
    /// Something was written that has not gone out.
    pub(crate) is_dirty: bool,
    /// Nothing has come for so long that others should no longer see its tracks.
    pub(crate) is_quiet: bool,
    /// Whether it ever was connected.
    pub(crate) is_connected: bool,
    most_sources: usize,
    nacks: Nacks,
    timeout: Instant,
    /// When the first description was agreed on. Before that it can't connect.
    agreed: Option<Instant>,
    heard: Option<Instant>,
}

impl Peer {
    pub(crate) fn new(who: Who, role: Role, rtc: Rtc, config: &Config, now: Instant) -> Self {
        Self {
            room: who.room,
            user: who.user,
            session: who.session,
            bandwidth: role.is_call().then(Bandwidth::default),
            role,
            rtc,
            handles: Handles::default(),
            sources: Vec::new(),
            slots: Vec::new(),
            pending: None,
            must_renegotiate: false,
            is_dirty: false,
            is_quiet: false,
            is_connected: false,
            most_sources: config.limits.tracks_per_peer,
            nacks: Nacks::default(),
            timeout: now,
            agreed: None,
            heard: None,
        }
    }

    /// Takes an offer of the client and gives the answer. All that it sends is published.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        text: &str,
        limit: usize,
    ) -> Result<String, Error> {
        let text = sdp::offer(text, limit, |mid| match mid {
            Some(mid) if self.is_ours(mid) => Use::Ours,
            Some(_) | None => Use::Publishes { with_layers: false },
        })?;
        self.agree(now, &text)
    }

    /// Takes an offer of the client and gives the answer. Only these tracks are published.
    pub(crate) fn accept_tracks(
        &mut self,
        now: Instant,
        text: &str,
        limit: usize,
        tracks: &[OfferedTrack],
    ) -> Result<String, Error> {
        let text = sdp::offer(text, limit, |mid| match mid {
            Some(mid) if self.is_ours(mid) => Use::Ours,
            Some(mid) if tracks.iter().any(|track| track.mid == mid) => {
                Use::Publishes { with_layers: true }
            }
            Some(_) | None => Use::Nothing,
        })?;
        self.agree(now, &text)
    }

    /// Whether the peer receives on a section.
    pub(crate) fn is_ours(&self, mid: &str) -> bool {
        self.slots.iter().any(|slot| *slot.mid == *mid)
    }

    /// Applies an offer that has been cut down.
    pub(crate) fn agree(&mut self, now: Instant, text: &str) -> Result<String, Error> {
        let offer = sdp::parse(|| SdpOffer::from_sdp_string(text))?;
        self.forget_offer();
        let rtc = &mut self.rtc;
        let answer = guarded(|| rtc.sdp_api().accept_offer(offer))
            .ok_or_else(|| Error::OfferRefused("it can't be applied".to_owned()))?
            .map_err(|error| Error::OfferRefused(error.to_string()))?;
        self.agreed.get_or_insert(now);
        let speaker = |mid: &str| self.speaker(mid);
        Ok(sdp::outgoing(&answer.to_sdp_string(), speaker))
    }

    /// The name by which connectivity checks ask for it.
    pub(crate) fn name(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// Gives input to the connection and takes all that it has to say.
    pub(crate) fn drive(&mut self, key: PeerKey, input: Input<'_>, outbox: &mut Outbox) {
        self.is_dirty = false;
        let (Input::Timeout(now) | Input::Receive(now, _)) = input;
        let driven = guarded(|| {
            if self.rtc.handle_input(input).is_err() {
                // A damaged datagram, perhaps not even of this peer.
                outbox.stats.datagrams_refused += 1;
            }
            self.drain(key, outbox)?;
            match self.bandwidth {
                Some(_) => self.drain_pacer(key, now, outbox),
                None => Ok(()),
            }
        });
        match driven {
            Some(Ok(())) if self.rtc.is_alive() => {}
            Some(Ok(())) => outbox.lost.push(key),
            Some(Err(_)) | None => {
                outbox.stats.peers_failed += 1;
                outbox.lost.push(key);
            }
        }
    }

    /// Takes what a connection that paces its packets has to say now: it gives one of them at a
    /// time, and the next one a microsecond later.
    fn drain_pacer(
        &mut self,
        key: PeerKey,
        now: Instant,
        outbox: &mut Outbox,
    ) -> Result<(), RtcError> {
        for _ in 0..MOST_AT_ONCE {
            if self.timeout > now + AHEAD {
                break;
            }
            self.rtc.handle_input(Input::Timeout(self.timeout))?;
            self.drain(key, outbox)?;
        }
        Ok(())
    }

    fn drain(&mut self, key: PeerKey, outbox: &mut Outbox) -> Result<(), RtcError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(timeout) => {
                    self.timeout = timeout;
                    return Ok(());
                }
                Output::Transmit(transmit) => outbox.transmits.push_back(transmit),
                Output::Event(event) => self.handle_event(key, event, outbox),
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "events are many, non-exhaustive, and mostly of features that are off"
    )]
    fn handle_event(&mut self, key: PeerKey, event: Event, outbox: &mut Outbox) {
        match event {
            Event::RtpPacket(packet) => outbox.packets.push((key, packet)),
            Event::KeyframeRequest(request) => outbox.keyframes.push((key, request.mid)),
            Event::Connected => self.is_connected = true,
            // What is published in a call is said beside the description.
            Event::MediaAdded(added) if !self.role.is_call() => self.add_source(&added),
            Event::MediaChanged(changed) if !self.role.is_call() => {
                if let Some(source) = self.source_mut(changed.mid) {
                    source.is_open = changed.direction.is_receiving();
                }
            }
            Event::MediaEgressStats(stats) => {
                outbox.stats.report(&stats);
                outbox.stats.nacks_in += self.nacks.advance(stats.mid, stats.nacks);
            }
            Event::MediaIngressStats(stats) => {
                outbox.stats.nacks_out += self.nacks.advance(stats.mid, stats.nacks);
            }
            Event::ChannelOpen(id, label) => self.open_channel(id, &label),
            Event::ChannelClose(id) => {
                if let Some(membership) = self.role.membership() {
                    membership.channels.close(id);
                }
            }
            Event::ChannelData(message) => {
                let membership = self.role.membership();
                let lane = membership.and_then(|member| member.channels.lane(message.id));
                if let Some(lane) = lane {
                    outbox.messages.push((key, lane, message.data));
                }
            }
            Event::EgressBitrateEstimate(estimate) => {
                if let Some(bandwidth) = &mut self.bandwidth {
                    bandwidth.estimated(&estimate);
                }
            }
            Event::Closed => outbox.lost.push(key),
            _ => {}
        }
    }

    fn open_channel(&mut self, id: ChannelId, label: &str) {
        let membership = self.role.membership();
        let is_used = membership.is_some_and(|member| member.channels.open(id, label));
        if !is_used {
            self.rtc.direct_api().close_data_channel(id);
        }
    }

    /// A client of a call publishes a track, which is in the description.
    pub(crate) fn add_track(&mut self, mid: Mid, track: Track) {
        let source = Source::of_call(mid, track, &self.rtc);
        self.sources.push(source);
    }

    /// Its tracks in a call, by their sections.
    pub(crate) fn tracks(&self) -> impl Iterator<Item = (Mid, &Track)> {
        let sources = self.sources.iter();
        sources.filter_map(|source| Some((source.mid, source.track.as_ref()?)))
    }

    /// A track of it in a call, and its section.
    pub(crate) fn track_mut(&mut self, name: &str) -> Option<(Mid, &mut Track)> {
        let sources = self.sources.iter_mut();
        let mut tracks = sources.filter_map(|source| Some((source.mid, source.track.as_mut()?)));
        tracks.find(|(_, track)| track.name == name)
    }

    /// Whether a description was ever agreed on.
    pub(crate) fn has_agreed(&self) -> bool {
        self.agreed.is_some()
    }

    /// When the first description was agreed on.
    pub(crate) fn first_agreed(&self) -> Option<Instant> {
        self.agreed
    }

    /// Whether it can connect, but hasn't.
    pub(crate) fn is_connecting(&self) -> bool {
        self.has_agreed() && !self.is_connected
    }

    /// Whether media can go over a section.
    pub(crate) fn can_use(&self, mid: &str) -> bool {
        let media = self.rtc.media(Mid::from(mid));
        media.is_some_and(|media| !media.disabled() && !media.remote_pts().is_empty())
    }

    /// What its connection is estimated to take, in bits a second.
    pub(crate) fn estimate(&self) -> u64 {
        let bandwidth = self.bandwidth.as_ref();
        bandwidth.and_then(Bandwidth::estimate).unwrap_or_default()
    }

    fn add_source(&mut self, added: &MediaAdded) {
        if added.direction.is_receiving() && self.sources.len() < self.most_sources {
            self.sources.push(Source::new(added.mid, added.kind));
        }
    }

    pub(crate) fn source(&self, mid: Mid) -> Option<&Source> {
        self.sources.iter().find(|source| source.mid == mid)
    }

    pub(crate) fn source_mut(&mut self, mid: Mid) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.mid == mid)
    }

    /// The tracks that others should receive.
    pub(crate) fn wishes(&self, key: PeerKey) -> impl Iterator<Item = Wish> {
        let sources = self.sources.iter().enumerate();
        let live = sources
            .filter(|(_, source)| source.track.is_some() || (source.is_live() && !self.is_quiet));
        live.map(move |(place, source)| Wish {
            source: SourceId {
                peer: key,
                mid: source.mid,
            },
            kind: source.kind,
            speaker: sdp::Speaker {
                user: self.user.clone(),
                track: match &source.track {
                    Some(track) => track.name.clone(),
                    None => self.track_name(place),
                },
            },
        })
    }

    /// What a source of a polling client is called in descriptions. The first has the name of the
    /// session, as if there were no others.
    fn track_name(&self, place: usize) -> String {
        match place {
            0 => self.session.to_string(),
            _ => format!("{}-{place}", self.session),
        }
    }

    /// It has shown that it is there.
    pub(crate) fn hear(&mut self, now: Instant) {
        self.heard = Some(now);
        self.is_quiet = false;
    }

    /// Whether it was heard lately.
    pub(crate) fn is_present(&self, now: Instant, patience: &Patience) -> bool {
        self.heard
            .is_some_and(|heard| now.saturating_duration_since(heard) < patience.quiet)
    }

    /// Notes whether it is silent for so long that its tracks should go. True if it has to go
    /// itself.
    pub(crate) fn is_gone(&mut self, now: Instant, patience: &Patience) -> bool {
        let Some(agreed) = self.agreed else {
            let away = self.role.membership().and_then(|member| member.away);
            return away.is_some_and(|since| now.saturating_duration_since(since) >= patience.gone);
        };
        if !self.is_connected {
            return now.saturating_duration_since(agreed) >= patience.connecting;
        }
        let silence = now.saturating_duration_since(self.heard.unwrap_or(agreed));
        self.is_quiet = silence >= patience.quiet;
        silence >= patience.gone
    }

    /// When it wants to be driven by time.
    pub(crate) fn timeout(&self) -> Instant {
        let keyframes = self.sources.iter().filter_map(Source::keyframe_due);
        keyframes.fold(self.timeout, Instant::min)
    }
}
