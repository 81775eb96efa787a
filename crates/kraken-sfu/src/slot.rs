//! Media sections on which a peer receives others.
//!
//! Slots are never given back to the description, which would grow with every join; one that
//! carries nobody is used for the next speaker of its kind. It has to fall silent in between, as
//! a browser announces a stream only when a section begins to receive.

use crate::feed::Feed;
use crate::pictures::Renumbered;
use crate::sdp::Speaker;
use crate::source::{Arrival, SourceId};
use std::sync::Arc;
use std::time::Instant;
use str0m::Rtc;
use str0m::format::PayloadParams;
use str0m::media::{MediaKind, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpWrite, Ssrc};

/// A source that a peer should receive, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) source: SourceId,
    pub(crate) kind: MediaKind,
    pub(crate) speaker: Speaker,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
    /// Who is named on it in what the client knows, or is about to be told.
    pub(crate) speaker: Option<Speaker>,
    /// Whose packets go out on it.
    source: Option<SourceId>,
    ssrc: Option<Ssrc>,
    pub(crate) feed: Feed,
    payload: Option<(Pt, Option<Pt>)>,
}

impl Slot {
    pub(crate) fn new(mid: Mid, kind: MediaKind) -> Self {
        Self {
            mid,
            kind,
            speaker: None,
            source: None,
            ssrc: None,
            feed: Feed::default(),
            payload: None,
        }
    }

    pub(crate) fn source(&self) -> Option<SourceId> {
        self.source
    }

    /// Which encoding of which source goes out here, or shall.
    pub(crate) fn encoding(&self) -> Option<(SourceId, usize)> {
        Some((self.source?, self.feed.encoding()))
    }

    /// Whether it can be given to a speaker whom the client doesn't know there yet.
    pub(crate) fn is_free(&self, kind: MediaKind) -> bool {
        self.kind == kind && self.speaker.is_none()
    }

    /// Whether the client already expects this speaker here, and nobody is heard.
    pub(crate) fn is_kept_for(&self, wish: &Wish) -> bool {
        let same_user = |speaker: &Speaker| speaker.user == wish.speaker.user;
        self.kind == wish.kind
            && self.source.is_none()
            && self.speaker.as_ref().is_some_and(same_user)
    }

    /// From now on, packets of `source` go out here.
    pub(crate) fn connect(&mut self, source: SourceId) {
        self.source = Some(source);
        self.feed.restart();
        self.payload = None;
    }

    /// Nothing goes out here any more. The client is told later.
    pub(crate) fn disconnect(&mut self) {
        self.source = None;
    }

    /// Queues a packet for the client. False if the client can't take it, or is sent another
    /// layer.
    pub(crate) fn send(&mut self, rtc: &mut Rtc, arrival: &Arrival<'_>, now: Instant) -> bool {
        let Some(pt) = self.payload_type(rtc, arrival.params) else {
            return false;
        };
        let Some(numbers) = self.feed.apply(arrival, now) else {
            return false;
        };
        let packet = arrival.packet;
        let (payload, patch) = match numbers.payload {
            Renumbered::Unchanged => (Arc::clone(&packet.payload), None),
            Renumbered::Patched(patch) => (Arc::clone(&packet.payload), Some(patch)),
            Renumbered::Copied(payload) => (payload, None),
        };
        let mut write = RtpWrite::new(pt, numbers.sequence.into(), numbers.time, now, payload)
            .marker(packet.header.marker)
            .ext_vals(passed_on(&packet.header.ext_vals))
            .nackable(self.kind == MediaKind::Video);
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        self.write(rtc, write)
    }

    fn write(&mut self, rtc: &mut Rtc, write: RtpWrite) -> bool {
        let mut direct = rtc.direct_api();
        if self.ssrc.is_none() {
            self.ssrc = direct
                .stream_tx_by_mid(self.mid, None)
                .map(|stream| stream.ssrc());
        }
        let stream = self.ssrc.and_then(|ssrc| direct.stream_tx(&ssrc));
        stream.map(|stream| stream.write_rtp(write)).is_some()
    }

    /// The client's payload type for a codec of the publisher. `None` if the client doesn't know
    /// the codec.
    fn payload_type(&mut self, rtc: &Rtc, params: PayloadParams) -> Option<Pt> {
        match self.payload {
            Some((from, to)) if from == params.pt() => to,
            Some(_) | None => {
                let found = rtc
                    .codec_config()
                    .match_params(params)
                    .map(PayloadParams::pt);
                let media = rtc.media(self.mid)?;
                let to = found.filter(|pt| media.remote_pts().contains(pt));
                self.payload = Some((params.pt(), to));
                to
            }
        }
    }
}

/// What receivers are told of a packet's header extensions. The others belong to one connection.
fn passed_on(values: &ExtensionValues) -> ExtensionValues {
    ExtensionValues {
        audio_level: values.audio_level,
        voice_activity: values.voice_activity,
        video_orientation: values.video_orientation,
        ..ExtensionValues::default()
    }
}
