//! What strangers and broken clients send.

use crate::member::Member;
use crate::network::{Packet, Weather};
use crate::world::{AUDIO, BOTH, SFU, World};
use kraken_sfu::{Publish, RoomId, SessionId, TrackSource, UserId, fuzz};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::media::MediaKind;

const STRANGER: &str = "203.0.113.9:9999";

fn stranger() -> SocketAddr {
    STRANGER.parse().unwrap()
}

/// Takes the next such packet of a client off the network.
fn next_packet(world: &mut World, user: &str, pick: fn(&Packet) -> bool) -> Packet {
    world.capture(user, pick);
    loop {
        world.run(Duration::from_millis(1));
        if let Some(packet) = world.captured() {
            return packet;
        }
    }
}

fn is_stun(packet: &Packet) -> bool {
    packet.contents[0] < 2
}

fn is_media(packet: &Packet) -> bool {
    (128..192).contains(&packet.contents[0])
}

#[test]
fn sf30_junk_is_of_nobody() {
    let mut world = World::with(1, Weather::FAIR, &["a", "b"], AUDIO);
    world.run(Duration::from_secs(4));
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for length in 0..2_000 {
        let mut junk = vec![0; length];
        random.fill_bytes(&mut junk);
        assert!(!world.inject(stranger(), &junk));
    }
    world.run(Duration::from_secs(3));
    assert_eq!(world.members(), ["a", "b"]);
    assert!(world.sfu.stats().datagrams_refused >= 2_000);
}

#[test]
fn sf31_a_connectivity_check_without_the_password_is_of_nobody() {
    let mut world = World::with(2, Weather::FAIR, &["a", "b"], AUDIO);
    world.run(Duration::from_secs(4));
    let mut check = next_packet(&mut world, "a", is_stun).contents;
    let last = check.len() - 12;
    check[last] ^= 1;
    assert!(!world.inject(stranger(), &check));
}

#[test]
fn sf31_a_check_does_not_take_the_address_of_another_peer() {
    let mut world = World::with(3, Weather::FAIR, &["a", "b"], AUDIO);
    world.run(Duration::from_secs(4));
    let check = next_packet(&mut world, "a", is_stun).contents;
    let victim = world.client("b").address;
    assert!(!world.inject(victim, &check));
    let before = world.client("a").heard_from("b", MediaKind::Audio);
    world.run(Duration::from_secs(4));
    assert!(world.client("a").heard_from("b", MediaKind::Audio) > before + 150);
}

#[test]
fn sf32_media_before_the_handshake_goes_nowhere() {
    let mut world = World::with(4, Weather::FAIR, &["a", "b"], AUDIO);
    world.run(Duration::from_secs(4));
    let media = next_packet(&mut world, "a", is_media).contents;
    world.join("c", AUDIO);
    let check = next_packet(&mut world, "c", is_stun);
    assert!(world.inject(check.source, &check.contents));
    let before = world.sfu.stats().packets_in;
    for _ in 0..100 {
        world.inject(check.source, &media);
    }
    assert_eq!(world.sfu.stats().packets_in, before);
    world.run(Duration::from_secs(6));
    assert!(world.client("a").heard_from("c", MediaKind::Audio) > 50);
}

#[test]
fn sf33_a_replayed_packet_is_not_forwarded() {
    let mut world = World::with(5, Weather::FAIR, &["a", "b"], AUDIO);
    world.run(Duration::from_secs(4));
    let media = next_packet(&mut world, "a", is_media);
    assert!(world.inject(media.source, &media.contents));
    let before = world.sfu.stats().packets_in;
    for _ in 0..100 {
        world.inject(media.source, &media.contents);
    }
    assert_eq!(world.sfu.stats().packets_in, before);
}

#[test]
fn sf34_damaged_packets_of_a_peer_close_nobody() {
    let mut world = World::with(6, Weather::FAIR, &["a", "b"], BOTH);
    world.run(Duration::from_secs(4));
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let address = world.client("a").address;
    for round in 0..1_000_usize {
        let mut packet = next_packet(&mut world, "a", |packet| !is_stun(packet)).contents;
        let length = packet.len();
        let at = random.next_u32() as usize % length;
        packet[at] ^= 1 << (round % 8);
        packet.truncate(length - (round % 7));
        world.inject(address, &packet);
        let mut junk = vec![0; round % 1_500];
        random.fill_bytes(&mut junk);
        if let Some(first) = junk.first_mut() {
            *first = [20, 22, 23, 63, 128, 144, 191][round % 7];
        }
        world.inject(address, &junk);
    }
    world.run(Duration::from_secs(4));
    assert_eq!(world.members(), ["a", "b"]);
    assert_eq!(world.sfu.stats().peers_failed, 0);
}

#[test]
fn sf35_damaged_descriptions_panic_nowhere_and_leave_nothing() {
    let mut world = World::with(7, Weather::FAIR, &["a"], BOTH);
    let good = world.clients.get_mut("a").unwrap();
    let mut api = good.rtc.sdp_api();
    api.ice_restart(true);
    let good = api.apply().unwrap().0.to_sdp_string();
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let mut accepted = 0;
    for _ in 0..1_000 {
        let offer = damage(&good, &mut random);
        let now = world.now;
        let publish = Publish {
            room: RoomId::parse("other").unwrap(),
            user: UserId::parse("x").unwrap(),
            session: SessionId::new("s"),
            offer,
            limit: None,
        };
        accepted += usize::from(world.sfu.publish(now, publish).is_ok());
        world.sfu.flush(now);
    }
    assert!(accepted > 0, "nothing reached the WebRTC stack");
    world.run(Duration::from_secs(31));
    assert_eq!(world.members(), ["a"]);
    assert_eq!(world.sfu.stats().peers, 1);
}

#[test]
fn ce19_damaged_descriptions_of_calls_panic_nowhere_and_leave_nothing() {
    let mut member = Member::new(Instant::now(), 1, "a");
    let (offer, _) = member.offer(&[TrackSource::Microphone, TrackSource::Camera]);
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
    let mut world = World::with(8, Weather::FAIR, &["a"], AUDIO);
    let now = world.now;
    let mut publish = |offer: String| {
        let publish = Publish {
            room: RoomId::parse("other").unwrap(),
            user: UserId::parse("x").unwrap(),
            session: SessionId::new("s"),
            offer,
            limit: None,
        };
        let refused = world.sfu.publish(now, publish).unwrap_err();
        refused.to_string()
    };
    let candidate = format!("a=candidate:1 1 udp 1 {} 9 typ host\r\n", &SFU[..9]);
    assert!(publish("v=0\r\n".repeat(200_000)).contains("maximum is 524288"));
    assert!(publish(candidate.repeat(5_000)).contains("maximum is 1000"));
    assert!(publish("m=audio 9 X 111\r\n".repeat(20_000)).contains("maximum is 1024"));
    assert!(publish("m=audio 9 X 111\r\n".repeat(40)).contains("maximum is 32"));
}
