//! SDS stores under chance: clients that come, write and go, storage that answers late and in any
//! order, crashes.

use bytes::Bytes;
use kraken_core::{ConnectionId, Durability};
use kraken_sim::stores::kind::{CHUNK, PATCH, PRESENCE, SYNC_REQ, VALUE};
use kraken_sim::stores::{self, StoreClient, StoreWorld, chunks, of_kind, patch, token, value};
use std::collections::BTreeSet;
use std::fs;

/// Something that somebody does.
fn act(world: &mut StoreWorld, number: u64) {
    let open: Vec<_> = world.clients.keys().copied().collect();
    let any = (!open.is_empty()).then(|| open[world.rng.usize(..open.len())]);
    world.log.push(format!("{} {any:?} {number}", number));
    match (world.rng.u8(0..40), any) {
        (0..4, _) => {
            world.join();
        }
        (4, Some(connection)) => world.leave(connection),
        (5, Some(connection)) => world.send(connection, vec![SYNC_REQ]),
        (6..14, Some(connection)) => {
            world.send(connection, patch(number));
        }
        (14..17, Some(connection)) => {
            let hash = world.rng.u8(0..4);
            world.send(connection, value(hash, number));
        }
        (17, Some(connection)) => {
            let hash = 10 + world.rng.u8(0..4);
            for chunk in chunks(hash, number) {
                world.send(connection, chunk);
            }
        }
        (18, Some(connection)) => world.send(connection, vec![PRESENCE, number as u8]),
        (19, _) if world.rng.u8(0..10) == 0 => world.crash(),
        (20..30, _) if !world.asked.is_empty() => {
            let index = world.rng.usize(..world.asked.len());
            world.answer(index);
        }
        (30..36, _) if !world.marks.is_empty() => {
            let index = world.rng.usize(..world.marks.len());
            world.taken(index);
        }
        _ => {
            let millis = world.rng.u64(0..60);
            world.wait(millis);
        }
    }
    let closed = |(id, client): (&ConnectionId, &StoreClient)| client.closed.map(|_| *id);
    for connection in world.clients.iter().filter_map(closed).collect::<Vec<_>>() {
        world.leave(connection);
    }
}
/// Runs a seed, and prints what happened if it fails.
fn run(seed: u64, durability: Durability, check: impl Fn(&mut StoreWorld)) {
    struct Story<'a>(&'a mut StoreWorld, u64);
    impl Drop for Story<'_> {
        #[expect(clippy::print_stderr, reason = "the story of a failure")]
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("seed {}\n{}", self.1, self.0.log.join("\n"));
            }
        }
    }
    let mut world = StoreWorld::new(seed, durability);
    let story = Story(&mut world, seed);
    check(story.0);
}

fn both(check: impl Fn(&mut StoreWorld) + Copy) {
    for seed in 0..500 {
        run(seed, Durability::RelayFirst, check);
        run(seed, Durability::WriteFirst, check);
    }
}

#[test]
fn sd11_whoever_stays_has_all_that_a_joiner_gets_and_nothing_twice() {
    both(|world| {
        for number in 0..200 {
            act(world, number);
        }
        world.settle();
        let all = world.everything();
        let patches: BTreeSet<_> = of_kind(&all, PATCH).into_iter().collect();
        assert_eq!(patches.len(), of_kind(&all, PATCH).len(), "none twice");
        let first_patch = all.iter().position(|message| message[0] == PATCH);
        let last_value = all.iter().rposition(|message| message[0] == VALUE);
        if let (Some(patch), Some(value)) = (first_patch, last_value) {
            assert!(value < patch, "values come first");
        }
        for (connection, client) in &world.clients {
            if client.closed.is_some() || client.asked {
                continue;
            }
            let received = of_kind(&client.received, PATCH);
            let known: BTreeSet<_> = received.iter().cloned().collect();
            assert_eq!(known.len(), received.len(), "{connection:?}: none twice");
            let own: BTreeSet<_> = of_kind(&client.sent, PATCH).into_iter().collect();
            let known: BTreeSet<_> = known.union(&own).cloned().collect();
            assert_eq!(known, patches, "{connection:?}");
            let others: Vec<_> = of_kind(&all, PATCH)
                .into_iter()
                .filter(|patch| !own.contains(patch))
                .collect();
            assert_eq!(received, others, "{connection:?}: the order of all");
            for value in of_kind(&all, VALUE) {
                let hash = &value[1..33];
                let latest = |messages: &[Bytes]| {
                    let of_hash = |message: &&Bytes| message[0] == VALUE && message[1..33] == *hash;
                    messages.iter().rfind(of_hash).cloned()
                };
                let is_own = |client: &StoreClient| {
                    latest(&client.sent).as_ref() == Some(&value)
                        || client
                            .sent
                            .iter()
                            .any(|sent| sent[0] == CHUNK && sent[1..33] == *hash)
                };
                let is_chunked = client
                    .received
                    .iter()
                    .any(|message| message[0] == CHUNK && message[1..33] == *hash);
                assert!(
                    latest(&client.received) == Some(value.clone()) || is_own(client) || is_chunked,
                    "{connection:?} lacks {value:?}"
                );
            }
        }
    });
}

