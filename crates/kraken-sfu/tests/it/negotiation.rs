//! Offers and answers.

use crate::network::Weather;
use crate::page::Page;
use crate::pages::{AUDIO, Pages};
use crate::world::SFU;
use kraken_sfu::{Config, Error, Limits, Sfu};
use std::time::{Duration, Instant};
use str0m::media::MediaKind;

#[test]
fn sf17_an_offer_is_repeated_until_it_is_answered() {
    let mut pages = Pages::with(1, Weather::FAIR, &["a", "b"], AUDIO);
    pages.stop_polling("b");
    pages.run(Duration::from_secs(1));
    let (now, who) = (pages.now, pages.client("b").who.clone());
    let first = pages.sfu.subscribe(now, &who).unwrap().unwrap();
    // The client applies it, but its answer is lost. Meanwhile, somebody joins.
    pages.client_mut("b").answer(&first);
    pages.join("c", AUDIO);
    pages.run(Duration::from_secs(1));
    let now = pages.now;
    assert_eq!(pages.sfu.subscribe(now, &who).unwrap(), Some(first));
    assert!(pages.subscribe("b").unwrap());
    assert!(pages.subscribe("b").unwrap());
    assert!(!pages.subscribe("b").unwrap());
    pages.run(Duration::from_secs(2));
    for speaker in ["a", "c"] {
        assert!(pages.client("b").heard_from(speaker, MediaKind::Audio) > 50);
    }
}

#[test]
fn sf18_sections_are_used_again() {
    let mut pages = Pages::with(2, Weather::FAIR, &["listener"], AUDIO);
    pages.run(Duration::from_secs(1));
    for round in 0..8 {
        let user = format!("guest-{round}");
        pages.join(&user, AUDIO);
        pages.run(Duration::from_secs(7));
        assert!(pages.client("listener").heard_from(&user, MediaKind::Audio) > 100);
        pages.end(&user);
        pages.clients.remove(&user);
        pages.run(Duration::from_secs(4));
    }
    // Its own section and one for whoever was there.
    assert_eq!(pages.client("listener").sections.len(), 2);
}

#[test]
fn sf19_an_answer_needs_an_offer_and_a_form() {
    let mut pages = Pages::with(3, Weather::FAIR, &["a", "b"], AUDIO);
    pages.stop_polling("b");
    pages.run(Duration::from_secs(1));
    let (now, who) = (pages.now, pages.client("b").who.clone());
    assert_eq!(
        pages.sfu.answer(now, &who, "v=0\r\n"),
        Err(Error::NothingOffered)
    );
    assert!(pages.sfu.subscribe(now, &who).unwrap().is_some());
    let refused = pages.sfu.answer(now, &who, "nonsense");
    assert!(matches!(refused, Err(Error::InvalidSdp(_))));
    // The offer still stands.
    assert!(pages.subscribe("b").unwrap());
}

#[test]
fn sf20_long_names_reach_others_whole() {
    let name = "551d268f-12c5-4d1a-a33d-6f3c2a1b4e5f%3A0JbQstCw0L0g0JPRgNC-0LfQvdGL0LkgLyDkvaDlpb3kuJbnlYw%3D~";
    let mut pages = Pages::with(4, Weather::FAIR, &["a", name], AUDIO);
    pages.run(Duration::from_secs(5));
    assert!(pages.client("a").heard_from(name, MediaKind::Audio) > 50);
}

#[test]
fn sf21_a_room_is_full_when_the_request_says_so() {
    let mut pages = Pages::with(5, Weather::FAIR, &["a", "b"], AUDIO);
    let now = pages.now;
    let publish = |user: &str, limit| kraken_sfu::Publish {
        room: kraken_sfu::RoomId::parse("room").unwrap(),
        user: kraken_sfu::UserId::parse(user).unwrap(),
        session: kraken_sfu::SessionId::new("s"),
        offer: "v=0\r\n".to_owned(),
        limit,
    };
    let full = pages.sfu.publish(now, publish("c", Some(2)));
    assert_eq!(full, Err(Error::RoomFull(2)));
    // Somebody who is there already doesn't count, nor does a room below its limit refuse.
    for request in [
        publish("b", Some(2)),
        publish("c", Some(3)),
        publish("c", None),
    ] {
        let refused = pages.sfu.publish(now, request);
        assert!(matches!(
            refused,
            Err(Error::InvalidSdp(_) | Error::OfferRefused(_))
        ));
    }
    assert_eq!(pages.members(), ["a", "b"]);
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
    let mut join = |now, user| Page::join(&mut sfu, now, 1, user, AUDIO).err();
    assert_eq!((join(now, "a"), join(now, "b")), (None, None));
    assert_eq!(join(now, "c"), Some(Error::EngineFull(2)));
    let later = now + Duration::from_secs(31);
    sfu.handle_timeout(later);
    assert_eq!(sfu.stats().peers, 0);
    assert!(Page::join(&mut sfu, later, 1, "c", AUDIO).is_ok());
}
