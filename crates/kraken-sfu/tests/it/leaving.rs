//! Who leaves, vanishes, or comes back.

use crate::network::Weather;
use crate::page::POLL;
use crate::pages::{AUDIO, Pages};
use kraken_sfu::Error;
use std::time::Duration;
use str0m::media::MediaKind;

#[test]
fn sf13_who_ends_is_gone_at_once_and_told() {
    let mut pages = Pages::with(1, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(6));
    pages.end("a");
    assert_eq!(pages.members(), ["b"]);
    pages.run(Duration::from_secs(1));
    assert!(pages.client("a").is_closed);
    pages.run(POLL);
    assert!(pages.client("b").sections.values().all(Option::is_none));
}

#[test]
fn sf14_who_vanishes_is_withdrawn_within_seven_seconds() {
    let mut pages = Pages::with(2, Weather::FAIR, &["a", "b", "c"], AUDIO);
    pages.run(Duration::from_secs(7));
    pages.kill("a");
    let vanished = pages.now;
    while pages
        .client("b")
        .sections
        .values()
        .flatten()
        .any(|user| user == "a")
    {
        pages.run(Duration::from_millis(50));
    }
    assert!(pages.now - vanished < Duration::from_secs(7));
    assert_eq!(pages.members(), ["b", "c"]);
    assert_eq!(pages.sfu.stats().peers, 3);
    pages.run(Duration::from_secs(16));
    assert_eq!(pages.sfu.stats().peers, 2);
}

#[test]
fn sf14_who_comes_back_after_a_silence_is_heard_again() {
    let mut pages = Pages::with(3, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(7));
    let a = pages.kill("a");
    pages.run(Duration::from_secs(8));
    assert_eq!(pages.members(), ["b"]);
    let before = pages.client("b").heard_from("a", MediaKind::Audio);
    pages.clients.insert("a".to_owned(), a);
    pages.run(Duration::from_secs(8));
    assert_eq!(pages.members(), ["a", "b"]);
    assert!(pages.client("b").heard_from("a", MediaKind::Audio) > before + 100);
}

#[test]
fn sf15_rooms_and_peers_are_freed() {
    let mut pages = Pages::with(4, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(2));
    let who = pages.client("a").who.clone();
    pages.end("a");
    pages.kill("b");
    pages.run(Duration::from_secs(16));
    let stats = pages.sfu.stats();
    assert_eq!((stats.rooms, stats.peers, stats.tracks), (0, 0, 0));
    assert_eq!((stats.rooms_closed, stats.peers_closed), (1, 2));
    let now = pages.now;
    assert!(matches!(
        pages.sfu.subscribe(now, &who),
        Err(Error::PeerNotFound { .. })
    ));
}

#[test]
fn sf15_who_never_connects_is_closed_after_30_seconds() {
    let mut pages = Pages::with(5, Weather::FAIR, &["a"], AUDIO);
    pages.kill("a");
    pages.run(Duration::from_secs(29));
    assert_eq!(pages.sfu.stats().peers, 1);
    pages.run(Duration::from_secs(2));
    assert_eq!(pages.sfu.stats().peers, 0);
}

#[test]
fn sf16_who_joins_anew_takes_the_place_of_the_old_session() {
    let mut pages = Pages::with(6, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(6));
    let sections = pages.client("b").sections.clone();
    let old = pages.kill("a");
    pages.join("a", AUDIO);
    let now = pages.now;
    assert!(matches!(
        pages.sfu.subscribe(now, &old.who),
        Err(Error::SessionMismatch { .. })
    ));
    let before = pages.client("b").heard_from("a", MediaKind::Audio);
    pages.run(Duration::from_secs(6));
    assert!(pages.client("b").heard_from("a", MediaKind::Audio) > before + 100);
    // The listener's stream of the user goes on: nothing had to be negotiated.
    assert_eq!(pages.client("b").sections, sections);
}
