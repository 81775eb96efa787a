//! One WebRTC connection of a peer.

use crate::network::Media;
use crate::video::{Frame, Label, Layer};
use anyhow::{Context, Result};
use mio::net::UdpSocket;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// Bytes of the longest datagram.
const LONGEST: usize = 2_048;
/// Layers of a simulcast, the lowest first.
const LAYERS: [&str; 3] = ["q", "h", "f"];

pub(crate) struct Connection {
    pub(crate) socket: UdpSocket,
    /// How long each packet took, if this connection decrypts.
    pub(crate) delays: Vec<Duration>,
    pub(crate) timeout: Instant,
    /// Whether it decrypts what it receives, and measures delays.
    is_probe: bool,
    is_counting: bool,
    address: SocketAddr,
    rtc: Rtc,
    offered: Option<(SdpPendingOffer, Option<Track>)>,
    /// What it sends.
    sends: Option<Track>,
    received: HashMap<u32, Stream>,
    /// From when all connections count the time that they write into packets.
    epoch: Instant,
}

/// What a connection sends.
struct Track {
    mid: Mid,
    frames: u64,
    encodings: Vec<Encoding>,
}

/// One layer of it, or all of it.
struct Encoding {
    rid: Option<Rid>,
    packets: u64,
    wants_keyframe: bool,
}

/// What came of one stream.
#[derive(Debug, Default)]
struct Stream {
    /// The lowest, also if it isn't known.
    layer: Layer,
    /// `None` if only headers are looked at.
    mid: Option<Mid>,
    first: u64,
    newest: u64,
    count: u64,
}

impl Connection {
    pub(crate) fn new(address: IpAddr, epoch: Instant, is_probe: bool) -> Result<Self> {
        let now = Instant::now();
        let socket = UdpSocket::bind(SocketAddr::new(address, 0))?;
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new().set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        Ok(Self {
            socket,
            delays: Vec::new(),
            timeout: now,
            is_probe,
            is_counting: false,
            address,
            rtc,
            offered: None,
            sends: None,
            received: HashMap::new(),
            epoch,
        })
    }

    /// Offers to send, and gives the section in which it does.
    pub(crate) fn offer(&mut self, media: &Media, direction: Direction) -> Result<(String, Mid)> {
        let rids = match media.layers {
            [_] => vec![None],
            layers => LAYERS[..layers.len()]
                .iter()
                .map(|rid| Some(Rid::from(*rid)))
                .collect(),
        };
        let mut api = self.rtc.sdp_api();
        let mid = api.add_media(media.kind, direction, None, None, simulcast(&rids));
        let (offer, pending) = api.apply().context("no offer")?;
        let track = Track {
            mid,
            frames: 0,
            encodings: rids.into_iter().map(Encoding::new).collect(),
        };
        self.offered = Some((pending, Some(track)));
        Ok((offer.to_sdp_string(), mid))
    }

    /// Offers no media, only to connect.
    pub(crate) fn offer_nothing(&mut self) -> Result<String> {
        let mut api = self.rtc.sdp_api();
        api.add_channel("reliable".to_owned());
        let (offer, pending) = api.apply().context("no offer")?;
        self.offered = Some((pending, None));
        Ok(offer.to_sdp_string())
    }

    /// Takes the answer to its offer.
    pub(crate) fn accept(&mut self, answer: &str) -> Result<()> {
        let (pending, track) = self.offered.take().context("nothing was offered")?;
        let answer = SdpAnswer::from_sdp_string(answer)?;
        self.rtc.sdp_api().accept_answer(pending, answer)?;
        self.sends = track;
        self.drain()
    }

    /// Answers an offer.
    pub(crate) fn answer(&mut self, offer: &str) -> Result<String> {
        let offer = SdpOffer::from_sdp_string(offer)?;
        let answer = self.rtc.sdp_api().accept_offer(offer)?;
        self.drain()?;
        Ok(answer.to_sdp_string())
    }

    /// From how many others media has come.
    pub(crate) fn streams(&self) -> usize {
        self.received.len()
    }

    /// From how many others media comes in this layer. Who only counts takes all for the lowest.
    pub(crate) fn streams_in(&self, layer: Layer) -> usize {
        let streams = self.received.values();
        streams.filter(|stream| stream.layer == layer).count()
    }

    /// The layer that came last on a section.
    pub(crate) fn layer(&self, mid: Mid) -> Option<Layer> {
        let mut streams = self.received.values();
        let stream = streams.find(|stream| stream.mid == Some(mid))?;
        Some(stream.layer)
    }

