//! A client of a call: what a browser with Kraken's own page does.

use crate::film::{Encoder, Shot};
use crate::network::Packet;
use kraken_sfu::{
    Bounds, Join, Layer, Offer, OfferedTrack, Rights, RoomId, SessionId, Sfu, TrackSource,
    TrackWish, UserId, Who,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// Between two frames of video, and between two packets of audio.
pub(crate) const FRAME: Duration = Duration::from_millis(40);
/// Ticks of video's clock between two frames.
const TICKS: u32 = 3_600;
/// A silent microphone, in decibels below the loudest.
const SILENCE: i8 = -90;

/// What a client publishes and takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) codec: Codec,
    /// The layers of a camera: name, and bytes of a frame. One without a name has no layers.
    pub(crate) layers: &'static [(&'static str, usize)],
    pub(crate) has_microphone: bool,
    pub(crate) bounds: Bounds,
}

/// Layers of 120, 400 and 1,200 kbit/s.
pub(crate) const LAYERS: &[(&str, usize)] = &[("q", 600), ("h", 2_000), ("f", 6_000)];

impl Setup {
    /// Only watches.
    pub(crate) fn watching() -> Self {
        Self {
            codec: Codec::Vp8,
            layers: &[],
            has_microphone: false,
            bounds: Bounds {
                peers: 100,
                publishers: 100,
                bitrate: u64::MAX,
            },
        }
    }

    /// Publishes a camera in layers.
    pub(crate) fn filming(codec: Codec) -> Self {
        Self {
            codec,
            layers: LAYERS,
            ..Self::watching()
        }
    }
}

struct Camera {
    mid: Mid,
    encoders: Vec<(Option<Rid>, Encoder)>,
}

pub(crate) struct Caller {
    pub(crate) who: Who,
    pub(crate) address: SocketAddr,
    pub(crate) rtc: Rtc,
    /// What came, by the name of the track.
    pub(crate) films: BTreeMap<String, Vec<Shot>>,
    pub(crate) sounds: BTreeMap<String, usize>,
    /// What the SFU said last of each track.
    pub(crate) layers: BTreeMap<String, Layer>,
    /// Every estimate that it said.
    pub(crate) estimates: Vec<u64>,
    /// Names of its own tracks.
    pub(crate) tracks: Vec<String>,
    /// How loud it speaks, in decibels below the loudest.
    pub(crate) level: i8,
    pub(crate) keyframes_asked: Vec<(Instant, Option<Rid>)>,
    /// Layers that the camera doesn't send now.
    pub(crate) off: Vec<usize>,
    setup: Setup,
    camera: Option<Camera>,
    microphone: Option<Mid>,
    sections: BTreeMap<String, String>,
    sounded: u64,
    filmed: u32,
    next_frame: Instant,
    timeout: Instant,
    out: Vec<Packet>,
}

impl Caller {
    pub(crate) fn join(sfu: &mut Sfu, now: Instant, index: u8, user: &str, setup: Setup) -> Self {
        let who = Who {
            room: RoomId::of_call("app:room").unwrap(),
            user: UserId::of_call(user).unwrap(),
            session: SessionId::new(format!("session-{index}")),
        };
        let join = Join {
            who: who.clone(),
            rights: Rights {
                publish: true,
                moderate: false,
            },
            bounds: setup.bounds,
        };
        sfu.join(now, join).unwrap();
        let address: SocketAddr = format!("10.0.1.{index}:5000").parse().unwrap();
        let mut rtc = codecs(setup.codec).build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut caller = Self {
            who,
            address,
            rtc,
            films: BTreeMap::new(),
            sounds: BTreeMap::new(),
            layers: BTreeMap::new(),
            estimates: Vec::new(),
            tracks: Vec::new(),
            level: SILENCE,
            keyframes_asked: Vec::new(),
            off: Vec::new(),
            setup,
            camera: None,
            microphone: None,
            sections: BTreeMap::new(),
            sounded: 0,
            filmed: 0,
            next_frame: now,
            timeout: now,
            out: Vec::new(),
        };
        caller.publish(sfu, now);
        caller
    }

    fn publish(&mut self, sfu: &mut Sfu, now: Instant) {
        let mut api = self.rtc.sdp_api();
        api.add_channel("reliable".to_owned());
        let mut tracks = Vec::new();
        let mut add = |kind, source, simulcast| {
            let mid = api.add_media(kind, Direction::SendOnly, None, None, simulcast);
            tracks.push(OfferedTrack {
                mid: mid.to_string(),
                source,
                is_muted: false,
            });
            mid
        };
        if self.setup.has_microphone {
            self.microphone = Some(add(MediaKind::Audio, TrackSource::Microphone, None));
        }
        if !self.setup.layers.is_empty() {
            let mid = add(
                MediaKind::Video,
                TrackSource::Camera,
                simulcast(&self.setup),
            );
            let layers = self.setup.layers.iter().enumerate();
            let encoders = layers.map(|(place, (name, size))| {
                let rid = (!name.is_empty()).then(|| Rid::from(*name));
                let place = u8::try_from(place).unwrap();
                (rid, Encoder::new(self.setup.codec, place, *size))
            });
            self.camera = Some(Camera {
                mid,
                encoders: encoders.collect(),
            });
        }
        let (offer, pending) = api.apply().unwrap();
        let offer = offer.to_sdp_string();
        let published = sfu.offer(now, &self.who, &offer, &tracks).unwrap();
        let answer = SdpAnswer::from_sdp_string(&published.sdp).unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let names = published.tracks.into_iter().map(|track| track.name);
        self.tracks = names.collect();
        self.drain(now);
    }

