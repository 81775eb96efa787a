use kraken_core::{Durability, Limits};
use kraken_sim::{Faults, World};

/// Steps of one run, between 0 and 60 ms apart.
const STEPS: usize = 250;
const ROOMS: [&str; 3] = ["a", "b", "c"];

/// Clients edit, come and go, storage fails, the process dies; then all is well, everybody comes
/// back, and everybody must have the same, and storage too.
fn run(seed: u64, durability: Durability) {
    let limits = Limits {
        segments: 8,
        segment_bytes: 2_000,
        room_grace: 500,
        ..Limits::default()
    };
    let mut world = World::new(seed, durability, limits);
    for index in 0..9 {
        world.client(ROOMS[index % ROOMS.len()]);
    }
    world.faults = Faults {
        delay: 40,
        storage_delay: 80,
        storage_failures: 0.1,
    };
    if seed % 2 == 1 {
        // Rooms take turns: what a look at an edit takes is all that a turn has, or nearly.
        let slow = world.rng.u64(0..12_000);
        world.slow_down(slow);
    }
    let clients: Vec<_> = world.clients().collect();
    for step in 0..STEPS {
        let client = clients[world.rng.usize(0..clients.len())];
        let at = world.rng.u32(0..40);
        match world.rng.u32(0..100) {
            0..=54 => world.insert(client, at, &format!("{step} ")),
            55..=69 => world.remove(client, at, 3),
            70..=79 => world.connect(client),
            80..=89 => world.disconnect(client),
            90..=97 => world.announce(client, &step.to_string()),
            _ => world.crash(),
        }
        let pause = world.rng.u64(0..60);
        world.advance(pause);
    }
    world.faults = Faults::default();
    world.settle();
    for &client in &clients {
        world.connect(client);
    }
    world.settle();
    for (index, &client) in clients.iter().enumerate() {
        assert!(world.state(client).synced, "{client:?} never synced");
        assert!(world.closes(client).is_empty(), "{client:?} was closed");
        let first = clients[index % ROOMS.len()];
        let expected = world.state(first).text();
        assert_eq!(world.state(client).text(), expected, "{client:?} differs");
    }
    let texts: Vec<_> = clients
        .iter()
        .map(|&client| world.state(client).text())
        .collect();
    for &client in &clients {
        world.disconnect(client);
    }
    world.crash();
    for (index, room) in ROOMS.iter().enumerate() {
        let late = world.joined(room);
        world.settle();
        assert_eq!(
            world.state(late).text(),
            texts[index],
            "room {room} lost something"
        );
    }
}

fn run_seeds(durability: Durability) {
    for seed in 0..200 {
        let outcome = std::panic::catch_unwind(|| run(seed, durability));
        assert!(outcome.is_ok(), "seed {seed} of {durability:?} fails");
    }
}

#[test]
fn ch1_whatever_happens_relay_first_converges_and_keeps_everything() {
    run_seeds(Durability::RelayFirst);
}

#[test]
fn ch2_whatever_happens_write_first_converges_and_relays_only_what_is_stored() {
    run_seeds(Durability::WriteFirst);
}
