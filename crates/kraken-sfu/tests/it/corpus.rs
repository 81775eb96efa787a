//! Replays the corpora of the fuzz targets. With `KRAKEN_WRITE_CORPUS` set, writes the seeds that
//! fuzzing starts from.

use crate::network::{Packet, Weather};
use crate::pages::{BOTH, Pages};
use kraken_sfu::fuzz;
use std::fs;
use std::path::{Path, PathBuf};
use str0m::media::{Direction, MediaKind};

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../test/fuzz/corpus")
        .join(target)
}

fn replay(target: &str, body: fn(&[u8])) {
    let mut count = 0;
    for file in fs::read_dir(folder(target)).unwrap() {
        body(&fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no corpus for {target}");
}

#[test]
fn sf37_any_description_is_agreed_to_or_refused() {
    if std::env::var_os("KRAKEN_WRITE_CORPUS").is_some() {
        write_descriptions();
    }
    replay("descriptions", fuzz::descriptions);
}

#[test]
fn sf30_any_datagram_of_a_stranger_is_nobodys() {
    if std::env::var_os("KRAKEN_WRITE_CORPUS").is_some() {
        write_datagrams();
    }
    replay("datagrams", fuzz::datagrams);
}

#[test]
fn la2_any_payload_is_renumbered_without_becoming_another() {
    if std::env::var_os("KRAKEN_WRITE_CORPUS").is_some() {
        write_payloads();
    }
    replay("payloads", fuzz::payloads);
}

#[test]
fn sf37_a_section_of_codecs_that_nobody_knows_is_refused_alone() {
    let mut pages = Pages::new(1, Weather::FAIR);
    let offer = offer().replace(" opus/48000/2", " speex/16000");
    let now = pages.now;
    let publish = kraken_sfu::Publish {
        room: kraken_sfu::RoomId::parse("room").unwrap(),
        user: kraken_sfu::UserId::parse("a").unwrap(),
        session: kraken_sfu::SessionId::new("s"),
        offer,
        limit: None,
    };
    let answer = pages.sfu.publish(now, publish).unwrap();
    assert!(answer.contains("m=audio 0 "), "{answer}");
    assert!(answer.contains("VP8/90000"), "{answer}");
}

fn offer() -> String {
    let now = std::time::Instant::now();
    let mut rtc = str0m::RtcConfig::new().build(now);
    let mut api = rtc.sdp_api();
    for kind in [MediaKind::Audio, MediaKind::Video] {
        api.add_media(kind, Direction::SendRecv, None, None, None);
    }
    api.add_channel("chat".to_owned());
    api.apply().unwrap().0.to_sdp_string()
}

fn write_descriptions() {
    let offer = offer();
    fs::write(folder("descriptions").join("offer"), &offer).unwrap();
    let layers = offer.replace(
        "a=sendrecv",
        "a=sendrecv\r\na=rid:q send\r\na=simulcast:send q",
    );
    fs::write(folder("descriptions").join("layers"), layers).unwrap();
    let strange = offer.replace("opus/48000/2", "speex/16000");
    fs::write(folder("descriptions").join("unknown-codec"), strange).unwrap();
}

/// The first packets of a call, which are of strangers to any other engine.
fn write_datagrams() {
    let mut pages = Pages::with(1, Weather::FAIR, &["a"], BOTH);
    let mut seed = Vec::new();
    for pick in [
        Packet::is_check as fn(&Packet) -> bool,
        |packet| (20..64).contains(&packet.contents[0]),
        |packet| packet.contents[0] >= 128,
    ] {
        let packet = pages.capture("a", pick).contents;
        let length = packet.len().min(255);
        seed.push(u8::try_from(length).unwrap());
        seed.extend_from_slice(&packet[..length]);
    }
    fs::write(folder("datagrams").join("call"), seed).unwrap();
}

/// Descriptors of every form, by encoders that count from different numbers.
fn write_payloads() {
    const SWITCH: u8 = 0x80;
    let payloads: [(u8, &[u8]); 10] = [
        (
            0,
            &[
                0x90, 0xf0, 0x81, 0x12, 0x05, 0x20, 0x00, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0xe0, 1,
            ],
        ),
        (SWITCH, &[0x90, 0xf0, 0xff, 0xff, 0xff, 0x3f, 0x01]),
        (0, &[0x90, 0x80, 0x12, 0x00]),
        (1, &[0x8a, 0x81, 0x02, 0x18, 0x05, 0x00, 0x02, 0xd0]),
        (1 | SWITCH, &[0xa8, 0x05, 0x00, 0x01]),
        (1, &[0xf8, 0xff, 0xff, 0x00, 0x03, 0x05, 0x02]),
        (2, &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce]),
        (2, &[0x7c, 0x85, 0x00]),
        (3, &[0x18, 0x0a, 0x0b]),
        (3 | SWITCH, &[0x50, 0x32]),
    ];
    let mut seed = Vec::new();
    for (flags, payload) in payloads {
        seed.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        seed.push(flags);
        seed.extend(payload);
    }
    fs::create_dir_all(folder("payloads")).unwrap();
    fs::write(folder("payloads").join("descriptors"), seed).unwrap();
}
