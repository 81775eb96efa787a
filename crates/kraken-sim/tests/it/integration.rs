//! Documents that take long to integrate.

use crate::relay_first;
use bytes::Bytes;
use kraken_core::doc::message as wire;
use kraken_core::{Durability, Limits, close};
use kraken_sim::{ClientId, World};

/// More than a turn may take.
const SLOW: u64 = 20_000;

/// An update in which so many clients have typed a character each, all at the same place.
fn crowd(first: u64, clients: u64) -> Bytes {
    let mut update = Vec::new();
    wire::write_var_uint(&mut update, clients);
    for client in first..first + clients {
        update.push(1);
        wire::write_var_uint(&mut update, client);
        update.extend([0, 4, 1, 4, b't', b'e', b'x', b't', 1, b'a']);
    }
    update.push(0);
    wire::update(&update)
}

/// An update in which one client has typed so many characters, each behind the first one of another
/// client.
fn behind(origin: u64, characters: u64) -> Bytes {
    const HAS_ORIGIN: u8 = 0x80;
    let mut update = vec![1];
    wire::write_var_uint(&mut update, characters);
    wire::write_var_uint(&mut update, origin + 1);
    update.push(0);
    for _ in 0..characters {
        update.push(4 | HAS_ORIGIN);
        wire::write_var_uint(&mut update, origin);
        update.extend([0, 1, b'a']);
    }
    update.push(0);
    wire::update(&update)
}

fn long_text(world: &mut World, client: ClientId) -> usize {
    world.state(client).text().len()
}

#[test]
fn bi11_a_room_that_takes_long_holds_up_itself_and_nobody_else() {
    let mut world = relay_first();
    let writer = world.raw("slow");
    let (alice, bob) = (world.joined("quick"), world.joined("quick"));
    world.settle();
    world.slow_down(SLOW);
    world.send(writer, crowd(1_000, 300));
    world.advance(5);
    let late = world.joined("slow");
    let carol = world.joined("other");
    world.insert(alice, 0, "hello");
    world.advance(20);
    assert_eq!(world.state(bob).text(), "hello");
    assert!(world.state(carol).synced);
    assert!(!world.state(late).synced);
    world.settle();
    assert!(world.state(late).synced);
    assert_eq!(long_text(&mut world, late), 300);
    assert!(world.closes(writer).is_empty());
}

#[test]
fn bi11_what_is_said_meanwhile_waits_in_order_and_is_kept() {
    for durability in [Durability::RelayFirst, Durability::WriteFirst] {
        let mut world = World::new(1, durability, Limits::default());
        let (writer, alice) = (world.raw("slow"), world.joined("slow"));
        world.settle();
        world.slow_down(SLOW);
        world.send(writer, crowd(1_000, 300));
        world.advance(5);
        for word in ["three ", "two ", "one "] {
            world.insert(alice, 0, word);
        }
        world.disconnect(writer);
        world.advance(5);
        world.disconnect(alice);
        world.settle();
        world.crash();
        let late = world.joined("slow");
        world.settle();
        let text = world.state(late).text();
        assert!(text.contains("one two three "), "{durability:?}: {text}");
        assert_eq!(text.matches('a').count(), 300, "{durability:?}");
    }
}

#[test]
fn bi11_a_document_that_takes_long_to_load_holds_up_nobody() {
    let mut world = relay_first();
    let writer = world.raw("slow");
    world.settle();
    world.send(writer, crowd(1_000, 300));
    world.send(writer, crowd(2_000, 300));
    world.settle();
    world.crash();
    world.slow_down(SLOW);
    let late = world.joined("slow");
    world.advance(5);
    let (alice, bob) = (world.joined("quick"), world.joined("quick"));
    world.advance(20);
    world.insert(alice, 0, "hello");
    world.advance(20);
    assert_eq!(world.state(bob).text(), "hello");
    assert!(!world.state(late).synced);
    world.settle();
    assert_eq!(long_text(&mut world, late), 600);
}

