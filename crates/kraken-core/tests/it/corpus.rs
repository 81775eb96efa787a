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
