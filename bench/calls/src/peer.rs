//! One peer of a room.

use crate::engine::Engine;
use anyhow::{Context, Result};
use mio::net::UdpSocket;
use serde_json::json;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

pub(crate) struct Peer {
    pub(crate) socket: UdpSocket,
    /// How long each packet took, if this peer decrypts.
    pub(crate) delays: Vec<Duration>,
    pub(crate) timeout: Instant,
    is_probe: bool,
    is_counting: bool,
    address: SocketAddr,
    rtc: Rtc,
    who: [String; 3],
    mid: Mid,
    sent: u64,
    received: HashMap<u32, Sequence>,
    start: Instant,
}

/// The sequence numbers of one stream.
#[derive(Debug, Default)]
struct Sequence {
    first: u64,
    newest: u64,
    count: u64,
}

impl Peer {
    pub(crate) fn join(
        engine: &Engine,
        room: &str,
        user: &str,
        kind: MediaKind,
        is_probe: bool,
        start: Instant,
    ) -> Result<Self> {
        let now = Instant::now();
        let socket = UdpSocket::bind("127.0.0.1:0".parse()?)?;
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new().set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        let mut api = rtc.sdp_api();
        let mid = api.add_media(kind, Direction::SendRecv, None, None, None);
        let (offer, pending) = api.apply().context("no offer")?;
        let jsep = json!({ "type": "offer", "sdp": offer.to_sdp_string() }).to_string();
        let answer = engine.call("publish", &json!([room, user, jsep]))?;
        let sdp = answer["sdp"]["sdp"].as_str().context("no answer")?;
        let sdp = SdpAnswer::from_sdp_string(sdp)?;
        rtc.sdp_api().accept_answer(pending, sdp)?;
        let session = answer["track"].as_str().context("no session")?;
        Ok(Self {
            socket,
            delays: Vec::new(),
            timeout: now,
            is_probe,
            is_counting: false,
            address,
            rtc,
            who: [room, user, session].map(str::to_owned),
            mid,
            sent: 0,
            received: HashMap::new(),
            start,
        })
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.rtc.is_connected()
    }

    /// From how many others media has come.
    pub(crate) fn streams(&self) -> usize {
        self.received.len()
    }

    /// Polls as clients do. True if something was new.
    pub(crate) fn subscribe(&mut self, engine: &Engine) -> Result<bool> {
        let data = engine.call("subscribe", &json!(self.who))?;
        if data["type"] != "offer" {
            return Ok(false);
        }
        let offer = SdpOffer::from_sdp_string(data["sdp"].as_str().context("no offer")?)?;
        let sdp = self.rtc.sdp_api().accept_offer(offer)?.to_sdp_string();
        self.drain()?;
        let jsep = json!({ "type": "answer", "sdp": sdp }).to_string();
        let [room, user, session] = &self.who;
        engine.call("answer", &json!([room, user, session, jsep]))?;
        Ok(true)
    }

    /// Sends one packet with the time in it.
    pub(crate) fn send(&mut self, size: usize, ticks: u64) -> Result<()> {
        if !self.rtc.is_connected() {
            return Ok(());
        }
        self.sent += 1;
        let now = Instant::now();
        let kind = self.rtc.media(self.mid).context("no media")?.kind();
        let found = self
            .rtc
            .codec_config()
            .find(|params| params.spec().codec.kind() == kind);
        let pt = found.context("no codec")?.pt();
        let time = u32::try_from(self.sent * ticks % (1 << 32))?;
        let mut payload = vec![0; size];
        let stamp = u64::try_from((now - self.start).as_nanos())?;
        payload[..8].copy_from_slice(&stamp.to_be_bytes());
        let write = RtpWrite::new(pt, self.sent.into(), time, now, payload);
        let mut direct = self.rtc.direct_api();
        let stream = direct
            .stream_tx_by_mid(self.mid, None)
            .context("no stream")?;
        stream.write_rtp(write);
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
        streams.fold((0, 0), |(came, all), sequence| {
            (
                came + sequence.count,
                all + sequence.newest - sequence.first + 1,
            )
        })
    }

    /// Reads all that has come.
    pub(crate) fn receive(&mut self) -> Result<()> {
        let mut buffer = [0; 2_048];
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
        if let Some((ssrc, number)) = header(packet) {
            self.received.entry(ssrc).or_default().add(number);
            if self.is_counting && !self.is_probe {
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
                Output::Event(Event::RtpPacket(packet)) => {
                    let stamp = packet.payload.first_chunk().context("no stamp")?;
                    let sent = self.start + Duration::from_nanos(u64::from_be_bytes(*stamp));
                    self.delays
                        .push(Instant::now().saturating_duration_since(sent));
                }
                Output::Event(_) => {}
            }
        }
    }
}

impl Sequence {
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

/// Source and sequence number of a media packet.
fn header(packet: &[u8]) -> Option<(u32, u16)> {
    let [first, kind, high, low, ..] = packet else {
        return None;
    };
    let is_media = (128..192).contains(first) && !(192..=223).contains(kind);
    let ssrc = packet.get(8..12)?.first_chunk()?;
    is_media.then(|| (u32::from_be_bytes(*ssrc), u16::from_be_bytes([*high, *low])))
}