    /// Sends a frame in each layer, with the time in it.
    pub(crate) fn send(&mut self, media: &Media) -> Result<()> {
        let Some(track) = self.sends.as_mut().filter(|_| self.rtc.is_connected()) else {
            return Ok(());
        };
        track.frames += 1;
        let now = Instant::now();
        let codec = match media.kind {
            MediaKind::Audio => Codec::Opus,
            MediaKind::Video => Codec::Vp8,
        };
        let mut params = self.rtc.codec_config().iter();
        let found = params.find(|params| params.spec().codec == codec);
        let pt = found.context("no codec")?.pt();
        let time = u32::try_from(track.frames * media.ticks() % (1 << 32))?;
        for (at, encoding) in track.encodings.iter_mut().enumerate() {
            let frame = Frame {
                number: track.frames,
                is_keyframe: std::mem::take(&mut encoding.wants_keyframe),
                label: Label {
                    layer: Layer(at),
                    time: now - self.epoch,
                },
            };
            let payloads = frame.payloads(media)?;
            let last = payloads.len() - 1;
            for (index, payload) in payloads.into_iter().enumerate() {
                encoding.packets += 1;
                let write = RtpWrite::new(pt, encoding.packets.into(), time, now, payload)
                    .marker(media.kind == MediaKind::Video && index == last);
                let mut direct = self.rtc.direct_api();
                let stream = direct.stream_tx_by_mid(track.mid, encoding.rid);
                stream.context("no stream")?.write_rtp(write);
            }
        }
        self.tick(now)
    }

    pub(crate) fn tick(&mut self, now: Instant) -> Result<()> {
        self.rtc.handle_input(Input::Timeout(now))?;
        self.drain()
    }

    /// From now on, only counts: loss and delays begin anew.
    pub(crate) fn count(&mut self) {
        self.is_counting = true;
        self.received.clear();
        self.delays.clear();
    }

    /// How many packets came, and how many should have.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let streams = self.received.values();
        streams.fold((0, 0), |(came, all), stream| {
            (came + stream.count, all + stream.newest - stream.first + 1)
        })
    }

    /// Reads all that has come.
    pub(crate) fn receive(&mut self) -> Result<()> {
        let mut buffer = [0; LONGEST];
        loop {
            match self.socket.recv_from(&mut buffer) {
                Ok((length, source)) => self.take(&buffer[..length], source)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take(&mut self, packet: &[u8], source: SocketAddr) -> Result<()> {
        let now = Instant::now();
        if let Some((ssrc, number)) = header(packet).filter(|_| !self.is_probe) {
            self.received.entry(ssrc).or_default().add(number);
            if self.is_counting {
                return Ok(());
            }
        }
        let received = Receive::new(Protocol::Udp, source, self.address, packet)?;
        self.rtc.handle_input(Input::Receive(now, received))?;
        self.drain()
    }

    fn drain(&mut self) -> Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(timeout) => {
                    self.timeout = timeout;
                    return Ok(());
                }
                Output::Transmit(transmit) => {
                    // A full buffer loses a packet, as networks do.
                    let _ = self
                        .socket
                        .send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::RtpPacket(packet)) if self.is_probe => self.read(&packet)?,
                Output::Event(Event::KeyframeRequest(request)) => {
                    let encodings = self.sends.iter_mut().flat_map(|track| &mut track.encodings);
                    for encoding in encodings.filter(|encoding| encoding.rid == request.rid) {
                        encoding.wants_keyframe = true;
                    }
                }
                Output::Event(_) => {}
            }
        }
    }

    fn read(&mut self, packet: &RtpPacket) -> Result<()> {
        let Label { layer, time } = Label::read(&packet.payload)?;
        let sent = self.epoch + time;
        self.delays
            .push(Instant::now().saturating_duration_since(sent));
        let ssrc = packet.header.ssrc;
        let mut direct = self.rtc.direct_api();
        let mid = direct.stream_rx(&ssrc).map(|stream| stream.mid());
        let stream = self.received.entry(*ssrc).or_default();
        stream.add(packet.header.sequence_number);
        (stream.layer, stream.mid) = (layer, mid);
        Ok(())
    }
}

impl Encoding {
    fn new(rid: Option<Rid>) -> Self {
        Self {
            rid,
            packets: 0,
            wants_keyframe: true,
        }
    }
}

impl Stream {
    fn add(&mut self, number: u16) {
        if self.count == 0 {
            self.first = u64::from(number);
            self.newest = self.first;
        }
        self.count += 1;
        // The distance from the newest, across the wrap.
        let ahead = number.wrapping_sub((self.newest % (1 << 16)) as u16);
        if ahead < 1 << 15 {
            self.newest += u64::from(ahead);
        }
    }
}

fn simulcast(rids: &[Option<Rid>]) -> Option<Simulcast> {
    let mut simulcast = Simulcast::new();
    for rid in rids.iter().flatten() {
        simulcast.add_send_layer(SimulcastLayer::new(rid));
    }
    (!simulcast.send.is_empty()).then_some(simulcast)
}

/// Source and sequence number of a media packet.
fn header(packet: &[u8]) -> Option<(u32, u16)> {
    let [first, kind, high, low, ..] = packet else {
        return None;
    };
    let is_media = (128..192).contains(first) && !(192..=223).contains(kind);
    let ssrc = packet.get(8..12)?.first_chunk()?;
    is_media.then(|| (u32::from_be_bytes(*ssrc), u16::from_be_bytes([*high, *low])))
}
