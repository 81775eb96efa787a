//! One client in a room: its connection, what it publishes, and what it receives.

use crate::config::{Config, Patience};
use crate::demux::Handles;
use crate::error::Error;
use crate::guard::guarded;
use crate::ids::{RoomId, SessionId, UserId};
use crate::negotiation::PendingOffer;
use crate::sdp;
use crate::slot::{Slot, Wish};
use crate::source::{PeerKey, Source, SourceId};
use crate::stats::{Nacks, Stats};
use std::collections::VecDeque;
use std::time::Instant;
use str0m::change::SdpOffer;
use str0m::media::{MediaAdded, Mid};
use str0m::net::Transmit;
use str0m::rtp::RtpPacket;
use str0m::{Event, Input, Output, Rtc, RtcError};

/// What peers gave when they were driven, and nobody has dealt with yet.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) packets: Vec<(PeerKey, RtpPacket)>,
    pub(crate) keyframes: Vec<(PeerKey, Mid)>,
    pub(crate) lost: Vec<PeerKey>,
    pub(crate) stats: Stats,
}

pub(crate) struct Peer {
    pub(crate) room: RoomId,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
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
    born: Instant,
    heard: Option<Instant>,
}

impl Peer {
    pub(crate) fn new(
        room: RoomId,
        user: UserId,
        session: SessionId,
        rtc: Rtc,
        config: &Config,
        now: Instant,
    ) -> Self {
        Self {
            room,
            user,
            session,
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
            born: now,
            heard: None,
        }
    }

    /// Takes an offer of the client and gives the answer.
    pub(crate) fn accept(&mut self, text: &str, limit: usize) -> Result<String, Error> {
        let text = sdp::offer(text, limit, |mid| {
            self.slots.iter().any(|slot| *slot.mid == *mid)
        })?;
        let offer = sdp::parse(|| SdpOffer::from_sdp_string(&text))?;
        self.forget_offer();
        let rtc = &mut self.rtc;
        let answer = guarded(|| rtc.sdp_api().accept_offer(offer))
            .ok_or_else(|| Error::OfferRefused("it can't be applied".to_owned()))?
            .map_err(|error| Error::OfferRefused(error.to_string()))?;
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
        let driven = guarded(|| {
            if self.rtc.handle_input(input).is_err() {
                // A damaged datagram, perhaps not even of this peer.
                outbox.stats.datagrams_refused += 1;
            }
            self.drain(key, outbox)
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
            Event::MediaAdded(added) => self.add_source(&added),
            Event::MediaChanged(changed) => {
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
            Event::Closed => outbox.lost.push(key),
            _ => {}
        }
    }

    fn add_source(&mut self, added: &MediaAdded) {
        if added.direction.is_receiving() && self.sources.len() < self.most_sources {
            self.sources.push(Source::new(added.mid, added.kind));
        }
    }

    pub(crate) fn source_mut(&mut self, mid: Mid) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.mid == mid)
    }

    /// The tracks that others should receive.
    pub(crate) fn wishes(&self, key: PeerKey) -> impl Iterator<Item = Wish> {
        let sources = self.sources.iter().enumerate();
        let live = sources.filter(|(_, source)| source.is_live() && !self.is_quiet);
        live.map(move |(place, source)| Wish {
            source: SourceId {
                peer: key,
                mid: source.mid,
            },
            kind: source.kind,
            speaker: sdp::Speaker {
                user: self.user.clone(),
                track: self.track(place),
            },
        })
    }

    /// What a source is called in descriptions. The first has the name of the session, as if
    /// there were no others.
    fn track(&self, place: usize) -> String {
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
        if !self.is_connected {
            return now.saturating_duration_since(self.born) >= patience.connecting;
        }
        let silence = now.saturating_duration_since(self.heard.unwrap_or(self.born));
        self.is_quiet = silence >= patience.quiet;
        silence >= patience.gone
    }

    /// When it wants to be driven by time.
    pub(crate) fn timeout(&self) -> Instant {
        let keyframes = self.sources.iter().filter_map(Source::keyframe_due);
        keyframes.fold(self.timeout, Instant::min)
    }
}
