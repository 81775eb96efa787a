//! A client of the JSON-RPC in a thread of its own: str0m, a UDP socket or a TCP connection.

use crate::rig::call;
use kraken_engine::Address;
use serde_json::json;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

const FRAME: Duration = Duration::from_millis(20);
const POLL: Duration = Duration::from_millis(200);

/// How a client reaches the engine.
pub(crate) enum Way {
    Udp(UdpSocket),
    Tcp(TcpStream),
    /// By UDP, to an engine that is at `inside`, and known to the world as `outside`.
    Nat {
        socket: UdpSocket,
        inside: IpAddr,
        outside: IpAddr,
    },
}

/// What the test sees of a client.
#[derive(Default)]
pub(crate) struct Seen {
    /// Packets by the user who sent them.
    pub(crate) heard: HashMap<String, u64>,
    /// Who is there, as the last offer said.
    pub(crate) users: HashMap<String, String>,
    pub(crate) is_closed: bool,
}

pub(crate) struct Client {
    pub(crate) seen: Arc<Mutex<Seen>>,
    pub(crate) session: String,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    /// Joins a room and stays until it is dropped: then it vanishes without a word.
    pub(crate) fn join(http: SocketAddr, way: Way, room: &str, user: &str) -> Self {
        let now = Instant::now();
        let mut rtc = RtcConfig::new().set_rtp_mode(true).build(now);
        rtc.add_local_candidate(way.candidate());
        let mut api = rtc.sdp_api();
        let mid = api.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        let jsep = json!({ "type": "offer", "sdp": offer.to_sdp_string() }).to_string();
        let answer = call(http, "publish", &json!([room, user, jsep]));
        let data = &answer["data"];
        let sdp = SdpAnswer::from_sdp_string(data["sdp"]["sdp"].as_str().unwrap()).unwrap();
        rtc.sdp_api().accept_answer(pending, sdp).unwrap();
        let session = data["track"].as_str().unwrap().to_owned();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stopping = Arc::new(AtomicBool::new(false));
        let call = Call {
            http,
            who: [room, user, session.as_str()].map(str::to_owned),
            rtc,
            way,
            mid,
            number: 0,
            seen: seen.clone(),
        };
        let is_stopping = stopping.clone();
        let thread = std::thread::spawn(move || call.run(&is_stopping));
        Self {
            seen,
            session,
            stopping,
            thread: Some(thread),
        }
    }

    pub(crate) fn heard(&self, user: &str) -> u64 {
        let seen = self.seen.lock().unwrap();
        seen.heard.get(user).copied().unwrap_or(0)
    }

    pub(crate) fn sees(&self, user: &str) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.users.values().any(|seen| seen == user)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if self.thread.take().unwrap().join().is_err() && !std::thread::panicking() {
            panic!("the client has failed");
        }
    }
}

