use crate::{relay_first, write_first};
use kraken_core::doc::WRITE_WINDOW;
use kraken_core::{Durability, Limits, RoomName, close};
use kraken_sim::World;

fn room() -> RoomName {
    RoomName::parse("room").unwrap()
}

#[test]
fn st1_relay_first_relays_at_once_and_has_written_within_the_window() {
    let mut world = relay_first();
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.settle();
    world.insert(alice, 0, "a");
    world.advance(1);
    assert_eq!(world.state(bob).text(), "a");
    assert_eq!(world.storage.segments(&room()), 0);
    world.advance(WRITE_WINDOW);
    assert_eq!(world.storage.segments(&room()), 1);
    world.crash();
    let late = world.joined("room");
    world.settle();
    assert_eq!(world.state(late).text(), "a");
}

#[test]
fn st2_write_first_relays_what_is_stored_and_tells_the_writer_too() {
    let mut world = write_first();
    world.faults.storage_delay = 200;
    let (alice, bob) = (world.joined("room"), world.joined("room"));
    world.settle();
    for step in 0..20 {
        world.insert(alice, 0, "a");
        world.advance(step * 7);
    }
    world.settle();
    assert_eq!(world.state(bob).text().len(), 20);
    assert_eq!(world.state(alice).echoes.len(), 20);
}

#[test]
fn st3_write_first_keeps_what_its_writer_was_told_is_saved() {
    let mut world = write_first();
    world.faults.storage_delay = 50;
    let alice = world.joined("room");
    world.settle();
    for _ in 0..30 {
        world.insert(alice, 0, "a");
        world.advance(9);
    }
    let saved = world.state(alice).echoes.len();
    assert!(saved > 0);
    world.crash();
    let late = world.joined("room");
    world.settle();
    assert!(world.state(late).text().len() >= saved);
}

#[test]
fn st4_updates_of_a_window_are_written_together_and_a_busy_storage_makes_larger_batches() {
    let mut world = relay_first();
    let alice = world.joined("room");
    world.settle();
    for _ in 0..500 {
        world.insert(alice, 0, "a");
        world.advance(1);
    }
    world.settle();
    let segments = world.storage.segments(&room());
    assert!((10..=24).contains(&segments), "{segments} segments");
}

#[test]
fn st5_a_long_log_is_compacted_and_nothing_is_missing() {
    let limits = Limits {
        segments: 5,
        ..Limits::default()
    };
    let mut world = World::new(1, Durability::RelayFirst, limits);
    let alice = world.joined("room");
    world.settle();
    for _ in 0..40 {
        world.insert(alice, 0, "ab");
        world.remove(alice, 1, 1);
        world.advance(2 * WRITE_WINDOW);
    }
    world.settle();
    assert!(world.storage.segments(&room()) <= 6);
    let text = world.state(alice).text();
    world.crash();
    let late = world.joined("room");
    world.settle();
    assert_eq!(world.state(late).text(), text);
    assert_eq!(text.len(), 40);
}

#[test]
fn st6_a_failing_storage_is_tried_again_until_it_works() {
    for durability in [Durability::RelayFirst, Durability::WriteFirst] {
        let mut world = World::new(1, durability, Limits::default());
        let (alice, bob) = (world.joined("room"), world.joined("room"));
        world.settle();
        world.faults.storage_failures = 1.0;
        world.insert(alice, 0, "a");
        world.advance(5_000);
        world.faults.storage_failures = 0.0;
        world.insert(alice, 0, "b");
        world.settle();
        assert!(world.warnings() > 0);
        assert_eq!(world.state(bob).text(), "ba");
        assert_eq!(world.storage.segments(&room()), 2);
    }
}

