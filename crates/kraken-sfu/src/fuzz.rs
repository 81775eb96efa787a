//! The bodies of fuzz targets in `test/fuzz`, which `cargo test` runs over their corpus.

use crate::codec;
use crate::config::Config;
use crate::demux::Transport;
use crate::ids::{RoomId, SessionId, UserId};
use crate::messages::{
    Attach, Bounds, Datagram, Join, OfferedTrack, Publish, Rights, TrackSource, Way, Who,
};
use crate::pictures::{Pictures, Renumbered};
use crate::sfu::Sfu;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use str0m::format::Codec;

const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7_001);
const THERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5_000);

/// Takes any text as the offers and answers of a client, and as those of a call's clients. Whatever
/// panics in the WebRTC stack costs that client alone.
pub fn descriptions(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    polled(&text);
    call(&text);
}

/// Takes any bytes as datagrams, each behind its length in one byte.
pub fn datagrams(data: &[u8]) {
    let (mut sfu, now) = sfu();
    let mut rest = data;
    while let [length, after @ ..] = rest {
        let contents = &after[..usize::from(*length).min(after.len())];
        let taken = sfu.handle_datagram(
            now,
            &Datagram {
                transport: Transport::Udp,
                source: THERE,
                destination: HERE,
                contents,
            },
        );
        assert!(!taken, "a stranger was taken for a peer");
        rest = &after[contents.len()..];
    }
    settle(&mut sfu, now);
    assert!(sfu.poll_transmit().is_none(), "a stranger was answered");
}

/// Takes any bytes as payloads of video that one receiver is sent, each behind its length in two
/// bytes and what is peculiar about it: the codec, and whether its encoder is another. What is
/// renumbered is as long as it was, and begins a frame or not as it did.
pub fn payloads(data: &[u8]) {
    const CODECS: [Codec; 4] = [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];
    const SWITCH: u8 = 0x80;
    let mut pictures = Pictures::default();
    let mut rest = data;
    while let [high, low, flags, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let payload = &after[..length.min(after.len())];
        rest = &after[payload.len()..];
        let codec = CODECS[usize::from(flags & 3)];
        if flags & SWITCH != 0 {
            pictures.switch();
        }
        let starts = codec::starts_keyframe(codec, payload);
        let size = codec::picture_size(codec, payload);
        if let Renumbered::Copied(copy) = pictures.apply(codec, payload) {
            assert_eq!(copy.len(), payload.len());
            assert_eq!(codec::starts_keyframe(codec, &copy), starts);
            assert_eq!(codec::picture_size(codec, &copy), size);
        }
    }
}

fn polled(text: &str) {
    let (mut sfu, now) = sfu();
    let Some(who) = who() else {
        return;
    };
    let publish = Publish {
        room: who.room.clone(),
        user: who.user.clone(),
        session: who.session.clone(),
        offer: text.to_owned(),
        limit: None,
    };
    let joined = sfu.publish(now, publish);
    assert_eq!(joined.is_ok(), sfu.stats().peers == 1);
    settle(&mut sfu, now);
    let _ = sfu.restart(now, &who, text);
    let _ = sfu.trickle(&who, text);
    let _ = sfu.subscribe(now, &who);
    let _ = sfu.answer(now, &who, text);
    settle(&mut sfu, now);
    let _ = sfu.end(now, &who);
    settle(&mut sfu, now);
    assert_eq!((sfu.stats().peers, sfu.stats().rooms), (0, 0));
}

/// Takes any text as the offers, answers and fragments of a member, a WHIP and a WHEP client.
fn call(text: &str) {
    let (mut sfu, now) = sfu();
    let Some(who) = member() else {
        return;
    };
    let bounds = Bounds {
        peers: 1,
        publishers: 1,
        bitrate: 1_000_000,
    };
    let rights = Rights {
        publish: true,
        moderate: false,
    };
    let join = Join {
        who: who.clone(),
        rights,
        bounds,
    };
    assert!(sfu.join(now, join).is_ok());
    let tracks: Vec<OfferedTrack> = [TrackSource::Microphone, TrackSource::Camera]
        .into_iter()
        .zip(["0", "1"])
        .map(|(source, mid)| OfferedTrack {
            mid: mid.to_owned(),
            source,
            is_muted: false,
        })
        .collect();
    let _ = sfu.offer(now, &who, text, &[]);
    let _ = sfu.offer(now, &who, text, &tracks);
    settle(&mut sfu, now);
    let _ = sfu.answer_offer(now, &who, 1, text);
    let _ = sfu.end(now, &who);
    for way in [Way::Whip, Way::Whep] {
        let attach = Attach {
            who: who.clone(),
            way,
            offer: text.to_owned(),
            bounds,
        };
        let _ = sfu.attach(now, attach);
        let _ = sfu.take_fragment(now, &who, "*", text);
        settle(&mut sfu, now);
        let _ = sfu.end(now, &who);
    }
    settle(&mut sfu, now);
    assert_eq!((sfu.stats().peers, sfu.stats().rooms), (0, 0));
}

fn sfu() -> (Sfu, Instant) {
    let now = Instant::now();
    let config = Config {
        udp: vec![HERE],
        ..Config::default()
    };
    (Sfu::new(config, now), now)
}

fn who() -> Option<Who> {
    Some(Who {
        room: RoomId::parse("room").ok()?,
        user: UserId::parse("user").ok()?,
        session: SessionId::new("session"),
    })
}

fn member() -> Option<Who> {
    Some(Who {
        room: RoomId::of_call("app:room").ok()?,
        ..who()?
    })
}

fn settle(sfu: &mut Sfu, now: Instant) {
    sfu.flush(now);
    sfu.handle_timeout(now + Duration::from_millis(10));
    sfu.flush(now + Duration::from_millis(10));
}
