use crate::{message, relay_first};
use bytes::Bytes;
use kraken_core::doc::message::Message;
use kraken_core::doc::{GRACE, OUTDATED};

#[test]
fn aw8_a_sender_gets_its_own_renewal_so_that_it_doesn_t_think_the_server_dead() {
    let mut world = relay_first();
    let raw = world.raw("room");
    world.settle();
    world.received(raw);
    let frame = kraken_sim::Client::new(7).announce("{}");
    world.send(raw, frame.clone());
    world.advance(10);
    assert_eq!(world.received(raw), [frame]);
}

#[test]
fn aw9_there_is_no_phantom_user() {
    let mut world = relay_first();
    let raw = world.raw("room");
    world.settle();
    world.received(raw);
    world.send(raw, Bytes::from_static(&[3]));
    world.settle();
    assert_eq!(world.received(raw), [Bytes::from_static(&[1, 1, 0])]);
}

#[test]
fn aw10_who_leaves_cleanly_is_gone_at_once_and_who_breaks_off_after_the_grace_time() {
    let mut world = relay_first();
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.settle();
    world.announce(alice, "{}");
    world.advance(10);
    assert_eq!(world.state(bob).others.len(), 1);
    world.announce(alice, "null");
    world.advance(10);
    assert_eq!(world.state(bob).others.len(), 0);
    world.announce(alice, "{}");
    world.advance(10);
    world.disconnect(alice);
    world.advance(GRACE - 100);
    assert_eq!(world.state(bob).others.len(), 1);
    world.advance(200);
    assert_eq!(world.state(bob).others.len(), 0);
}

#[test]
fn aw11_who_reconnects_within_the_grace_time_never_disappears() {
    let mut world = relay_first();
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.settle();
    world.announce(alice, "{}");
    world.advance(10);
    world.disconnect(alice);
    world.advance(GRACE / 2);
    world.connect(alice);
    for _ in 0..50 {
        world.advance(100);
        assert_eq!(world.state(bob).others.len(), 1);
    }
}

#[test]
fn aw12_a_state_that_is_not_renewed_goes_after_30_seconds() {
    let mut world = relay_first();
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.settle();
    world.announce(alice, "{}");
    world.advance(OUTDATED - 100);
    assert_eq!(world.state(bob).others.len(), 1);
    world.advance(200);
    assert_eq!(world.state(bob).others.len(), 0);
}

#[test]
fn aw13_a_silent_room_is_told_something_before_its_clients_give_up() {
    let mut world = relay_first();
    let raw = world.raw("room");
    world.settle();
    world.received(raw);
    for _ in 0..4 {
        world.advance(25_000);
        let frames = world.received(raw);
        assert!(!frames.is_empty());
        assert!(matches!(message(&frames[0]), Message::Awareness(states) if states[..] == [0]));
    }
}
