//! What strangers and broken clients send.

use crate::member::Member;
use crate::network::{Packet, Weather};
use crate::pages::{AUDIO, BOTH, Pages};
use crate::setup::{self, Setup};
use crate::world::SFU;
use kraken_sfu::{Publish, RoomId, SessionId, UserId, fuzz};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::media::MediaKind;

const STRANGER: &str = "203.0.113.9:9999";

fn stranger() -> SocketAddr {
    STRANGER.parse().unwrap()
}

fn is_media(packet: &Packet) -> bool {
    (128..192).contains(&packet.contents[0])
}

#[test]
fn sf30_junk_is_of_nobody() {
    let mut pages = Pages::with(1, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(4));
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for length in 0..2_000 {
        let mut junk = vec![0; length];
        random.fill_bytes(&mut junk);
        assert!(!pages.inject(stranger(), &junk));
    }
    pages.run(Duration::from_secs(3));
    assert_eq!(pages.members(), ["a", "b"]);
    assert!(pages.sfu.stats().datagrams_refused >= 2_000);
}

#[test]
fn sf31_a_connectivity_check_without_the_password_is_of_nobody() {
    let mut pages = Pages::with(2, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(4));
    let mut check = pages.capture("a", Packet::is_check).contents;
    let last = check.len() - 12;
    check[last] ^= 1;
    assert!(!pages.inject(stranger(), &check));
}

#[test]
fn sf31_a_check_does_not_take_the_address_of_another_peer() {
    let mut pages = Pages::with(3, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(4));
    let check = pages.capture("a", Packet::is_check).contents;
    let victim = pages.client("b").connection.address;
    assert!(!pages.inject(victim, &check));
    let before = pages.client("a").heard_from("b", MediaKind::Audio);
    pages.run(Duration::from_secs(4));
    assert!(pages.client("a").heard_from("b", MediaKind::Audio) > before + 150);
}

#[test]
fn sf32_media_before_the_handshake_goes_nowhere() {
    let mut pages = Pages::with(4, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(4));
    let media = pages.capture("a", is_media).contents;
    pages.join("c", AUDIO);
    let check = pages.capture("c", Packet::is_check);
    assert!(pages.inject(check.source, &check.contents));
    let before = pages.sfu.stats().packets_in;
    for _ in 0..100 {
        pages.inject(check.source, &media);
    }
    assert_eq!(pages.sfu.stats().packets_in, before);
    pages.run(Duration::from_secs(6));
    assert!(pages.client("a").heard_from("c", MediaKind::Audio) > 50);
}

#[test]
fn sf33_a_replayed_packet_is_not_forwarded() {
    let mut pages = Pages::with(5, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(4));
    let media = pages.capture("a", is_media);
    assert!(pages.inject(media.source, &media.contents));
    let before = pages.sfu.stats().packets_in;
    for _ in 0..100 {
        pages.inject(media.source, &media.contents);
    }
    assert_eq!(pages.sfu.stats().packets_in, before);
}

#[test]
fn sf34_damaged_packets_of_a_peer_close_nobody() {
    let mut pages = Pages::with(6, Weather::FAIR, &["a", "b"], BOTH);
    pages.run(Duration::from_secs(4));
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let address = pages.client("a").connection.address;
    for round in 0..1_000_usize {
        let mut packet = pages.capture("a", |packet| !packet.is_check()).contents;
        let length = packet.len();
        let at = random.next_u32() as usize % length;
        packet[at] ^= 1 << (round % 8);
        packet.truncate(length - (round % 7));
        pages.inject(address, &packet);
        let mut junk = vec![0; round % 1_500];
        random.fill_bytes(&mut junk);
        if let Some(first) = junk.first_mut() {
            *first = [20, 22, 23, 63, 128, 144, 191][round % 7];
        }
        pages.inject(address, &junk);
    }
    pages.run(Duration::from_secs(4));
    assert_eq!(pages.members(), ["a", "b"]);
    assert_eq!(pages.sfu.stats().peers_failed, 0);
}

