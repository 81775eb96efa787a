//! A member of a call, as Kraken's own client is one: it publishes by its own offers, and answers
//! those that are pushed.

use crate::network::Packet;
use kraken_sfu::{Offer, OfferedTrack, RoomId, SessionId, TrackSource, UserId, Who};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// Between two packets of a track.
pub(crate) const FRAME: Duration = Duration::from_millis(20);
/// The room of all members.
pub(crate) const ROOM: &str = "app:room";
/// A VP8 keyframe begins like this: every packet is one.
const KEYFRAME: [u8; 11] = [0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0];

pub(crate) struct Member {
    pub(crate) who: Who,
    pub(crate) address: SocketAddr,
    pub(crate) rtc: Rtc,
    /// Packets by the name of the track.
    pub(crate) heard: HashMap<String, usize>,
    /// What came over data channels: the label, and the message.
    pub(crate) messages: Vec<(String, Vec<u8>)>,
    /// What the last offer that was applied said: the track on each section.
    pub(crate) sections: BTreeMap<String, String>,
    pub(crate) is_closed: bool,
    /// How loud its microphone is.
    pub(crate) level: i8,
    channels: BTreeMap<String, ChannelId>,
    open: Vec<ChannelId>,
    own: Vec<(Mid, TrackSource)>,
    pending: Option<SdpPendingOffer>,
    number: u64,
    next_frame: Instant,
    timeout: Instant,
    out: Vec<Packet>,
}

impl Member {
    pub(crate) fn new(now: Instant, index: u16, user: &str) -> Self {
        let address: SocketAddr = format!("10.0.1.{index}:5000").parse().unwrap();
        let mut rtc = RtcConfig::new().set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        Self {
            who: Who {
                room: RoomId::of_call(ROOM).unwrap(),
                user: UserId::of_call(user).unwrap(),
                session: SessionId::new(format!("session-{index}")),
            },
            address,
            rtc,
            heard: HashMap::new(),
            messages: Vec::new(),
            sections: BTreeMap::new(),
            is_closed: false,
            level: -30,
            channels: BTreeMap::new(),
            open: Vec::new(),
            own: Vec::new(),
            pending: None,
            number: 0,
            next_frame: now,
            timeout: now,
            out: Vec::new(),
        }
    }

    /// Makes an offer to publish these and nothing else, and opens data channels with the first.
    pub(crate) fn offer(&mut self, sources: &[TrackSource]) -> (String, Vec<OfferedTrack>) {
        let mut api = self.rtc.sdp_api();
        if self.channels.is_empty() {
            for (label, reliability, ordered) in [
                ("reliable", Reliability::Reliable, true),
                (
                    "lossy",
                    Reliability::MaxRetransmits { retransmits: 0 },
                    false,
                ),
                ("other", Reliability::Reliable, true),
            ] {
                let config = ChannelConfig {
                    label: label.to_owned(),
                    reliability,
                    ordered,
                    ..ChannelConfig::default()
                };
                let id = api.add_channel_with_config(config);
                self.channels.insert(label.to_owned(), id);
            }
        }
        for source in sources {
            if !self.own.iter().any(|(_, own)| own == source) {
                let mid = api.add_media(source.kind(), Direction::SendOnly, None, None, None);
                self.own.push((mid, *source));
            }
        }
        for (mid, own) in &self.own {
            let direction = match sources.contains(own) {
                true => Direction::SendOnly,
                false => Direction::Inactive,
            };
            api.set_direction(*mid, direction);
        }
        if !api.has_changes() {
            api.ice_restart(true);
        }
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        let published = self.own.iter().filter(|(_, own)| sources.contains(own));
        let tracks = published.map(|(mid, source)| OfferedTrack {
            mid: mid.to_string(),
            source: *source,
            is_muted: false,
        });
        (offer.to_sdp_string(), tracks.collect())
    }

