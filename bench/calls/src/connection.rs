//! One WebRTC connection of a peer.

use anyhow::{Context, Result};
use mio::net::UdpSocket;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// Bytes of the longest datagram.
const LONGEST: usize = 2_048;

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
    offered: Option<(SdpPendingOffer, Mid)>,
    /// The section on which it sends.
    sends: Option<Mid>,
    sent: u64,
    received: HashMap<u32, Sequence>,
    /// From when all connections count the time that they write into packets.
    epoch: Instant,
}

/// The sequence numbers of one stream.
#[derive(Debug, Default)]
struct Sequence {
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
            sent: 0,
            received: HashMap::new(),
            epoch,
        })
    }

    /// Offers to send.
    pub(crate) fn offer(&mut self, kind: MediaKind, direction: Direction) -> Result<String> {
        let mut api = self.rtc.sdp_api();
        let mid = api.add_media(kind, direction, None, None, None);
        let (offer, pending) = api.apply().context("no offer")?;
        self.offered = Some((pending, mid));
        Ok(offer.to_sdp_string())
    }

    /// Takes the answer to its offer.
    pub(crate) fn accept(&mut self, answer: &str) -> Result<()> {
        let (pending, mid) = self.offered.take().context("nothing was offered")?;
        let answer = SdpAnswer::from_sdp_string(answer)?;
        self.rtc.sdp_api().accept_answer(pending, answer)?;
        self.sends = Some(mid);
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

    /// Sends one packet with the time in it.
    pub(crate) fn send(&mut self, size: usize, ticks: u64) -> Result<()> {
        let Some(mid) = self.sends.filter(|_| self.rtc.is_connected()) else {
            return Ok(());
        };
        self.sent += 1;
        let now = Instant::now();
        let kind = self.rtc.media(mid).context("no media")?.kind();
        let found = self
            .rtc
            .codec_config()
            .find(|params| params.spec().codec.kind() == kind);
        let pt = found.context("no codec")?.pt();
        let time = u32::try_from(self.sent * ticks % (1 << 32))?;
        let mut payload = vec![0; size];
        let stamp = u64::try_from((now - self.epoch).as_nanos())?;
        payload[..8].copy_from_slice(&stamp.to_be_bytes());
        let write = RtpWrite::new(pt, self.sent.into(), time, now, payload);
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(mid, None).context("no stream")?;
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
                    let sent = self.epoch + Duration::from_nanos(u64::from_be_bytes(*stamp));
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