#[test]
fn bi11_who_says_too_much_meanwhile_is_closed_and_keeps_it() {
    let limits = Limits {
        waiting_bytes: 1_000,
        ..Limits::default()
    };
    let mut world = World::new(1, Durability::RelayFirst, limits);
    let (writer, alice) = (world.raw("slow"), world.joined("slow"));
    world.settle();
    world.slow_down(SLOW);
    world.send(writer, crowd(1_000, 300));
    world.advance(5);
    // One message may always wait, however long it is.
    world.insert(alice, 0, &"b".repeat(2_000));
    world.advance(5);
    assert!(world.closes(alice).is_empty());
    world.insert(alice, 0, "c");
    world.advance(5);
    assert_eq!(world.closes(alice), [close::TRY_AGAIN]);
    world.settle();
    world.connect(alice);
    world.settle();
    let late = world.joined("slow");
    world.settle();
    assert_eq!(long_text(&mut world, late), 2_301);
}

#[test]
fn bi11_several_rooms_that_take_long_take_turns() {
    let mut world = relay_first();
    let rooms = ["a", "b", "c"];
    let writers = rooms.map(|room| world.raw(room));
    world.settle();
    world.slow_down(SLOW);
    for writer in writers {
        world.send(writer, crowd(1_000, 60));
    }
    world.advance(5);
    let late = rooms.map(|room| world.joined(room));
    world.settle();
    for client in late {
        assert_eq!(long_text(&mut world, client), 60);
    }
}

#[test]
fn bi13_questions_that_take_long_to_answer_are_answered_in_many_turns() {
    let mut world = relay_first();
    let asker = world.raw("slow");
    world.settle();
    world.received(asker);
    let questions = [wire::step_1(&[0]), wire::query_awareness()].concat();
    for (pace, turns) in [(0, 1..10), (SLOW, 40..60)] {
        world.slow_down(pace);
        let before = world.turns();
        world.send(asker, questions.repeat(25).into());
        world.settle();
        assert_eq!(world.received(asker).len(), 50);
        let taken = world.turns() - before;
        assert!(turns.contains(&taken), "{taken} turns");
    }
}

#[test]
fn bi13_who_asks_while_others_write_without_end_is_answered() {
    let mut world = World::new(1, Durability::WriteFirst, Limits::default());
    world.faults.storage_delay = 20;
    let alice = world.joined("room");
    world.settle();
    let mut late = None;
    for step in 0..100 {
        world.insert(alice, 0, "x");
        world.advance(3);
        if step == 50 {
            late = Some(world.joined("room"));
        }
    }
    let late = late.unwrap();
    assert!(world.state(late).synced);
    world.settle();
    assert_eq!(long_text(&mut world, late), 100);
}

#[test]
fn bi13_who_asks_before_what_has_waited_is_integrated_gets_that_too() {
    let mut world = World::new(1, Durability::WriteFirst, Limits::default());
    world.faults.storage_delay = 20;
    let (writer, alice, other) = (
        world.raw("room"),
        world.joined("room"),
        world.joined("other"),
    );
    world.settle();
    world.send(writer, behind(1_000, 300));
    world.settle();
    world.slow_down(SLOW);
    // Storage is busy when there is something new, is asked for it, and what others wait for comes.
    world.insert(other, 0, "hello");
    world.advance(3);
    world.insert(alice, 0, "b");
    world.advance(3);
    let late = world.joined("room");
    world.advance(3);
    world.send(writer, crowd(1_000, 1));
    world.settle();
    assert_eq!(long_text(&mut world, alice), 302);
    assert_eq!(long_text(&mut world, late), 302);
}

#[test]
fn bi13_a_document_near_its_limit_is_measured_when_there_is_time() {
    let mut limits = Limits::default();
    limits.app.document_bytes = 10_000;
    let mut world = World::new(1, Durability::RelayFirst, limits);
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.insert(alice, 0, &"x".repeat(8_000));
    world.settle();
    world.slow_down(SLOW);
    for _ in 0..30 {
        world.insert(alice, 0, &"y".repeat(500));
        world.remove(alice, 0, 500);
        world.insert(bob, 0, &"z".repeat(500));
        world.remove(bob, 0, 500);
    }
    world.settle();
    assert!(world.closes(alice).is_empty());
    assert!(world.closes(bob).is_empty());
    assert_eq!(world.state(bob).text(), "x".repeat(8_000));
    world.insert(alice, 0, &"y".repeat(3_000));
    world.settle();
    assert_eq!(world.closes(alice), [close::TOO_LARGE]);
}
