//! A member's connection in a thread of its own: str0m behind a UDP socket.

use kraken_call::{OfferedTrack, Source};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

const FRAME: Duration = Duration::from_millis(20);
/// How long the socket is waited for, so that others can get at the connection.
const WAIT: Duration = Duration::from_millis(2);

pub(crate) struct Caller {
    line: Arc<Mutex<Line>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Line {
    rtc: Rtc,
    socket: UdpSocket,
    pending: Option<SdpPendingOffer>,
    microphone: Option<Mid>,
    number: u64,
    heard: u64,
}

impl Caller {
    /// A connection that runs until it is dropped: then it vanishes without a word.
    pub(crate) fn new() -> Self {
        let mut rtc = RtcConfig::new().set_rtp_mode(true).build(Instant::now());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(WAIT)).unwrap();
        let candidate = Candidate::host(socket.local_addr().unwrap(), "udp");
        rtc.add_local_candidate(candidate.unwrap());
        let line = Arc::new(Mutex::new(Line {
            rtc,
            socket,
            pending: None,
            microphone: None,
            number: 0,
            heard: 0,
        }));
        let stopping = Arc::new(AtomicBool::new(false));
        let (running, is_stopping) = (line.clone(), stopping.clone());
        let thread = std::thread::spawn(move || run(&running, &is_stopping));
        Self {
            line,
            stopping,
            thread: Some(thread),
        }
    }

    /// Offers to publish a microphone.
    pub(crate) fn offer(&self) -> (String, Vec<OfferedTrack>) {
        let mut line = self.lock();
        let mut api = line.rtc.sdp_api();
        let mid = api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        line.pending = Some(pending);
        line.microphone = Some(mid);
        let track = OfferedTrack {
            mid: mid.to_string(),
            source: Source::Microphone,
            muted: false,
        };
        (offer.to_sdp_string(), vec![track])
    }

    /// Offers to receive.
    pub(crate) fn ask(&self) -> String {
        let mut line = self.lock();
        let mut api = line.rtc.sdp_api();
        api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        line.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// Takes the answer to its offer.
    pub(crate) fn accept(&self, answer: &str) {
        let mut line = self.lock();
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        let pending = line.pending.take().unwrap();
        line.rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    pub(crate) fn answer(&self, offer: &str) -> String {
        let mut line = self.lock();
        let offer = SdpOffer::from_sdp_string(offer).unwrap();
        let answer = line.rtc.sdp_api().accept_offer(offer).unwrap();
        answer.to_sdp_string()
    }

    /// Packets that came.
    pub(crate) fn heard(&self) -> u64 {
        self.lock().heard
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap()
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if self.thread.take().unwrap().join().is_err() && !std::thread::panicking() {
            panic!("the caller has failed");
        }
    }
}

fn run(line: &Mutex<Line>, is_stopping: &AtomicBool) {
    let mut frame = Instant::now();
    while !is_stopping.load(Ordering::Relaxed) {
        let mut line = line.lock().unwrap();
        if Instant::now() >= frame {
            frame = Instant::now() + FRAME;
            line.send_frame();
        }
        line.drain();
        line.receive();
        drop(line);
        std::thread::yield_now();
    }
}

impl Line {
    fn receive(&mut self) {
        let mut buffer = [0; 2_048];
        let received = self.socket.recv_from(&mut buffer);
        let now = Instant::now();
        let input = match &received {
            Ok((length, source)) => {
                let here = self.socket.local_addr().unwrap();
                let contents = &buffer[..*length];
                let received = Receive::new(Protocol::Udp, *source, here, contents);
                Input::Receive(now, received.unwrap())
            }
            Err(_) => Input::Timeout(now),
        };
        self.rtc.handle_input(input).unwrap();
    }

    fn send_frame(&mut self) {
        let params = self.rtc.codec_config();
        let params = params.find(|params| params.spec().codec == str0m::format::Codec::Opus);
        let pt = params.unwrap().pt();
        let is_connected = self.rtc.is_connected();
        let Some(mid) = self.microphone.filter(|_| is_connected) else {
            return;
        };
        self.number += 1;
        let time = u32::try_from(self.number).unwrap() * 960;
        let write = RtpWrite::new(pt, self.number.into(), time, Instant::now(), vec![0; 100]);
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.write_rtp(write);
        }
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    let contents: &[u8] = &transmit.contents;
                    // The engine may have ended.
                    let _ = self.socket.send_to(contents, transmit.destination);
                }
                Output::Event(Event::RtpPacket(_)) => self.heard += 1,
                Output::Event(_) => {}
            }
        }
    }
}
