//! A track that a peer publishes.

use crate::codec::{Size, picture_size, starts_keyframe};
use crate::keyframes::KeyframeGate;
use crate::layers::Layer;
use crate::messages::{Track, TrackSource};
use crate::meter::Meter;
use crate::speakers;
use crate::tap::SourceTap;
use std::time::Instant;
use str0m::Rtc;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Rids};
use str0m::rtp::RtpPacket;

/// An encoding of which nothing comes while others give so many frames isn't there: its publisher
/// has no room for it. Of a screen that stands still nothing comes either, but from all of them.
const MOST_MISSED: u32 = 8;
/// Layers of one video.
const MOST_LAYERS: usize = 4;
/// What the highest layer of a video is taken to be if its packets don't say it. Each lower one
/// has half of that.
const ASSUMED: Size = Size {
    width: 1_280,
    height: 720,
};

/// Where a peer is kept. Another peer gets the same key once all references to it are gone.
pub(crate) type PeerKey = usize;

/// Names a source across peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceId {
    pub(crate) peer: PeerKey,
    pub(crate) mid: Mid,
}

/// One receiver of a source: a slot of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receiver {
    pub(crate) peer: PeerKey,
    pub(crate) slot: usize,
}

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
    /// Whether the description says that the client sends.
    pub(crate) is_open: bool,
    /// Whether media ever came. Before that there is nothing to show to others.
    pub(crate) is_heard: bool,
    pub(crate) receivers: Vec<Receiver>,
    /// What it is in a call. `None` for what clients of JSON-RPC publish.
    pub(crate) track: Option<Track>,
    /// What comes: one encoding, or the layers of a simulcast, the lowest first.
    encodings: Vec<Encoding>,
    params: Option<PayloadParams>,
    loudness: Loudness,
    /// What is tapped of it, if its call is.
    pub(crate) tap: Option<Box<SourceTap>>,
}

/// One encoding of a source.
#[derive(Debug, Default)]
struct Encoding {
    /// Its name. `None` if it is the only one.
    rid: Option<Rid>,
    gate: KeyframeGate,
    meter: Meter,
    size: Option<Size>,
    newest: u64,
    /// Frames of other encodings that came since its last packet.
    missed: u32,
}

/// How loud a source was since somebody asked.
#[derive(Debug, Default)]
struct Loudness {
    sum: f32,
    packets: f32,
}

/// A packet that came from a source.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) packet: &'a RtpPacket,
    pub(crate) params: PayloadParams,
    /// Of which layer it is, if each receiver is sent one of them.
    pub(crate) layer: Option<LayerPacket>,
}

/// What matters about a packet of a video that may have layers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerPacket {
    /// The place of its layer.
    pub(crate) place: usize,
    /// Whether a receiver can begin with it.
    pub(crate) starts_keyframe: bool,
}

impl Source {
    pub(crate) fn new(mid: Mid, kind: MediaKind) -> Self {
        Self {
            mid,
            kind,
            is_open: true,
            is_heard: false,
            receivers: Vec::new(),
            track: None,
            encodings: vec![Encoding::default()],
            params: None,
            loudness: Loudness::default(),
            tap: None,
        }
    }

    /// A source of a call. Its layers are those that the description names.
    pub(crate) fn of_call(mid: Mid, track: Track, rtc: &Rtc) -> Self {
        let mut source = Self::new(mid, track.source.kind());
        source.track = Some(track);
        if let Some(Rids::Specific(rids)) = rtc.media(mid).map(|media| media.rids_rx())
            && !rids.is_empty()
        {
            let rids = rids.iter().take(MOST_LAYERS);
            source.encodings = rids.copied().map(Encoding::named).collect();
        }
        source
    }

    /// Whether others should receive it.
    pub(crate) fn is_live(&self) -> bool {
        self.is_open && self.is_heard
    }

    pub(crate) fn is_screen(&self) -> bool {
        let track = self.track.as_ref();
        track.is_some_and(|track| track.source == TrackSource::Screen)
    }

