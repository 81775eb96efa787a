//! Who leaves, vanishes, or comes back.

use crate::network::Weather;
use crate::world::{AUDIO, POLL, World};
use kraken_sfu::Error;
use std::time::Duration;
use str0m::media::MediaKind;

#[test]
fn sf13_who_ends_is_gone_at_once_and_told() {
    let mut world = World::with(1, Weather::FAIR, &["a", "b"], AUDIO);
    world.run(Duration::from_secs(6));
    world.end("a");
    assert_eq!(world.members(), ["b"]);
    world.run(Duration::from_secs(1));
    assert!(world.client("a").closed);
    world.run(POLL);
    assert!(world.client("b").sections.values().all(Option::is_none));
}

#[test]
fn sf14_who_vanishes_is_withdrawn_within_seven_seconds() {
    let mut world = World::with(2, Weather::FAIR, &["a", "b", "c"], AUDIO);
    world.run(Duration::from_secs(7));
    world.kill("a");
    let vanished = world.now;
    while world
        .client("b")
        .sections
        .values()
        .flatten()
        .any(|user| user == "a")
    {
        world.run(Duration::from_millis(50));
    }
    assert!(world.now - vanished < Duration::from_secs(7));
    assert_eq!(world.members(), ["b", "c"]);
    assert_eq!(world.sfu.stats().peers, 3);
    world.run(Duration::from_secs(16));
    assert_eq!(world.sfu.stats().peers, 2);
}

#[test]
fn sf14_who_comes_back_after_a_silence_is_heard_again() {
    let mut world = World::with(3, Weather::FAIR, &["a", "b"], AUDIO);
    world.run(Duration::from_secs(7));
    let a = world.kill("a");
    world.run(Duration::from_secs(8));
    assert_eq!(world.members(), ["b"]);
    let before = world.client("b").heard_from("a", MediaKind::Audio);
    world.clients.insert("a".to_owned(), a);
    world.run(Duration::from_secs(8));
    assert_eq!(world.members(), ["a", "b"]);
    assert!(world.client("b").heard_from("a", MediaKind::Audio) > before + 100);
}

#[test]
fn sf15_rooms_and_peers_are_freed() {
    let mut world = World::with(4, Weather::FAIR, &["a", "b"], AUDIO);
    world.run(Duration::from_secs(2));
    let who = world.client("a").who.clone();
    world.end("a");
    world.kill("b");
    world.run(Duration::from_secs(16));
    let stats = world.sfu.stats();
    assert_eq!((stats.rooms, stats.peers, stats.tracks), (0, 0, 0));
    assert_eq!((stats.rooms_closed, stats.peers_closed), (1, 2));
    let now = world.now;
    assert!(matches!(
        world.sfu.subscribe(now, &who),
        Err(Error::PeerNotFound { .. })
    ));
}

#[test]
fn sf15_who_never_connects_is_closed_after_30_seconds() {
    let mut world = World::with(5, Weather::FAIR, &["a"], AUDIO);
    world.kill("a");
    world.run(Duration::from_secs(29));
    assert_eq!(world.sfu.stats().peers, 1);
    world.run(Duration::from_secs(2));
    assert_eq!(world.sfu.stats().peers, 0);
}

#[test]
fn sf16_who_joins_anew_takes_the_place_of_the_old_session() {
    let mut world = World::with(6, Weather::FAIR, &["a", "b"], AUDIO);
    world.run(Duration::from_secs(6));
    let sections = world.client("b").sections.clone();
    let old = world.kill("a");
    world.join("a", AUDIO);
    let now = world.now;
    assert!(matches!(
        world.sfu.subscribe(now, &old.who),
        Err(Error::SessionMismatch { .. })
    ));
    let before = world.client("b").heard_from("a", MediaKind::Audio);
    world.run(Duration::from_secs(6));
    assert!(world.client("b").heard_from("a", MediaKind::Audio) > before + 100);
    // The listener's stream of the user goes on: nothing had to be negotiated.
    assert_eq!(world.client("b").sections, sections);
}