    /// Answers an offer of the SFU.
    pub(crate) fn answer(&mut self, sfu: &mut Sfu, now: Instant, offer: Offer) {
        let sections = offer.tracks.into_iter();
        self.sections = sections
            .map(|section| (section.mid, section.track))
            .collect();
        let sdp = SdpOffer::from_sdp_string(&offer.sdp).unwrap();
        let answer = self.rtc.sdp_api().accept_offer(sdp).unwrap();
        self.drain(now);
        let answer = answer.to_sdp_string();
        sfu.answer_offer(now, &self.who, offer.number, &answer)
            .unwrap();
    }

    /// Says how large a track is shown; nothing if not at all.
    pub(crate) fn show(&self, sfu: &mut Sfu, now: Instant, track: &str, size: Option<(u32, u32)>) {
        let (width, height) = size.unwrap_or_default();
        let wish = TrackWish {
            track: track.to_owned(),
            is_enabled: size.is_some(),
            width,
            height,
        };
        sfu.receive(now, &self.who, vec![wish]).unwrap();
    }

    pub(crate) fn next(&self) -> Instant {
        self.timeout.min(self.next_frame)
    }

    /// Films if it is time to, and lets the connection run.
    pub(crate) fn tick(&mut self, now: Instant) {
        if self.next_frame <= now {
            self.next_frame += FRAME;
            if self.rtc.is_connected() {
                self.speak(now);
                self.film(now);
            }
        }
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drain(now);
    }

    pub(crate) fn receive(&mut self, now: Instant, packet: &Packet) {
        let Packet {
            source,
            destination,
            contents,
        } = packet;
        let received = Receive::new(Protocol::Udp, *source, *destination, contents);
        let input = Input::Receive(now, received.unwrap());
        self.rtc.handle_input(input).unwrap();
        self.drain(now);
    }

    pub(crate) fn take_packets(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.out)
    }

    fn speak(&mut self, now: Instant) {
        let Some(mid) = self.microphone else {
            return;
        };
        self.sounded += 1;
        let pt = self.payload_type(Codec::Opus);
        let time = u32::try_from(self.sounded).unwrap() * 1_920;
        let write = RtpWrite::new(pt, self.sounded.into(), time, now, vec![0; 150]).ext_vals(
            ExtensionValues {
                audio_level: Some(self.level),
                voice_activity: Some(true),
                ..ExtensionValues::default()
            },
        );
        let mut direct = self.rtc.direct_api();
        direct.stream_tx_by_mid(mid, None).unwrap().write_rtp(write);
    }

    fn film(&mut self, now: Instant) {
        let pt = self.payload_type(self.setup.codec);
        let Some(camera) = &mut self.camera else {
            return;
        };
        self.filmed += 1;
        for (place, (rid, encoder)) in camera.encoders.iter_mut().enumerate() {
            if self.off.contains(&place) {
                continue;
            }
            let start = u32::try_from(place).unwrap() * 1_000_000_000;
            let time = start.wrapping_add(self.filmed * TICKS);
            let payloads = encoder.next();
            let last = payloads.len() - 1;
            for (index, payload) in payloads.into_iter().enumerate() {
                encoder.sequence += 1;
                let write = RtpWrite::new(pt, encoder.sequence.into(), time, now, payload)
                    .marker(index == last)
                    .nackable(true);
                let mut direct = self.rtc.direct_api();
                let stream = direct.stream_tx_by_mid(camera.mid, *rid);
                stream.unwrap().write_rtp(write);
            }
        }
    }

    fn payload_type(&self, codec: Codec) -> Pt {
        let mut params = self.rtc.codec_config().iter();
        params
            .find(|params| params.spec().codec == codec)
            .unwrap()
            .pt()
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(timeout) => {
                    self.timeout = timeout;
                    return;
                }
                Output::Transmit(transmit) => self.out.push(Packet {
                    source: transmit.source,
                    destination: transmit.destination,
                    contents: transmit.contents.to_vec(),
                }),
                Output::Event(event) => self.handle_event(now, event),
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others say nothing here"
    )]
    fn handle_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::RtpPacket(packet) => {
                let mut direct = self.rtc.direct_api();
                let mid = direct.stream_rx(&packet.header.ssrc).unwrap().mid();
                let kind = self.rtc.media(mid).unwrap().kind();
                let Some(track) = self.sections.get(&*mid) else {
                    return;
                };
                match kind {
                    MediaKind::Audio => *self.sounds.entry(track.clone()).or_default() += 1,
                    MediaKind::Video => {
                        let shot = Shot::read(self.setup.codec, &packet, now);
                        self.films.entry(track.clone()).or_default().push(shot);
                    }
                }
            }
            Event::KeyframeRequest(request) => {
                self.keyframes_asked.push((now, request.rid));
                let encoders = self
                    .camera
                    .iter_mut()
                    .flat_map(|camera| &mut camera.encoders);
                for (_, encoder) in encoders.filter(|(rid, _)| *rid == request.rid) {
                    encoder.wants_keyframe = true;
                }
            }
            _ => {}
        }
    }
}

/// A browser that knows one codec for video.
fn codecs(codec: Codec) -> RtcConfig {
    let config = RtcConfig::new()
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, false);
    match codec {
        Codec::Vp8 => config.enable_vp8(true),
        Codec::Vp9 => config.enable_vp9(true),
        Codec::H264 => config.enable_h264(true),
        _ => config.enable_av1(true),
    }
}

fn simulcast(setup: &Setup) -> Option<Simulcast> {
    let names = setup.layers.iter().map(|(name, _)| *name);
    let mut simulcast = Simulcast::new();
    for name in names.filter(|name| !name.is_empty()) {
        simulcast.add_send_layer(SimulcastLayer::new(name));
    }
    (!simulcast.send.is_empty()).then_some(simulcast)
}