#[test]
fn st7_a_room_that_can_t_be_loaded_tells_its_clients_to_come_back() {
    let mut world = relay_first();
    world.faults.storage_failures = 1.0;
    let alice = world.joined("room");
    world.advance(10_000);
    assert_eq!(world.closes(alice), [close::TRY_AGAIN]);
    world.faults.storage_failures = 0.0;
    world.connect(alice);
    world.settle();
    assert!(world.state(alice).synced);
}

#[test]
fn st13_what_was_sent_counts_though_its_sender_left_before_the_room_was_loaded() {
    let mut world = relay_first();
    world.faults.storage_delay = 10_000;
    let hasty = world.joined("room");
    world.advance(1);
    world.insert(hasty, 0, "last words");
    world.advance(1);
    world.disconnect(hasty);
    world.advance(1);
    assert!(world.storage_under_way() > 0, "it is still being loaded");
    world.settle();
    let late = world.joined("room");
    world.settle();
    assert_eq!(world.state(late).text(), "last words");
}

#[test]
fn st8_rooms_leave_memory_when_nobody_has_been_there_for_a_while() {
    let mut world = relay_first();
    for number in 0..100 {
        let client = world.joined(&format!("room {number}"));
        world.settle();
        world.insert(client, 0, "something");
        world.disconnect(client);
    }
    world.advance(1);
    assert!(world.rooms_in_memory() > 0);
    world.advance(Limits::default().room_grace + 1_000);
    assert_eq!(world.rooms_in_memory(), 0);
}

#[test]
fn st8_of_too_many_rooms_without_connections_the_first_go_at_once() {
    let limits = Limits {
        left_rooms: 3,
        ..Limits::default()
    };
    let mut world = World::new(1, Durability::RelayFirst, limits);
    let back = world.joined("room 0");
    world.settle();
    world.insert(back, 0, "something");
    for number in 1..=10 {
        let client = world.joined(&format!("room {number}"));
        world.settle();
        world.insert(client, 0, "something");
        world.advance(1);
        world.disconnect(client);
        world.advance(1_000);
    }
    assert_eq!(world.rooms_in_memory(), 4);
    world.disconnect(back);
    world.advance(1_000);
    assert_eq!(world.rooms_in_memory(), 3);
    let late = world.joined("room 1");
    world.settle();
    assert_eq!(world.state(late).text(), "something");
}

#[test]
fn st9_a_drain_writes_everything_before_it_is_done() {
    let mut world = relay_first();
    world.faults.storage_delay = 100;
    let alice = world.joined("room");
    world.settle();
    world.insert(alice, 0, "last words");
    world.advance(1);
    world.drain();
    world.crash();
    assert_eq!(world.storage.segments(&room()), 1);
}

#[test]
fn st10_a_storage_that_stays_broken_costs_its_writers_the_connection_not_the_memory() {
    let limits = Limits {
        unstored_bytes: 10_000,
        ..Limits::default()
    };
    let mut world = World::new(1, Durability::RelayFirst, limits);
    let alice = world.joined("room");
    world.settle();
    world.faults.storage_failures = 1.0;
    for _ in 0..30 {
        world.insert(alice, 0, &"x".repeat(1_000));
        world.advance(100);
    }
    assert_eq!(world.closes(alice), [close::TRY_AGAIN]);
    world.faults.storage_failures = 0.0;
    world.settle();
    world.connect(alice);
    world.settle();
    let late = world.joined("room");
    world.settle();
    assert_eq!(world.state(late).text().len(), 30_000);
}

#[test]
fn st11_a_rush_of_rooms_asks_storage_for_a_few_at_a_time_and_loads_all() {
    const ROOMS: usize = 500;
    let mut world = relay_first();
    world.faults.storage_delay = 20;
    let clients: Vec<_> = (0..ROOMS)
        .map(|number| world.joined(&format!("room {number}")))
        .collect();
    for _ in 0..2_000 {
        world.advance(1);
        assert!(world.storage_under_way() <= 40);
    }
    for client in clients {
        assert!(world.state(client).synced);
    }
}