#[test]
fn sd9_what_is_sent_is_there_for_who_comes_later() {
    both(|world| {
        let writers = [world.join(), world.join(), world.join()];
        world.settle();
        let (mut patches, mut values) = (BTreeSet::new(), Vec::new());
        for number in 0..60 {
            let writer = writers[world.rng.usize(..3)];
            if world.clients[&writer].closed.is_some() {
                continue;
            }
            world.send(writer, patch(number));
            patches.insert(Bytes::from(patch(number)));
            let hash = number as u8;
            match number % 10 {
                5 => world.send(writer, value(hash, number)),
                7 => {
                    let chunks = chunks(hash, number).into_iter();
                    chunks.for_each(|chunk| world.send(writer, chunk));
                }
                _ if world.rng.bool() && !world.asked.is_empty() => world.answer(0),
                _ => {}
            }
            if matches!(number % 10, 5 | 7) {
                values.push(Bytes::from(value(hash, number)));
            }
        }
        world.settle();
        world.crash();
        let all = world.everything();
        assert_eq!(of_kind(&all, VALUE), values);
        assert_eq!(BTreeSet::from_iter(of_kind(&all, PATCH)), patches);
    });
}

#[test]
fn sd13_write_first_nothing_is_relayed_that_a_crash_takes_back() {
    for seed in 0..500 {
        run(seed, Durability::WriteFirst, |world| {
            let mut seen = BTreeSet::new();
            for number in 0..200 {
                act(world, number);
                for client in world.clients.values() {
                    seen.extend(of_kind(&client.received, PATCH));
                }
            }
            world.crash();
            let all = BTreeSet::from_iter(world.everything());
            assert!(seen.is_subset(&all));
        });
    }
}

#[test]
fn sd12_who_asks_is_answered_by_storage_alone() {
    for page in 1..4 {
        let mut world = StoreWorld::new(page, Durability::RelayFirst);
        world.has_faults = false;
        let writer = world.join();
        world.settle();
        for number in 0..20 {
            world.send(writer, patch(number));
            world.send(writer, value(number as u8, number));
            world.wait(60);
        }
        chunks(99, 99)
            .into_iter()
            .for_each(|chunk| world.send(writer, chunk));
        world.wait(60);
        world.settle();
        // Two values whose hash fields begin alike.
        let alike = [1, 2].map(|last| [&[VALUE][..], &[77; 31], &[last], b"alike"].concat());
        for value in &alike {
            world.send(writer, value.clone());
            world.wait(60);
        }
        world.settle();
        world.leave(writer);
        let reader = world.join();
        world.settle();
        let all = std::mem::take(&mut world.clients.get_mut(&reader).unwrap().received);
        assert_eq!(all.len(), 43);
        world.send(reader, vec![SYNC_REQ]);
        world.settle();
        let again = std::mem::take(&mut world.clients.get_mut(&reader).unwrap().received);
        assert_eq!(again, all);
        for (asked, found) in [
            (vec![3; 33], vec![value(3, 3)]),
            ([&[3][..], &[99; 10]].concat(), vec![value(99, 99)]),
            ([&[3][..], &[99; 7]].concat(), vec![]),
            ([&[3][..], &[98; 32]].concat(), vec![]),
            ([&[3][..], &value(5, 5)[1..]].concat(), vec![value(5, 5)]),
            ([&[3][..], &value(5, 6)[1..]].concat(), vec![]),
            ([&[3][..], &[77; 8]].concat(), alike.to_vec()),
        ] {
            world.send(reader, asked);
            world.settle();
            let received = std::mem::take(&mut world.clients.get_mut(&reader).unwrap().received);
            assert_eq!(
                received,
                found.into_iter().map(Bytes::from).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn is21_a_token_of_a_store_opens_that_store_and_nothing_else() {
    let mut world = StoreWorld::new(1, Durability::RelayFirst);
    world.has_faults = false;
    for (path, of, closed) in [
        ("/ws/notes", "notes", None),
        ("/signal/notes", "notes", None),
        ("/ws/notes", "other", Some(4003)),
        ("/signal/notes", "other", Some(4003)),
        ("/ws/Notes", "notes", Some(4003)),
        ("/ws/signal:notes", "notes", Some(4003)),
        ("/doc/notes", "notes", Some(401)),
        ("/notes", "notes", Some(401)),
    ] {
        let knocked = world.knock(path, &token(of));
        assert_eq!(world.clients[&knocked].closed, closed, "{path} for {of}");
    }
    // The original has the signalling of a store in a store of this name.
    let writer = world.knock("/ws/signal:notes", &token("signal:notes"));
    let signalling = world.knock("/signal/notes", &token("notes"));
    world.settle();
    world.send(writer, patch(1));
    world.settle();
    assert!(world.clients[&signalling].received.is_empty());
}

#[test]
fn sd22_the_corpus_of_the_fuzz_target_does_no_harm() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/fuzz/corpus/stores");
    let mut count = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        stores::fuzz(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "there is a corpus");
}

#[test]
fn sd22_any_bytes_do_no_harm() {
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..300 {
        let length = rng.usize(0..400);
        let bytes: Vec<_> = (0..length).map(|_| rng.u8(0..9)).collect();
        stores::fuzz(&bytes);
    }
}