    /// Takes a packet that came on a stream of this name. `None` if it goes to nobody.
    pub(crate) fn take<'a>(
        &mut self,
        rtc: &Rtc,
        rid: Option<Rid>,
        packet: &'a RtpPacket,
        now: Instant,
    ) -> Option<Arrival<'a>> {
        let params = self.params(rtc, packet.header.payload_type)?;
        self.is_heard = true;
        let layer = match (&self.track, self.kind) {
            (None, _) => None,
            (Some(track), _) if track.is_silenced => return None,
            (Some(_), MediaKind::Audio) => {
                self.note_sound(packet, now);
                None
            }
            (Some(_), MediaKind::Video) => {
                Some(self.note_picture(rid, params.spec().codec, packet, now)?)
            }
        };
        Some(Arrival {
            packet,
            params,
            layer,
        })
    }

    fn note_sound(&mut self, packet: &RtpPacket, now: Instant) {
        self.encodings[0].meter.count(packet.payload.len(), now);
        if let Some(level) = packet.header.ext_vals.audio_level {
            self.loudness.sum += speakers::loudness(level);
            self.loudness.packets += 1.0;
        }
    }

    fn note_picture(
        &mut self,
        rid: Option<Rid>,
        codec: Codec,
        packet: &RtpPacket,
        now: Instant,
    ) -> Option<LayerPacket> {
        let mut encodings = self.encodings.iter();
        let place = encodings.position(|encoding| encoding.rid == rid)?;
        let starts_keyframe = self.encodings[place].note(codec, packet, now);
        if packet.header.marker {
            let others = self.encodings.iter_mut();
            let others = others.filter(|encoding| encoding.rid != rid);
            others.for_each(Encoding::miss);
        }
        Some(LayerPacket {
            place,
            starts_keyframe,
        })
    }

    /// Looks how much has come since the last look.
    pub(crate) fn look(&mut self, now: Instant) {
        for encoding in &mut self.encodings {
            encoding.meter.look(now);
        }
    }

    /// How loud it was on average since this was asked last. `None` if it says nothing of that.
    pub(crate) fn take_loudness(&mut self) -> Option<f32> {
        let Loudness { sum, packets } = std::mem::take(&mut self.loudness);
        (packets > 0.0).then_some(sum / packets)
    }

    /// Bits a second of all that comes.
    pub(crate) fn bitrate(&self) -> u64 {
        let encodings = self.encodings.iter();
        encodings
            .filter_map(|encoding| encoding.meter.bitrate())
            .sum()
    }

    /// The layers that come now, the lowest first.
    pub(crate) fn layers(&self) -> impl Iterator<Item = Layer> {
        let highest = self.encodings.len() - 1;
        let encodings = self.encodings.iter().enumerate();
        encodings.filter_map(move |(place, encoding)| {
            let assumed = Size {
                width: ASSUMED.width >> (highest - place),
                height: ASSUMED.height >> (highest - place),
            };
            Some(Layer {
                place,
                bitrate: encoding.meter.bitrate()?,
                size: encoding.size.unwrap_or(assumed),
            })
        })
    }

    /// The name of a layer. `None` if there is only one.
    pub(crate) fn rid(&self, place: usize) -> Option<Rid> {
        self.encodings.get(place)?.rid
    }

    /// The codec behind a payload type. The last one is remembered.
    fn params(&mut self, rtc: &Rtc, pt: Pt) -> Option<PayloadParams> {
        if self.params.is_none_or(|params| params.pt() != pt) {
            self.params = rtc.codec_config().find(|params| params.pt() == pt).copied();
        }
        self.params
    }

    /// A receiver needs a keyframe of an encoding. True if the publisher is asked now.
    pub(crate) fn ask_keyframe(&mut self, rtc: &mut Rtc, place: usize, now: Instant) -> bool {
        let mid = self.mid;
        let encoding = self.encodings.get_mut(place);
        encoding.is_some_and(|encoding| encoding.gate.ask(now) && encoding.request(rtc, mid))
    }

    /// Passes on requests that waited. Gives how often the publisher is asked now.
    pub(crate) fn pass_keyframes(&mut self, rtc: &mut Rtc, now: Instant) -> u64 {
        let mid = self.mid;
        let encodings = self.encodings.iter_mut();
        let passed =
            encodings.map(|encoding| encoding.gate.pass(now) && encoding.request(rtc, mid));
        passed.map(u64::from).sum()
    }

    /// When a request for a keyframe is to be passed on.
    pub(crate) fn keyframe_due(&self) -> Option<Instant> {
        let encodings = self.encodings.iter();
        encodings.filter_map(|encoding| encoding.gate.due()).min()
    }
}

impl Encoding {
    fn named(rid: Rid) -> Self {
        Self {
            rid: Some(rid),
            ..Self::default()
        }
    }

    /// Whether a receiver can begin with a packet. Not with one that comes late: what follows it
    /// has gone by.
    fn note(&mut self, codec: Codec, packet: &RtpPacket, now: Instant) -> bool {
        self.meter.count(packet.payload.len(), now);
        self.missed = 0;
        let is_newest = self.newest < *packet.seq_no;
        self.newest = self.newest.max(*packet.seq_no);
        let starts = is_newest && starts_keyframe(codec, &packet.payload);
        if starts {
            self.size = picture_size(codec, &packet.payload).or(self.size);
        }
        starts
    }

    /// A frame of another encoding came.
    fn miss(&mut self) {
        self.missed = self.missed.saturating_add(1);
        if self.missed == MOST_MISSED {
            self.meter = Meter::default();
        }
    }

    fn request(&self, rtc: &mut Rtc, mid: Mid) -> bool {
        let mut direct = rtc.direct_api();
        let stream = direct.stream_rx_by_mid(mid, self.rid);
        let found = stream.map(|stream| stream.request_keyframe(KeyframeRequestKind::Pli));
        found.is_some()
    }
}
