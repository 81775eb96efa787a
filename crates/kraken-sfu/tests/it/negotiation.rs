//! Offers and answers.

use crate::client::Client;
use crate::network::Weather;
use crate::world::{AUDIO, SFU, World};
use kraken_sfu::{Config, Error, Limits, Sfu};
use std::time::{Duration, Instant};
use str0m::media::MediaKind;

#[test]
fn sf17_an_offer_is_repeated_until_it_is_answered() {
    let mut world = World::with(1, Weather::FAIR, &["a", "b"], AUDIO);
    world.stop_polling("b");
    world.run(Duration::from_secs(1));
    let (now, who) = (world.now, world.client("b").who.clone());
    let first = world.sfu.subscribe(now, &who).unwrap().unwrap();
    // The client applies it, but its answer is lost. Meanwhile, somebody joins.
    world.client_mut("b").answer(&first);
    world.join("c", AUDIO);
    world.run(Duration::from_secs(1));
    let now = world.now;
    assert_eq!(world.sfu.subscribe(now, &who).unwrap(), Some(first));
    assert!(world.subscribe("b").unwrap());
    assert!(world.subscribe("b").unwrap());
    assert!(!world.subscribe("b").unwrap());
    world.run(Duration::from_secs(2));
    for speaker in ["a", "c"] {
        assert!(world.client("b").heard_from(speaker, MediaKind::Audio) > 50);
    }
}

#[test]
fn sf18_sections_are_used_again() {
    let mut world = World::with(2, Weather::FAIR, &["listener"], AUDIO);
    world.run(Duration::from_secs(1));
    for round in 0..8 {
        let user = format!("guest-{round}");
        world.join(&user, AUDIO);
        world.run(Duration::from_secs(7));
        assert!(world.client("listener").heard_from(&user, MediaKind::Audio) > 100);
        world.end(&user);
        world.clients.remove(&user);
        world.run(Duration::from_secs(4));
    }
    // Its own section and one for whoever was there.
    assert_eq!(world.client("listener").sections.len(), 2);
}

#[test]
fn sf19_an_answer_needs_an_offer_and_a_form() {
    let mut world = World::with(3, Weather::FAIR, &["a", "b"], AUDIO);
    world.stop_polling("b");
    world.run(Duration::from_secs(1));
    let (now, who) = (world.now, world.client("b").who.clone());
    assert_eq!(
        world.sfu.answer(now, &who, "v=0\r\n"),
        Err(Error::NothingOffered)
    );
    assert!(world.sfu.subscribe(now, &who).unwrap().is_some());
    let refused = world.sfu.answer(now, &who, "nonsense");
    assert!(matches!(refused, Err(Error::InvalidSdp(_))));
    // The offer still stands.
    assert!(world.subscribe("b").unwrap());
}

#[test]
fn sf20_long_names_reach_others_whole() {
    let name = "551d268f-12c5-4d1a-a33d-6f3c2a1b4e5f%3A0JbQstCw0L0g0JPRgNC-0LfQvdGL0LkgLyDkvaDlpb3kuJbnlYw%3D~";
    let mut world = World::with(4, Weather::FAIR, &["a", name], AUDIO);
    world.run(Duration::from_secs(5));
    assert!(world.client("a").heard_from(name, MediaKind::Audio) > 50);
}

#[test]
fn sf21_a_room_is_full_when_the_request_says_so() {
    let mut world = World::with(5, Weather::FAIR, &["a", "b"], AUDIO);
    let now = world.now;
    let publish = |user: &str, limit| kraken_sfu::Publish {
        room: kraken_sfu::RoomId::parse("room").unwrap(),
        user: kraken_sfu::UserId::parse(user).unwrap(),
        session: kraken_sfu::SessionId::new("s"),
        offer: "v=0\r\n".to_owned(),
        limit,
    };
    let full = world.sfu.publish(now, publish("c", Some(2)));
    assert_eq!(full, Err(Error::RoomFull(2)));
    // Somebody who is there already doesn't count, nor does a room below its limit refuse.
    for request in [
        publish("b", Some(2)),
        publish("c", Some(3)),
        publish("c", None),
    ] {
        let refused = world.sfu.publish(now, request);
        assert!(matches!(
            refused,
            Err(Error::InvalidSdp(_) | Error::OfferRefused(_))
        ));
    }
    assert_eq!(world.members(), ["a", "b"]);
}

#[test]
fn sf25_a_flood_of_joins_is_bounded() {
    let now = Instant::now();
    let limits = Limits {
        peers: 4,
        connecting: 2,
        ..Limits::default()
    };
    let config = Config {
        udp: vec![SFU.parse().unwrap()],
        limits,
        ..Config::default()
    };
    let mut sfu = Sfu::new(config, now);
    let mut join = |now, user| Client::join(&mut sfu, now, 1, user, AUDIO).err();
    assert_eq!((join(now, "a"), join(now, "b")), (None, None));
    assert_eq!(join(now, "c"), Some(Error::EngineFull(2)));
    let later = now + Duration::from_secs(31);
    sfu.handle_timeout(later);
    assert_eq!(sfu.stats().peers, 0);
    assert!(Client::join(&mut sfu, later, 1, "c", AUDIO).is_ok());
}
