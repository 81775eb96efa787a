//! Replays the corpus of the fuzz target. With `KRAKEN_WRITE_CORPUS` set, writes the seeds that
//! fuzzing starts from.

use crate::stream::stream;
use kraken_recording::{Codec, fuzz};
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/fuzz/corpus/recording")
}

#[test]
fn rc7_the_corpus_of_packets_is_harmless() {
    if std::env::var_os("KRAKEN_WRITE_CORPUS").is_some() {
        write_corpus();
    }
    let mut count = 0;
    for file in fs::read_dir(folder()).unwrap() {
        fuzz::packets(&fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no corpus");
}

/// The first second of each stream.
fn write_corpus() {
    fs::create_dir_all(folder()).unwrap();
    for (track, name, codec) in [
        (0, "opus", Codec::Opus),
        (1, "vp8", Codec::Vp8),
        (2, "vp9", Codec::Vp9),
        (3, "av1", Codec::Av1),
        (4, "h264", Codec::H264),
    ] {
        let packets = stream(codec);
        let mut seed = vec![0, 0, track, 0, 0, 0, 0];
        let mut time = packets[0].time;
        for packet in packets.iter().take(40) {
            let length = u16::try_from(packet.payload.len()).unwrap();
            let leap = u16::try_from(packet.time - time).unwrap();
            time = packet.time;
            seed.extend(length.to_be_bytes());
            seed.extend([u8::from(packet.marker) << 7 | 3 << 3 | track, 1]);
            seed.extend(leap.to_be_bytes());
            seed.push(u8::from(leap > 0) * 66);
            seed.extend(&*packet.payload);
        }
        fs::write(folder().join(name), seed).unwrap();
    }
}
