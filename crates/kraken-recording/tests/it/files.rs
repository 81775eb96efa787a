//! One codec, one file.

use crate::probe::{Probe, decode};
use crate::stream::stream;
use crate::tracks::Folder;
use kraken_recording::{Codec, Participant, TrackId};

const FRAMES: u64 = 45;

#[test]
fn rc1_audio_alone_becomes_an_ogg_file() {
    let folder = Folder::new();
    record(&folder, &[Codec::Opus]);
    let file = folder.only("ogg");
    if let Some(probe) = Probe::of(&file) {
        assert_eq!(probe.codecs(), ["opus"]);
        assert!(
            (probe.duration() - 3.0).abs() < 0.03,
            "{}",
            probe.duration()
        );
        decode(&file, "0");
    }
}

#[test]
fn rc1_vp8_with_audio_becomes_a_webm_file() {
    expect_video(Codec::Vp8, "webm", "vp8");
}

#[test]
fn rc1_vp9_with_audio_becomes_a_webm_file() {
    expect_video(Codec::Vp9, "webm", "vp9");
}

#[test]
fn rc1_av1_with_audio_becomes_a_webm_file() {
    expect_video(Codec::Av1, "webm", "av1");
}

#[test]
fn rc1_h264_with_audio_becomes_a_matroska_file() {
    expect_video(Codec::H264, "mkv", "h264");
}

fn expect_video(codec: Codec, extension: &str, name: &str) {
    let folder = Folder::new();
    record(&folder, &[codec, Codec::Opus]);
    let file = folder.only(extension);
    if let Some(probe) = Probe::of(&file) {
        assert_eq!(probe.codecs(), [name, "opus"]);
        assert_eq!(probe.size(), (160, 120));
        assert!((probe.duration() - 3.0).abs() < 0.1, "{}", probe.duration());
        assert_eq!(decode(&file, "0"), Some(FRAMES));
        // To seek there is to find the keyframe of the third second.
        assert_eq!(decode(&file, "2.0"), Some(FRAMES / 3));
    }
}

/// Records one track of each codec from beginning to end.
fn record(folder: &Folder, codecs: &[Codec]) {
    let mut participant = Participant::new(folder.files());
    let mut packets = Vec::new();
    for (number, codec) in (0..).zip(codecs) {
        participant.begin(TrackId(number), *codec);
        packets.extend(
            stream(*codec)
                .into_iter()
                .map(|packet| (TrackId(number), packet)),
        );
    }
    packets.sort_by_key(|(_, packet)| packet.arrival);
    for (track, packet) in packets {
        participant.push(track, packet).unwrap();
    }
    participant.finish().unwrap();
}
