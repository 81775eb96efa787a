//! A client that does what a browser with one of the original's pages does.

use crate::network::Packet;
use kraken_sfu::{Error, Publish, RoomId, SessionId, Sfu, UserId, Who};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// Between two packets of audio.
pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// What came of one other user's track of one kind.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The numbers that the sender wrote into the packets, in the order in which they came.
    pub(crate) numbers: Vec<u64>,
    pub(crate) level: Option<i8>,
}

pub(crate) struct Client {
    pub(crate) who: Who,
    pub(crate) address: SocketAddr,
    pub(crate) rtc: Rtc,
    pub(crate) heard: HashMap<(String, MediaKind), Heard>,
    pub(crate) keyframes_asked: Vec<Instant>,
    pub(crate) closed: bool,
    /// What the last offer said: for each section, the user on it.
    pub(crate) sections: BTreeMap<String, Option<String>>,
    own: Vec<(Mid, MediaKind)>,
    number: u64,
    next_frame: Instant,
    timeout: Instant,
    out: Vec<Packet>,
}

impl Client {
    /// Joins a room with a microphone, and perhaps a camera.
    pub(crate) fn join(
        sfu: &mut Sfu,
        now: Instant,
        index: u16,
        user: &str,
        kinds: &[MediaKind],
    ) -> Result<Self, Error> {
        let address: SocketAddr = format!("10.0.0.{index}:5000").parse().unwrap();
        let mut rtc = RtcConfig::new().set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut api = rtc.sdp_api();
        let own: Vec<(Mid, MediaKind)> = kinds
            .iter()
            .map(|kind| {
                (
                    api.add_media(*kind, Direction::SendRecv, None, None, None),
                    *kind,
                )
            })
            .collect();
        let (offer, pending) = api.apply().unwrap();
        let who = Who {
            room: RoomId::parse("room").unwrap(),
            user: UserId::parse(user).unwrap(),
            session: SessionId::new(format!("session-{index}-{user}")),
        };
        let answer = sfu.publish(
            now,
            Publish {
                room: who.room.clone(),
                user: who.user.clone(),
                session: who.session.clone(),
                offer: offer.to_sdp_string(),
                limit: None,
            },
        )?;
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let mut client = Self {
            who,
            address,
            rtc,
            heard: HashMap::new(),
            keyframes_asked: Vec::new(),
            closed: false,
            sections: BTreeMap::new(),
            own,
            number: 0,
            next_frame: now,
            timeout: now,
            out: Vec::new(),
        };
        client.drain(now);
        Ok(client)
    }

    /// Polls for an offer, and answers it if there is one.
    pub(crate) fn subscribe(&mut self, sfu: &mut Sfu, now: Instant) -> Result<bool, Error> {
        let Some(offer) = sfu.subscribe(now, &self.who)? else {
            return Ok(false);
        };
        let answer = self.answer(&offer);
        self.drain(now);
        sfu.answer(now, &self.who, &answer)?;
        Ok(true)
    }

    /// Applies an offer and gives the answer to it.
    pub(crate) fn answer(&mut self, offer: &str) -> String {
        self.sections = users(offer);
        let offer = SdpOffer::from_sdp_string(offer).unwrap();
        let answer = self.rtc.sdp_api().accept_offer(offer).unwrap();
        answer.to_sdp_string()
    }

    /// Restarts ICE.
    pub(crate) fn restart(&mut self, sfu: &mut Sfu, now: Instant) {
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        let answer = sfu.restart(now, &self.who, &offer.to_sdp_string()).unwrap();
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.drain(now);
    }

    /// Asks for a keyframe of every video that it receives.
    pub(crate) fn ask_keyframes(&mut self, now: Instant) {
        for mid in self.sections.keys() {
            let mid: Mid = mid.as_str().into();
            if self
                .rtc
                .media(mid)
                .is_some_and(|media| media.kind() == MediaKind::Video)
                && let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None)
            {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
        self.tick(now);
    }

    pub(crate) fn heard_from(&self, user: &str, kind: MediaKind) -> usize {
        let heard = self.heard.get(&(user.to_owned(), kind));
        heard.map_or(0, |heard| heard.numbers.len())
    }

    pub(crate) fn next(&self) -> Instant {
        self.timeout.min(self.next_frame)
    }

    /// Sends a frame if it is time for one, and lets the connection run.
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
        for (mid, kind) in self.own.clone() {
            let (codec, size, ticks) = match kind {
                MediaKind::Audio => (str0m::format::Codec::Opus, 100, 960),
                MediaKind::Video => (str0m::format::Codec::Vp8, 1_100, 1_800),
            };
            let pt = self.payload_type(codec);
            let time = u32::try_from(self.number).unwrap() * ticks;
            let mut payload = vec![0; size];
            payload[..8].copy_from_slice(&self.number.to_be_bytes());
            let write = RtpWrite::new(pt, self.number.into(), time, now, payload)
                .nackable(kind == MediaKind::Video)
                .ext_vals(ExtensionValues {
                    audio_level: (kind == MediaKind::Audio).then_some(-30),
                    voice_activity: (kind == MediaKind::Audio).then_some(true),
                    ..ExtensionValues::default()
                });
            let mut direct = self.rtc.direct_api();
            direct.stream_tx_by_mid(mid, None).unwrap().write_rtp(write);
        }
    }

    fn payload_type(&self, codec: str0m::format::Codec) -> Pt {
        let params = self
            .rtc
            .codec_config()
            .find(|params| params.spec().codec == codec);
        params.unwrap().pt()
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
                // What was under way when a section fell silent comes after the offer.
                let Some(Some(user)) = self.sections.get(&*mid) else {
                    return;
                };
                let heard = self.heard.entry((user.clone(), kind)).or_default();
                let number = u64::from_be_bytes(packet.payload[..8].try_into().unwrap());
                heard.numbers.push(number);
                heard.level = packet.header.ext_vals.audio_level.or(heard.level);
            }
            Event::KeyframeRequest(_) => self.keyframes_asked.push(now),
            Event::Closed => self.closed = true,
            _ => {}
        }
    }
}

/// Who is on which section, as a browser sees it: `streams[0].id` of the track.
fn users(sdp: &str) -> BTreeMap<String, Option<String>> {
    let mut users = BTreeMap::new();
    let mut tracks = BTreeSet::new();
    for section in sdp.split("\r\nm=").skip(1) {
        let line = |start: &str| section.lines().find_map(|line| line.strip_prefix(start));
        let is_sent = section.lines().any(|line| line == "a=sendonly");
        let user = line("a=msid:").map(|msid| msid.split(' ').next().unwrap().to_owned());
        assert_eq!(user.is_some(), is_sent, "{section}");
        if let Some(msid) = line("a=msid:") {
            assert!(
                tracks.insert(msid),
                "browsers refuse two sections with {msid}"
            );
        }
        users.insert(line("a=mid:").unwrap().to_owned(), user);
    }
    users
}
