//! Replays the corpus of the fuzz targets. With `KRAKEN_WRITE_CORPUS` set, writes the seeds that
//! fuzzing starts from.

use crate::hostile;
use kraken_core::doc::message;
use kraken_core::fuzz;
use std::fs;
use std::path::{Path, PathBuf};

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../test/fuzz/corpus")
        .join(target)
}

fn replay(target: &str, body: fn(&[u8])) {
    let files = fs::read_dir(folder(target)).unwrap();
    let mut count = 0;
    for file in files {
        body(&fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no corpus for {target}");
}

#[test]
fn the_corpus_of_updates_is_harmless() {
    write_seeds();
    replay("updates", fuzz::updates);
}

#[test]
fn the_corpus_of_messages_is_harmless() {
    write_seeds();
    replay("messages", fuzz::messages);
}

#[test]
fn the_corpus_of_strangers_is_harmless() {
    replay("strangers", fuzz::strangers);
}

#[test]
fn aw8_whoever_hears_all_news_knows_what_the_room_knows() {
    replay("awareness", fuzz::awareness);
}

#[test]
fn sd22_any_frame_of_a_store_is_what_its_bytes_say() {
    write_store_frames();
    replay("store_frames", fuzz::store_frames);
}

#[test]
fn si2_ca2_whatever_guests_say_nobody_speaks_for_another_or_beyond_a_right() {
    replay("envelopes", fuzz::envelopes);
}

#[test]
fn tk4_whatever_token_opens_something_is_signed_with_the_right_secret() {
    replay("tokens", fuzz::tokens);
}

#[test]
fn co1_any_name_leads_to_its_room() {
    replay("rooms", fuzz::rooms);
}

#[test]
fn ap4_an_origin_belongs_to_patterns_that_overlap() {
    replay("origins", fuzz::origins);
}

#[test]
fn every_request_is_answered_once_and_what_it_changes_outlasts_a_restart() {
    replay("requests", fuzz::requests);
}

/// Mutations of what strangers may say: bytes changed, lines cut, doubled and mixed.
#[test]
fn co8_whatever_strangers_say_the_core_goes_on_and_nobody_gets_in() {
    let mut seeds: Vec<_> = fs::read_dir(folder("strangers"))
        .unwrap()
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    seeds.sort();
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..10_000 {
        let mut data = seeds[rng.usize(..seeds.len())].clone();
        for _ in 0..rng.usize(1..8) {
            mutate(&mut data, &seeds, &mut rng);
        }
        fuzz::strangers(&data);
    }
}

fn mutate(data: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut fastrand::Rng) {
    let at = rng.usize(..=data.len());
    match rng.u8(..4) {
        0 => data.insert(at, rng.u8(..)),
        1 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        2 => data.truncate(at),
        _ => {
            let other = &seeds[rng.usize(..seeds.len())];
            let tail = &other[rng.usize(..=other.len())..];
            data.truncate(at);
            data.extend_from_slice(tail);
        }
    }
}

fn write_seeds() {
    if std::env::var_os("KRAKEN_WRITE_CORPUS").is_none() {
        return;
    }
    let seeds = hostile::seeds();
    let mut segment = Vec::new();
    for (index, seed) in seeds.iter().enumerate() {
        message::write_var_bytes(&mut segment, seed);
        fs::write(
            folder("messages").join(format!("update-{index}")),
            message::update(seed),
        )
        .unwrap();
    }
    fs::write(folder("updates").join("in-order"), &segment).unwrap();
    let mut backwards = Vec::new();
    for seed in seeds.iter().rev() {
        message::write_var_bytes(&mut backwards, seed);
    }
    fs::write(folder("updates").join("backwards"), &backwards).unwrap();
    let frames = [
        message::step_1(&[1, 7, 3]),
        message::step_2(&[0, 0]),
        message::keep_alive(),
        message::awareness(&[1, 7, 1, 2, b'{', b'}']),
    ];
    for (index, frame) in frames.iter().enumerate() {
        fs::write(folder("messages").join(format!("frame-{index}")), frame).unwrap();
    }
}

/// What SDS clients send: 32 bytes of a hash, or fewer, as their engines make of an id.
fn write_store_frames() {
    if std::env::var_os("KRAKEN_WRITE_CORPUS").is_none() {
        return;
    }
    let chunk = |index: u32, total: u32, data: &[u8]| {
        let place = [index.to_be_bytes(), total.to_be_bytes()].concat();
        [&[5][..], &[7; 32], &place, data].concat()
    };
    let frames = [
        b"\x01patch".to_vec(),
        [&[2][..], &[7; 32], b"value"].concat(),
        b"\x02\xfa\x1a\x00\x12\x34\x56\x78\x00\x20\x00short".to_vec(),
        b"\x03\xfa\x1a".to_vec(),
        b"\x04{\"user\":\"alice\"}".to_vec(),
        chunk(1, 3, b"two "),
        chunk(2, 3, b"three"),
        chunk(0, 3, b"one "),
        chunk(0, 1, b""),
        chunk(3, 3, b"behind"),
        b"\x06cursor".to_vec(),
        Vec::new(),
    ];
    let mut seed = Vec::new();
    for (index, frame) in (0u8..).zip(&frames) {
        seed.push(index % 2);
        seed.extend(u16::try_from(frame.len()).unwrap().to_be_bytes());
        seed.extend(frame);
    }
    fs::write(folder("store_frames").join("two-clients"), &seed).unwrap();
    let sets = (0..9u8).flat_map(|set| {
        let mut frame = chunk(0, 2, b"half");
        frame[1] = set;
        [&[0, 0, 45][..], &frame].concat()
    });
    fs::write(
        folder("store_frames").join("sets"),
        sets.collect::<Vec<_>>(),
    )
    .unwrap();
}