#[test]
fn sf35_damaged_descriptions_panic_nowhere_and_leave_nothing() {
    let mut pages = Pages::with(7, Weather::FAIR, &["a"], BOTH);
    let good = pages.clients.get_mut("a").unwrap();
    let mut api = good.connection.rtc.sdp_api();
    api.ice_restart(true);
    let good = api.apply().unwrap().0.to_sdp_string();
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let mut accepted = 0;
    for _ in 0..1_000 {
        let offer = damage(&good, &mut random);
        let now = pages.now;
        let publish = Publish {
            room: RoomId::parse("other").unwrap(),
            user: UserId::parse("x").unwrap(),
            session: SessionId::new("s"),
            offer,
            limit: None,
        };
        accepted += usize::from(pages.sfu.publish(now, publish).is_ok());
        pages.sfu.flush(now);
    }
    assert!(accepted > 0, "nothing reached the WebRTC stack");
    pages.run(Duration::from_secs(31));
    assert_eq!(pages.members(), ["a"]);
    assert_eq!(pages.sfu.stats().peers, 1);
}

#[test]
fn ce19_damaged_descriptions_of_calls_panic_nowhere_and_leave_nothing() {
    let mut member = Member::new(Instant::now(), 1, "a", Setup::PLAIN);
    let (offer, _) = member.offer(setup::BOTH);
    // The fuzz target publishes these sections.
    let mids = offer.lines().filter_map(|line| line.strip_prefix("a=mid:"));
    let named = mids.enumerate().fold(offer.clone(), |offer, (place, mid)| {
        offer.replace(mid, &place.to_string())
    });
    let mut random = ChaCha8Rng::seed_from_u64(10);
    fuzz::descriptions(named.as_bytes());
    for _ in 0..200 {
        fuzz::descriptions(damage(&named, &mut random).as_bytes());
    }
}

/// Changes a few lines: drops, doubles, swaps, and replaces characters.
fn damage(text: &str, random: &mut ChaCha8Rng) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=random.next_u32() % 4 {
        let pick = random.next_u32() as usize % lines.len();
        match random.next_u32() % 5 {
            0 => drop(lines.remove(pick)),
            1 => lines.insert(pick, lines[pick].clone()),
            2 => lines.swap(pick, 0),
            3 => {
                let digit = char::from(b'0' + u8::try_from(random.next_u32() % 10).unwrap());
                lines[pick] = lines[pick].replace(digit, "99999999999999999999");
            }
            _ => {
                let cut = random.next_u32() as usize % (lines[pick].len() + 1);
                let cut = (0..=cut).rev().find(|at| lines[pick].is_char_boundary(*at));
                lines[pick].truncate(cut.unwrap_or(0));
            }
        }
    }
    lines.join("\r\n")
}

#[test]
fn sf36_a_bomb_is_refused_before_it_is_read() {
    let mut pages = Pages::with(8, Weather::FAIR, &["a"], AUDIO);
    let now = pages.now;
    let mut publish = |offer: String| {
        let publish = Publish {
            room: RoomId::parse("other").unwrap(),
            user: UserId::parse("x").unwrap(),
            session: SessionId::new("s"),
            offer,
            limit: None,
        };
        let refused = pages.sfu.publish(now, publish).unwrap_err();
        refused.to_string()
    };
    let candidate = format!("a=candidate:1 1 udp 1 {} 9 typ host\r\n", &SFU[..9]);
    assert!(publish("v=0\r\n".repeat(200_000)).contains("maximum is 524288"));
    assert!(publish(candidate.repeat(5_000)).contains("maximum is 1000"));
    assert!(publish("m=audio 9 X 111\r\n".repeat(20_000)).contains("maximum is 1024"));
    assert!(publish("m=audio 9 X 111\r\n".repeat(40)).contains("maximum is 32"));
}
