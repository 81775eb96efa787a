use crate::{message, messages, relay_first};
use bytes::Bytes;
use kraken_core::doc::message::{self as wire, Message};
use kraken_sim::Client;

#[test]
fn sy1_the_server_speaks_first_with_its_state_vector() {
    let mut world = relay_first();
    let raw = world.raw("room");
    world.settle();
    assert_eq!(world.received(raw), [Bytes::from_static(&[0, 0, 1, 0])]);
}

#[test]
fn sy2_every_step_1_is_answered_even_if_nothing_is_missing() {
    let mut world = relay_first();
    let raw = world.raw("room");
    world.settle();
    world.received(raw);
    for _ in 0..2 {
        world.send(raw, wire::step_1(&[0]));
    }
    world.settle();
    let empty = Bytes::from_static(&[0, 1, 2, 0, 0]);
    assert_eq!(world.received(raw), [empty.clone(), empty]);
}

#[test]
fn sy3_an_update_reaches_the_others_as_the_very_bytes_and_not_its_writer() {
    let mut world = relay_first();
    let (writer, other) = (world.raw("room"), world.raw("room"));
    let stranger = world.raw("another room");
    world.settle();
    for raw in [writer, other, stranger] {
        world.received(raw);
    }
    let frame = Client::new(7).insert(0, "hello");
    world.send(writer, frame.clone());
    world.settle();
    assert_eq!(world.received(other), [frame]);
    assert!(world.received(writer).is_empty());
    assert!(world.received(stranger).is_empty());
}

#[test]
fn sy4_a_step_2_reaches_the_others_as_an_update_and_only_if_it_is_news() {
    let mut world = relay_first();
    let (writer, other) = (world.raw("room"), world.raw("room"));
    world.settle();
    world.received(other);
    let mut author = Client::new(7);
    author.insert(0, "hello");
    let answer = author.receive(&wire::step_1(&[0])).remove(0);
    let Message::Step2(update) = message(&answer) else {
        panic!("not a step 2");
    };
    world.send(writer, answer.clone());
    world.send(writer, answer);
    world.settle();
    assert_eq!(world.received(other), [wire::update(&update)]);
}

#[test]
fn sy5_what_waits_for_a_predecessor_reaches_later_joiners() {
    let mut world = relay_first();
    let writer = world.raw("room");
    world.settle();
    let mut author = Client::new(7);
    let first = author.insert(0, "a");
    let second = author.insert(1, "b");
    world.send(writer, second);
    world.settle();
    let late = world.joined("room");
    world.settle();
    assert_eq!(world.state(late).text(), "");
    world.send(writer, first);
    world.settle();
    assert_eq!(world.state(late).text(), "ab");
    // The hole must not have been counted as known: whoever has its content is asked for it.
    world.crash();
    let latest = world.joined("room");
    world.settle();
    assert_eq!(world.state(latest).text(), "ab");
}

#[test]
fn sy6_the_server_asks_for_what_is_missing_before_a_waiting_update() {
    let mut world = relay_first();
    let writer = world.raw("room");
    world.settle();
    let mut author = Client::new(7);
    author.insert(0, "a");
    let second = author.insert(1, "b");
    world.send(writer, second);
    world.settle();
    let witness = world.raw("room");
    world.settle();
    let step_1 = world.received(witness).remove(0);
    let answer = author.receive(&step_1).remove(0);
    world.send(witness, answer);
    world.settle();
    let late = world.joined("room");
    world.settle();
    assert_eq!(world.state(late).text(), "ab");
}

#[test]
fn sy7_a_step_2_carries_deletions_of_what_the_client_holds() {
    let mut world = relay_first();
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.settle();
    world.insert(alice, 0, "hello");
    world.settle();
    world.disconnect(bob);
    world.remove(alice, 0, 4);
    world.settle();
    world.connect(bob);
    world.settle();
    assert_eq!(world.state(bob).text(), "o");
}

#[test]
fn sy8_nothing_is_sent_before_the_document_is_loaded() {
    let mut world = relay_first();
    let alice = world.joined("room");
    world.settle();
    world.insert(alice, 0, "content");
    world.settle();
    world.crash();
    world.faults.storage_delay = 500;
    let late = world.joined("room");
    while !world.state(late).synced {
        assert_eq!(world.state(late).text(), "");
        world.advance(1);
    }
    assert_eq!(world.state(late).text(), "content");
}

#[test]
fn sy9_several_messages_of_one_frame_are_read_and_relayed_one_by_one() {
    let mut world = relay_first();
    let (writer, other) = (world.raw("room"), world.raw("room"));
    world.settle();
    world.received(other);
    let mut author = Client::new(7);
    let (first, second) = (author.insert(0, "a"), author.insert(1, "b"));
    let mut frame = first.to_vec();
    frame.extend_from_slice(&second);
    world.send(writer, frame.into());
    world.settle();
    assert_eq!(world.received(other), [first, second]);
}

#[test]
fn sy10_an_update_without_changes_is_no_news() {
    let mut world = relay_first();
    let (writer, other) = (world.raw("room"), world.raw("room"));
    world.settle();
    world.received(other);
    world.send(writer, wire::update(wire::EMPTY_UPDATE));
    world.send(writer, wire::step_2(wire::EMPTY_UPDATE));
    world.settle();
    assert!(world.received(other).is_empty());
}

#[test]
fn sy11_what_is_sent_while_a_room_loads_is_not_lost() {
    let mut world = relay_first();
    world.faults.storage_delay = 300;
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.advance(1);
    world.insert(alice, 0, "early");
    world.settle();
    assert_eq!(world.state(bob).text(), "early");
}

#[test]
fn sy12_a_new_member_is_sent_everybody_s_awareness_in_one_frame() {
    let mut world = relay_first();
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.settle();
    world.announce(alice, "\"a\"");
    world.announce(bob, "\"b\"");
    world.advance(10);
    let late = world.raw("room");
    world.advance(10);
    let found = messages(&world.received(late));
    assert!(
        matches!(&found[..], [Message::Step1(_), Message::Awareness(states)] if states[0] == 2)
    );
}