impl Way {
    pub(crate) fn udp() -> Self {
        Self::Udp(UdpSocket::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn nat(Address { bind, announced }: Address) -> Self {
        Self::Nat {
            socket: UdpSocket::bind("127.0.0.1:0").unwrap(),
            inside: bind,
            outside: announced,
        }
    }

    pub(crate) fn tcp(engine: SocketAddr) -> Self {
        Self::Tcp(TcpStream::connect(engine).unwrap())
    }

    fn local(&self) -> SocketAddr {
        match self {
            Self::Udp(socket) | Self::Nat { socket, .. } => socket.local_addr().unwrap(),
            Self::Tcp(stream) => stream.local_addr().unwrap(),
        }
    }

    fn candidate(&self) -> Candidate {
        match self {
            Self::Udp(_) | Self::Nat { .. } => Candidate::host(self.local(), "udp").unwrap(),
            Self::Tcp(_) => {
                let candidate = Candidate::builder().tcp().host(self.local());
                candidate.tcptype(TcpType::Active).build().unwrap()
            }
        }
    }

    fn send(&mut self, destination: SocketAddr, contents: &[u8]) {
        match self {
            Self::Udp(socket) => drop(socket.send_to(contents, destination)),
            Self::Nat {
                socket,
                inside,
                outside,
            } => {
                assert_eq!(destination.ip(), *outside);
                let _ = socket.send_to(contents, (*inside, destination.port()));
            }
            Self::Tcp(stream) => {
                let mut frame = u16::try_from(contents.len())
                    .unwrap()
                    .to_be_bytes()
                    .to_vec();
                frame.extend_from_slice(contents);
                // The engine may have ended.
                let _ = stream.write_all(&frame);
            }
        }
    }

    /// The next datagram, if one comes in time.
    fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> Option<(SocketAddr, usize)> {
        let wait = Some(wait.max(Duration::from_millis(1)));
        match self {
            Self::Udp(socket) => {
                socket.set_read_timeout(wait).unwrap();
                let (length, source) = socket.recv_from(buffer).ok()?;
                Some((source, length))
            }
            Self::Nat {
                socket, outside, ..
            } => {
                socket.set_read_timeout(wait).unwrap();
                let (length, source) = socket.recv_from(buffer).ok()?;
                Some((SocketAddr::new(*outside, source.port()), length))
            }
            Self::Tcp(stream) => {
                stream.set_read_timeout(wait).unwrap();
                let mut length = [0; 2];
                if stream.peek(&mut length).ok()? < 2 {
                    return None;
                }
                stream.read_exact(&mut length).ok()?;
                stream.set_read_timeout(None).unwrap();
                let length = usize::from(u16::from_be_bytes(length));
                stream.read_exact(&mut buffer[..length]).ok()?;
                Some((stream.peer_addr().unwrap(), length))
            }
        }
    }
}

struct Call {
    http: SocketAddr,
    who: [String; 3],
    rtc: Rtc,
    way: Way,
    mid: Mid,
    number: u64,
    seen: Arc<Mutex<Seen>>,
}

impl Call {
    fn run(mut self, is_stopping: &AtomicBool) {
        let (mut frame, mut poll) = (Instant::now(), Instant::now());
        let mut buffer = [0; 2_048];
        while !is_stopping.load(Ordering::Relaxed) {
            let timeout = self.drain();
            let now = Instant::now();
            if now >= frame {
                frame = now + FRAME;
                self.send_frame(now);
            }
            if now >= poll {
                poll = now + POLL;
                self.subscribe();
            }
            let timeout = self.drain().min(timeout).min(frame).min(poll);
            let wait = timeout.saturating_duration_since(Instant::now());
            let received = self.way.receive(&mut buffer, wait);
            let now = Instant::now();
            let Some((source, length)) = received else {
                self.rtc.handle_input(Input::Timeout(now)).unwrap();
                continue;
            };
            let protocol = match self.way {
                Way::Udp(_) | Way::Nat { .. } => Protocol::Udp,
                Way::Tcp(_) => Protocol::Tcp,
            };
            let local = self.way.local();
            let received = Receive::new(protocol, source, local, &buffer[..length]);
            let input = Input::Receive(now, received.unwrap());
            self.rtc.handle_input(input).unwrap();
        }
    }

    fn send_frame(&mut self, now: Instant) {
        if !self.rtc.is_connected() {
            return;
        }
        self.number += 1;
        let opus = self
            .rtc
            .codec_config()
            .find(|params| params.spec().codec.is_audio());
        let pt = opus.unwrap().pt();
        let time = u32::try_from(self.number * 960).unwrap();
        let write = RtpWrite::new(pt, self.number.into(), time, now, vec![0; 100]);
        let mut direct = self.rtc.direct_api();
        direct
            .stream_tx_by_mid(self.mid, None)
            .unwrap()
            .write_rtp(write);
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
    }

    fn subscribe(&mut self) {
        let answer = call(self.http, "subscribe", &json!(self.who));
        let Some(data) = answer.get("data") else {
            self.seen.lock().unwrap().is_closed = true;
            return;
        };
        assert!(answer.get("error").is_none());
        if data["type"] != "offer" {
            assert_eq!(data["jsep"], "{\"sdp\":\"\",\"type\":\"unknown\"}");
            return;
        }
        let offer = data["sdp"].as_str().unwrap();
        self.seen.lock().unwrap().users = users(offer);
        let offer = SdpOffer::from_sdp_string(offer).unwrap();
        let sdp = self
            .rtc
            .sdp_api()
            .accept_offer(offer)
            .unwrap()
            .to_sdp_string();
        let jsep = json!({ "type": "answer", "sdp": sdp }).to_string();
        let [room, user, session] = &self.who;
        let answer = call(self.http, "answer", &json!([room, user, session, jsep]));
        assert_eq!(answer["data"], json!({}));
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(timeout) => return timeout,
                Output::Transmit(transmit) => {
                    self.way.send(transmit.destination, &transmit.contents);
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    let mut direct = self.rtc.direct_api();
                    let mid = direct.stream_rx(&packet.header.ssrc).unwrap().mid();
                    let mut seen = self.seen.lock().unwrap();
                    let user = seen.users[&*mid].clone();
                    *seen.heard.entry(user).or_default() += 1;
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// Who is on which section of an offer.
fn users(sdp: &str) -> HashMap<String, String> {
    let sections = sdp.split("\r\nm=").skip(1);
    let named = sections.filter_map(|section| {
        let line = |start: &str| section.lines().find_map(|line| line.strip_prefix(start));
        let user = line("a=msid:")?.split(' ').next()?.to_owned();
        Some((line("a=mid:")?.to_owned(), user))
    });
    named.collect()
}
