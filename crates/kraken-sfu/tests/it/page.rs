//! A client that does what a browser with one of the original's pages does.

use crate::client::Client;
use crate::connection::Connection;
use kraken_sfu::{Error, Publish, RoomId, SessionId, Sfu, UserId, Who};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Event, RtcConfig};

/// How often the original's pages poll.
pub(crate) const POLL: Duration = Duration::from_secs(3);

/// What came of one other user's track of one kind.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The numbers that the sender wrote into the packets, in the order in which they came.
    pub(crate) numbers: Vec<u64>,
    pub(crate) level: Option<i8>,
}

pub(crate) struct Page {
    pub(crate) who: Who,
    pub(crate) connection: Connection,
    pub(crate) heard: HashMap<(String, MediaKind), Heard>,
    pub(crate) keyframes_asked: Vec<Instant>,
    pub(crate) is_closed: bool,
    /// What the last offer said: for each section, the user on it.
    pub(crate) sections: BTreeMap<String, Option<String>>,
    /// When it polls next, if it polls by itself.
    pub(crate) poll: Option<Instant>,
    own: Vec<(Mid, MediaKind)>,
    number: u64,
}

impl Page {
    /// Joins a room with a microphone, and perhaps a camera.
    pub(crate) fn join(
        sfu: &mut Sfu,
        now: Instant,
        index: u16,
        user: &str,
        kinds: &[MediaKind],
    ) -> Result<Self, Error> {
        let mut connection = Connection::new(now, index, RtcConfig::new());
        let mut api = connection.rtc.sdp_api();
        let mut add = |kind| api.add_media(kind, Direction::SendRecv, None, None, None);
        let own = kinds.iter().map(|kind| (add(*kind), *kind)).collect();
        let (offer, pending) = api.apply().unwrap();
        let who = Who {
            room: RoomId::parse("room").unwrap(),
            user: UserId::parse(user).unwrap(),
            session: SessionId::new(format!("session-{index}-{user}")),
        };
        let publish = Publish {
            room: who.room.clone(),
            user: who.user.clone(),
            session: who.session.clone(),
            offer: offer.to_sdp_string(),
            limit: None,
        };
        connection.accept(pending, &sfu.publish(now, publish)?);
        let mut page = Self {
            who,
            connection,
            heard: HashMap::new(),
            keyframes_asked: Vec::new(),
            is_closed: false,
            sections: BTreeMap::new(),
            poll: Some(now),
            own,
            number: 0,
        };
        page.drain(now);
        Ok(page)
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
        self.connection.answer(offer)
    }

    /// Restarts ICE.
    pub(crate) fn restart(&mut self, sfu: &mut Sfu, now: Instant) {
        let mut api = self.connection.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        let answer = sfu.restart(now, &self.who, &offer.to_sdp_string()).unwrap();
        self.connection.accept(pending, &answer);
        self.drain(now);
    }

    /// Asks for a keyframe of every video that it receives.
    pub(crate) fn ask_keyframes(&mut self, now: Instant) {
        let rtc = &mut self.connection.rtc;
        for mid in self.sections.keys() {
            let mid: Mid = mid.as_str().into();
            if rtc
                .media(mid)
                .is_some_and(|media| media.kind() == MediaKind::Video)
                && let Some(stream) = rtc.direct_api().stream_rx_by_mid(mid, None)
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

    fn take(&mut self, packet: &RtpPacket) {
        let (mid, kind) = self.connection.section(packet);
        // What was under way when a section fell silent comes after the offer.
        let Some(Some(user)) = self.sections.get(&*mid) else {
            return;
        };
        let heard = self.heard.entry((user.clone(), kind)).or_default();
        let number = u64::from_be_bytes(packet.payload[..8].try_into().unwrap());
        heard.numbers.push(number);
        heard.level = packet.header.ext_vals.audio_level.or(heard.level);
    }
}

impl Client for Page {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn pause(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn next(&self) -> Instant {
        let next = self.connection.next();
        self.poll.map_or(next, |poll| poll.min(next))
    }

    fn ask(&mut self, sfu: &mut Sfu, now: Instant) {
        if self.poll.is_some_and(|poll| poll <= now) {
            self.poll = Some(now + POLL);
            self.subscribe(sfu, now).unwrap();
        }
    }

    fn send_frame(&mut self, now: Instant) {
        self.number += 1;
        for (mid, kind) in &self.own {
            let (codec, size, ticks) = match kind {
                MediaKind::Audio => (Codec::Opus, 100, 960),
                MediaKind::Video => (Codec::Vp8, 1_100, 1_800),
            };
            let pt = self.connection.payload_type(codec);
            let time = u32::try_from(self.number).unwrap() * ticks;
            let mut payload = vec![0; size];
            payload[..8].copy_from_slice(&self.number.to_be_bytes());
            let is_audio = *kind == MediaKind::Audio;
            let write = RtpWrite::new(pt, self.number.into(), time, now, payload)
                .nackable(!is_audio)
                .ext_vals(ExtensionValues {
                    audio_level: is_audio.then_some(-30),
                    voice_activity: is_audio.then_some(true),
                    ..ExtensionValues::default()
                });
            self.connection.write(*mid, None, write);
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others say nothing here"
    )]
    fn handle_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::RtpPacket(packet) => self.take(&packet),
            Event::KeyframeRequest(_) => self.keyframes_asked.push(now),
            Event::Closed => self.is_closed = true,
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
