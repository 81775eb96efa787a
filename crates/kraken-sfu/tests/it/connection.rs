//! A client's connection to the SFU.

use crate::network::Packet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{MediaKind, Mid, Pt, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

pub(crate) struct Connection {
    pub(crate) address: SocketAddr,
    pub(crate) rtc: Rtc,
    next_frame: Instant,
    timeout: Instant,
    out: Vec<Packet>,
}

impl Connection {
    pub(crate) fn new(now: Instant, index: u16, config: RtcConfig) -> Self {
        let address: SocketAddr = format!("10.0.0.{index}:5000").parse().unwrap();
        let mut rtc = config.set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        Self {
            address,
            rtc,
            next_frame: now,
            timeout: now,
            out: Vec::new(),
        }
    }

    /// Applies an offer and gives the answer to it.
    pub(crate) fn answer(&mut self, offer: &str) -> String {
        let offer = SdpOffer::from_sdp_string(offer).unwrap();
        let answer = self.rtc.sdp_api().accept_offer(offer).unwrap();
        answer.to_sdp_string()
    }

    /// Takes the answer to its offer.
    pub(crate) fn accept(&mut self, pending: SdpPendingOffer, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    pub(crate) fn next(&self) -> Instant {
        self.timeout.min(self.next_frame)
    }

    /// Whether it is time for a frame. The next one is due a while later.
    pub(crate) fn begin_frame(&mut self, now: Instant, pause: Duration) -> bool {
        let is_due = self.next_frame <= now;
        if is_due {
            self.next_frame = now + pause;
        }
        is_due && self.rtc.is_connected()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
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
    }

    /// Takes what is to be sent, up to the next thing that happened.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(timeout) => {
                    self.timeout = timeout;
                    return None;
                }
                Output::Transmit(transmit) => self.out.push(Packet {
                    source: transmit.source,
                    destination: transmit.destination,
                    contents: transmit.contents.to_vec(),
                }),
                Output::Event(event) => return Some(event),
            }
        }
    }

    pub(crate) fn take_packets(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.out)
    }

    pub(crate) fn payload_type(&self, codec: Codec) -> Pt {
        let mut params = self.rtc.codec_config().iter();
        let params = params.find(|params| params.spec().codec == codec);
        params.unwrap().pt()
    }

    /// Sends a packet, unless nothing is sent on the section.
    pub(crate) fn write(&mut self, mid: Mid, rid: Option<Rid>, write: RtpWrite) {
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, rid) {
            stream.write_rtp(write);
        }
    }

    /// On which section a packet came.
    pub(crate) fn section(&mut self, packet: &RtpPacket) -> (Mid, MediaKind) {
        let mut direct = self.rtc.direct_api();
        let mid = direct.stream_rx(&packet.header.ssrc).unwrap().mid();
        (mid, self.rtc.media(mid).unwrap().kind())
    }
}
