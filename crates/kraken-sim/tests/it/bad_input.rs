use crate::relay_first;
use bytes::Bytes;
use kraken_core::doc::message as wire;
use kraken_core::{Durability, Limits, close};
use kraken_sim::{Client, World};

/// Frames that break the protocol, each in its own way.
fn malformed() -> Vec<Bytes> {
    let update = Client::new(7).insert(0, "hello");
    let truncated = update.slice(..update.len() - 1);
    let mut broken_inside = update.to_vec();
    broken_inside[4] = 0xff;
    let hostile_count = wire::update(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    vec![
        Bytes::new(),
        truncated,
        broken_inside.into(),
        hostile_count,
        Bytes::from_static(&[0, 9, 1, 0]),
        Bytes::from_static(&[0x80; 16]),
        wire::step_1(&[3, 1]),
        wire::step_1(&[0xff, 0xff, 0xff, 0xff, 0x0f]),
        wire::awareness(&[5]),
        wire::awareness(&[1, 1, 1, 1, b'{']),
    ]
}

#[test]
fn bi1_a_malformed_message_closes_its_connection_for_good_and_nobody_else_sees_it() {
    for frame in malformed() {
        let mut world = relay_first();
        let (bad, good) = (world.raw("room"), world.raw("room"));
        world.settle();
        world.received(good);
        world.send(bad, frame.clone());
        world.settle();
        assert_eq!(world.closes(bad), [close::MALFORMED], "{frame:?}");
        assert!(world.closes(good).is_empty());
        assert!(world.received(good).is_empty(), "{frame:?}");
        let update = Client::new(8).insert(0, "on");
        world.send(good, update);
        let late = world.joined("room");
        world.settle();
        assert_eq!(world.state(late).text(), "on");
    }
}

#[test]
fn bi2_unknown_messages_and_authentication_are_ignored() {
    let mut world = relay_first();
    let (raw, other) = (world.raw("room"), world.raw("room"));
    world.settle();
    world.received(other);
    for frame in [&[99, 1, 2, 3][..], &[2, 0, 1, 65], &[4]] {
        world.send(raw, Bytes::copy_from_slice(frame));
    }
    world.settle();
    assert!(world.closes(raw).is_empty());
    assert!(world.received(other).is_empty());
}

#[test]
fn bi3_a_document_over_its_limit_takes_no_more() {
    let mut limits = Limits::default();
    limits.app.document_bytes = 1_000;
    let mut world = World::new(1, Durability::RelayFirst, limits);
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.settle();
    world.insert(alice, 0, &"x".repeat(900));
    world.settle();
    world.insert(alice, 0, &"y".repeat(900));
    world.settle();
    assert_eq!(world.closes(alice), [close::TOO_LARGE]);
    assert_eq!(world.state(bob).text(), "x".repeat(900));
}

#[test]
fn bi3_what_was_deleted_does_not_count() {
    let mut limits = Limits::default();
    limits.app.document_bytes = 10_000;
    let mut world = World::new(1, Durability::RelayFirst, limits);
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.settle();
    world.insert(alice, 0, &"x".repeat(8_000));
    world.settle();
    for _ in 0..20 {
        world.insert(alice, 0, &"y".repeat(1_000));
        world.settle();
        world.remove(alice, 0, 1_000);
        world.settle();
    }
    assert!(world.closes(alice).is_empty());
    world.insert(alice, 0, &"z".repeat(3_000));
    world.settle();
    assert_eq!(world.closes(alice), [close::TOO_LARGE]);
    assert_eq!(world.state(bob).text(), "x".repeat(8_000));
}

#[test]
fn bi4_awareness_over_its_limit_closes_its_connection() {
    let mut limits = Limits::default();
    limits.app.awareness_state_bytes = 10;
    let mut world = World::new(1, Durability::RelayFirst, limits);
    let alice = world.joined("room");
    world.settle();
    world.announce(alice, "\"much too long\"");
    world.settle();
    assert_eq!(world.closes(alice), [close::TOO_LARGE]);
}