    /// Makes an offer to receive one audio and one video.
    pub(crate) fn ask(&mut self) -> String {
        let mut api = self.rtc.sdp_api();
        for (kind, track) in [(MediaKind::Audio, "audio"), (MediaKind::Video, "video")] {
            let mid = api.add_media(kind, Direction::RecvOnly, None, None, None);
            self.sections.insert(mid.to_string(), track.to_owned());
        }
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// Takes the answer to its offer.
    pub(crate) fn accept(&mut self, now: Instant, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        let pending = self.pending.take().unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.drain(now);
    }

    /// Answers an offer, unless it has one of its own under way.
    pub(crate) fn answer(&mut self, now: Instant, offer: &Offer) -> Option<String> {
        if self.pending.is_some() {
            return None;
        }
        let tracks = offer.tracks.iter();
        self.sections = tracks
            .map(|track| (track.mid.clone(), track.track.clone()))
            .collect();
        let offer = SdpOffer::from_sdp_string(&offer.sdp).unwrap();
        let answer = self.rtc.sdp_api().accept_offer(offer).unwrap();
        self.drain(now);
        Some(answer.to_sdp_string())
    }

    /// Sends a message over a data channel. False if that is full or not there.
    pub(crate) fn send(&mut self, now: Instant, label: &str, message: &[u8]) -> bool {
        let id = self.channels[label];
        if !self.open.contains(&id) {
            return false;
        }
        let channel = self.rtc.channel(id);
        let sent = channel.is_some_and(|mut channel| channel.write(true, message).unwrap());
        self.tick(now);
        sent
    }

    pub(crate) fn heard(&self, track: &str) -> usize {
        self.heard.get(track).copied().unwrap_or(0)
    }

    pub(crate) fn next(&self) -> Instant {
        self.timeout.min(self.next_frame)
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        if self.next_frame <= now {
            self.next_frame = now + FRAME;
            if self.rtc.is_connected() {
                self.send_frame(now);
            }
        }
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drain(now);
    }

    pub(crate) fn receive(&mut self, now: Instant, packet: &Packet) {
        let received = Receive::new(
            Protocol::Udp,
            packet.source,
            packet.destination,
            &packet.contents,
        );
        let input = Input::Receive(now, received.unwrap());
        self.rtc.handle_input(input).unwrap();
        self.drain(now);
    }

    pub(crate) fn take_packets(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.out)
    }

    fn send_frame(&mut self, now: Instant) {
        self.number += 1;
        for (mid, source) in self.own.clone() {
            let (codec, ticks, payload) = match source.kind() {
                MediaKind::Audio => (Codec::Opus, 960, vec![0; 100]),
                MediaKind::Video => (Codec::Vp8, 1_800, [&KEYFRAME[..], &[0; 600]].concat()),
            };
            let params = self.rtc.codec_config();
            let params = params.find(|params| params.spec().codec == codec);
            let pt = params.unwrap().pt();
            let time = u32::try_from(self.number).unwrap() * ticks;
            let is_audio = source.kind() == MediaKind::Audio;
            let write = RtpWrite::new(pt, self.number.into(), time, now, payload)
                .marker(true)
                .ext_vals(ExtensionValues {
                    audio_level: is_audio.then_some(self.level),
                    voice_activity: is_audio.then_some(self.level > -60),
                    ..ExtensionValues::default()
                });
            if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
                stream.write_rtp(write);
            }
        }
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(timeout) => {
                    self.timeout = timeout.max(now);
                    return;
                }
                Output::Transmit(transmit) => self.out.push(Packet {
                    source: transmit.source,
                    destination: transmit.destination,
                    contents: transmit.contents.to_vec(),
                }),
                Output::Event(event) => self.handle_event(event),
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others say nothing here"
    )]
    fn handle_event(&mut self, event: Event) {
        match event {
            Event::RtpPacket(packet) => {
                let mut direct = self.rtc.direct_api();
                let mid = direct.stream_rx(&packet.header.ssrc).unwrap().mid();
                let track = self.sections.get(&*mid).cloned();
                *self.heard.entry(track.unwrap_or_default()).or_default() += 1;
            }
            Event::ChannelOpen(id, _) => self.open.push(id),
            Event::ChannelClose(id) => self.open.retain(|open| *open != id),
            Event::ChannelData(message) => {
                let mut channels = self.channels.iter();
                let (label, _) = channels.find(|(_, id)| **id == message.id).unwrap();
                self.messages.push((label.clone(), message.data));
            }
            Event::Closed => self.is_closed = true,
            _ => {}
        }
    }
}
