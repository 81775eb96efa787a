//! A member of a call, as Kraken's own client is one: it publishes by its own offers, and answers
//! those that are pushed.

use crate::client::Client;
use crate::connection::Connection;
use crate::film::Shot;
use crate::own::Own;
use crate::setup::Setup;
use kraken_sfu::{
    Layer, News, Offer, OfferedTrack, RoomId, SessionId, Sfu, TrackSource, UserId, Who,
};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use str0m::Event;
use str0m::change::SdpPendingOffer;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::media::{Direction, KeyframeRequest, MediaKind, Rid};
use str0m::rtp::RtpPacket;

/// The room of all members.
pub(crate) const ROOM: &str = "app:room";
/// How loud a microphone is into which nobody speaks.
pub(crate) const SILENCE: i8 = -90;
/// The data channels that it opens: the last one is of nobody else.
const CHANNELS: [(&str, Reliability, bool); 3] = [
    ("reliable", Reliability::Reliable, true),
    (
        "lossy",
        Reliability::MaxRetransmits { retransmits: 0 },
        false,
    ),
    ("other", Reliability::Reliable, true),
];

pub(crate) struct Member {
    pub(crate) who: Who,
    pub(crate) connection: Connection,
    /// Packets by the name of the track.
    pub(crate) heard: HashMap<String, usize>,
    /// What came of videos, by the name of the track.
    pub(crate) films: HashMap<String, Vec<Shot>>,
    /// What the SFU said last of each track.
    pub(crate) layers: BTreeMap<String, Layer>,
    pub(crate) keyframes_asked: Vec<(Instant, Option<Rid>)>,
    /// What came over data channels: the label, and the message.
    pub(crate) messages: Vec<(String, Vec<u8>)>,
    pub(crate) is_closed: bool,
    /// How loud its microphone is.
    pub(crate) level: i8,
    /// Layers of its videos that it doesn't send now.
    pub(crate) off: Vec<usize>,
    /// Whether it can be told anything.
    pub(crate) is_reachable: bool,
    /// Whether it answers no offers by itself.
    pub(crate) is_hesitant: bool,
    /// Offers that wait for its answer.
    pub(crate) offers: Vec<Offer>,
    setup: Setup,
    /// What the last offer that was applied said: the track on each section.
    sections: BTreeMap<String, String>,
    channels: BTreeMap<String, ChannelId>,
    open: Vec<ChannelId>,
    own: Vec<Own>,
    pending: Option<SdpPendingOffer>,
}

impl Member {
    pub(crate) fn new(now: Instant, index: u16, user: &str, setup: Setup) -> Self {
        Self {
            who: Who {
                room: RoomId::of_call(ROOM).unwrap(),
                user: UserId::of_call(user).unwrap(),
                session: SessionId::new(format!("session-{index}")),
            },
            connection: Connection::new(now, index, setup.config()),
            heard: HashMap::new(),
            films: HashMap::new(),
            layers: BTreeMap::new(),
            keyframes_asked: Vec::new(),
            messages: Vec::new(),
            is_closed: false,
            level: -30,
            off: Vec::new(),
            is_reachable: true,
            is_hesitant: false,
            offers: Vec::new(),
            setup,
            sections: BTreeMap::new(),
            channels: BTreeMap::new(),
            open: Vec::new(),
            own: Vec::new(),
            pending: None,
        }
    }

    /// Makes an offer to publish these and nothing else, and opens data channels with the first.
    pub(crate) fn offer(&mut self, sources: &[TrackSource]) -> (String, Vec<OfferedTrack>) {
        let mut api = self.connection.rtc.sdp_api();
        if self.channels.is_empty() {
            for (label, reliability, ordered) in CHANNELS {
                let id = api.add_channel_with_config(ChannelConfig {
                    label: label.to_owned(),
                    reliability,
                    ordered,
                    ..ChannelConfig::default()
                });
                self.channels.insert(label.to_owned(), id);
            }
        }
        for source in sources {
            if !self.own.iter().any(|own| own.source == *source) {
                self.own.push(Own::add(&mut api, *source, self.setup));
            }
        }
        for own in &self.own {
            let direction = match sources.contains(&own.source) {
                true => Direction::SendOnly,
                false => Direction::Inactive,
            };
            api.set_direction(own.mid, direction);
        }
        if !api.has_changes() {
            api.ice_restart(true);
        }
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        let published = self.own.iter().filter(|own| sources.contains(&own.source));
        let tracks = published.map(|own| OfferedTrack {
            mid: own.mid.to_string(),
            source: own.source,
            is_muted: false,
        });
        (offer.to_sdp_string(), tracks.collect())
    }

    /// Makes an offer to receive one audio and one video.
    pub(crate) fn ask_for_both(&mut self) -> String {
        let mut api = self.connection.rtc.sdp_api();
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
        let pending = self.pending.take().unwrap();
        self.connection.accept(pending, answer);
        self.drain(now);
    }

    /// Answers the oldest offer that it has. False if there is none, or if one of its own is under
    /// way.
    pub(crate) fn answer(&mut self, sfu: &mut Sfu, now: Instant) -> bool {
        if self.offers.is_empty() {
            return false;
        }
        let offer = self.offers.remove(0);
        if self.pending.is_some() {
            return false;
        }
        let tracks = offer.tracks.into_iter();
        self.sections = tracks.map(|track| (track.mid, track.track)).collect();
        let answer = self.connection.answer(&offer.sdp);
        self.drain(now);
        let answered = sfu.answer_offer(now, &self.who, offer.number, &answer);
        answered.unwrap();
        true
    }

    /// Sends a message over a data channel. False if that is full or not there.
    pub(crate) fn send(&mut self, now: Instant, label: &str, message: &[u8]) -> bool {
        let id = self.channels[label];
        if !self.open.contains(&id) {
            return false;
        }
        let channel = self.connection.rtc.channel(id);
        let sent = channel.is_some_and(|mut channel| channel.write(true, message).unwrap());
        self.tick(now);
        sent
    }

    pub(crate) fn heard(&self, track: &str) -> usize {
        self.heard.get(track).copied().unwrap_or(0)
    }

    fn take(&mut self, now: Instant, packet: &RtpPacket) {
        let (mid, kind) = self.connection.section(packet);
        let Some(track) = self.sections.get(&*mid) else {
            return;
        };
        *self.heard.entry(track.clone()).or_default() += 1;
        if kind == MediaKind::Video {
            let shot = Shot::read(self.setup.codec(), packet, now);
            self.films.entry(track.clone()).or_default().push(shot);
        }
    }

    fn take_message(&mut self, id: ChannelId, message: Vec<u8>) {
        let mut channels = self.channels.iter();
        let (label, _) = channels.find(|(_, channel)| **channel == id).unwrap();
        self.messages.push((label.clone(), message));
    }

    fn make_keyframe(&mut self, now: Instant, asked: &KeyframeRequest) {
        self.keyframes_asked.push((now, asked.rid));
        let own = self.own.iter_mut().filter(|own| own.mid == asked.mid);
        own.for_each(|own| own.make_keyframe(asked.rid));
    }
}

impl Client for Member {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn pause(&self) -> Duration {
        self.setup.pause
    }

    fn hear(&mut self, sfu: &mut Sfu, now: Instant, news: &News) {
        match news {
            News::Offer(offer) if offer.user == self.who.user && self.is_reachable => {
                self.offers.push(offer.clone());
                if !self.is_hesitant {
                    self.answer(sfu, now);
                }
            }
            News::Layers { user, layers, .. } if *user == self.who.user => {
                let layers = layers.iter().cloned();
                let named = layers.map(|layer| (layer.track.clone(), layer));
                self.layers.extend(named);
            }
            News::Offer(_)
            | News::Layers { .. }
            | News::Speakers { .. }
            | News::Changed { .. }
            | News::Left { .. }
            | News::Silenced { .. }
            | News::Locked { .. } => {}
        }
    }

    fn send_frame(&mut self, now: Instant) {
        for own in &mut self.own {
            match own.source.kind() {
                MediaKind::Audio => own.speak(&mut self.connection, now, self.level),
                MediaKind::Video => own.film(&mut self.connection, now, &self.off),
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others say nothing here"
    )]
    fn handle_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::RtpPacket(packet) => self.take(now, &packet),
            Event::KeyframeRequest(request) => self.make_keyframe(now, &request),
            Event::ChannelOpen(id, _) => self.open.push(id),
            Event::ChannelClose(id) => self.open.retain(|open| *open != id),
            Event::ChannelData(message) => self.take_message(message.id, message.data),
            Event::Closed => self.is_closed = true,
            _ => {}
        }
    }
}
