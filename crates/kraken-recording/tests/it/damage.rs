//! Loss, disorder, nonsense, and files that were cut off.

use crate::probe::{Probe, decode};
use crate::stream::stream;
use crate::tracks::{Folder, Numbered};
use kraken_recording::{Codec, Packet, Participant, TrackId, fuzz};
use proptest::prelude::{ProptestConfig, any, proptest};
use std::path::PathBuf;
use std::time::Duration;

const VIDEO: [Codec; 4] = [Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264];
const FRAMES: u64 = 45;

#[test]
fn rc2_a_file_begins_with_a_keyframe() {
    for codec in VIDEO {
        let mut packets = stream(codec);
        let first = packets[0].time;
        packets.retain(|packet| packet.time > first + 90_000 / 2);
        let (_folder, file) = record(codec, packets);
        if let Some(frames) = decode(&file, "0") {
            assert_eq!(frames, FRAMES * 2 / 3, "{codec:?}");
        }
    }
}

#[test]
fn rc3_a_file_that_was_cut_off_plays_up_to_there() {
    for codec in VIDEO {
        let (folder, file) = record(codec, stream(codec));
        let whole = std::fs::read(&file).unwrap();
        for part in [30, 60, 90] {
            let cut = folder.path().join("cut");
            std::fs::write(&cut, &whole[..whole.len() * part / 100]).unwrap();
            let output = std::process::Command::new("ffprobe")
                .args(["-v", "error", "-count_packets", "-show_entries"])
                .args(["stream=nb_read_packets", "-of", "csv=p=0"])
                .arg(&cut)
                .output();
            if let Ok(output) = output {
                let packets = String::from_utf8_lossy(&output.stdout);
                let packets: u64 = packets.trim().parse().unwrap();
                let expected = FRAMES * part as u64 / 100;
                assert!(
                    packets + 16 > expected,
                    "{codec:?}: {packets} of {expected}"
                );
            }
        }
    }
}

#[test]
fn rc4_after_a_loss_video_goes_on_with_the_next_keyframe() {
    for codec in VIDEO {
        let mut packets = stream(codec);
        // Of the eighth frame, in the middle of the first second.
        let frames = packets.iter().filter(|packet| packet.marker);
        let before = frames.map(|packet| packet.seq).nth(6);
        let lost = packets.iter().position(|packet| Some(packet.seq) > before);
        packets.remove(lost.unwrap());
        let (_folder, file) = record(codec, packets);
        if let Some(frames) = decode(&file, "0") {
            assert_eq!(frames, 7 + FRAMES * 2 / 3, "{codec:?}");
        }
    }
}

#[test]
fn rc4_disorder_and_doubles_change_nothing() {
    for codec in VIDEO {
        let packets = stream(codec);
        let shuffled: Vec<Packet> = packets
            .chunks(7)
            .flat_map(|chunk| chunk.iter().rev().chain(chunk).cloned())
            .collect();
        // What came first is what the file begins with.
        let shuffled = [packets[..1].to_vec(), shuffled].concat();
        let (_folder, file) = record(codec, shuffled);
        if let Some(frames) = decode(&file, "0") {
            assert_eq!(frames, FRAMES, "{codec:?}");
        }
    }
}

#[test]
fn rc4_a_gap_in_audio_stays_as_long_as_it_was() {
    let mut packets = stream(Codec::Opus);
    packets.drain(20..100);
    let (_folder, file) = record(Codec::Opus, packets);
    if let Some(probe) = Probe::of(&file) {
        assert!(
            (probe.duration() - 3.0).abs() < 0.03,
            "{}",
            probe.duration()
        );
        decode(&file, "0");
    }
}

#[test]
fn rc4_what_is_lost_is_asked_for_as_a_keyframe() {
    let folder = Folder::new();
    let mut participant = Participant::new(folder.files());
    participant.begin(TrackId(1), Codec::Vp8);
    let needs = |participant: &Participant<Numbered>| participant.needs_keyframes().count();
    assert_eq!(needs(&participant), 1);
    let packets = stream(Codec::Vp8);
    let (begin, rest) = packets.split_at(packets.len() / 2);
    for packet in begin {
        participant.push(TrackId(1), packet.clone()).unwrap();
    }
    assert_eq!(needs(&participant), 0);
    participant.push(TrackId(1), rest[1].clone()).unwrap();
    assert_eq!(needs(&participant), 0);
    participant
        .handle_timeout(rest[1].arrival + Duration::from_secs(1))
        .unwrap();
    assert_eq!(needs(&participant), 1);
}

#[test]
fn rc7_an_av1_packet_may_have_more_units_than_a_byte_counts() {
    const PADDING: [u8; 2] = [1, 15 << 3];
    let mut packets = stream(Codec::Av1);
    let packet = &mut packets[3];
    let units = PADDING.repeat(300);
    packet.payload = [&[0], units.as_slice()].concat().into();
    record(Codec::Av1, packets);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rc7_whatever_packets_say_the_recorder_goes_on(bytes: Vec<u8>) {
        fuzz::packets(&bytes);
    }

    #[test]
    fn rc7_damaged_packets_end_neither_recording_nor_file(
        codec in 0..5_usize,
        damages in proptest::collection::vec((any::<u16>(), any::<u8>(), any::<u8>()), 0..40),
    ) {
        let codec = [VIDEO.as_slice(), &[Codec::Opus]].concat()[codec];
        let mut packets = stream(codec);
        let count = packets.len();
        for (packet, place, byte) in damages {
            let packet = &mut packets[usize::from(packet) % count];
            let mut payload = packet.payload.to_vec();
            let length = payload.len();
            payload[usize::from(place) % length] ^= byte;
            packet.payload = payload.into();
        }
        record(codec, packets);
    }
}

fn record(codec: Codec, packets: Vec<Packet>) -> (Folder, PathBuf) {
    let folder = Folder::new();
    let mut participant = Participant::new(folder.files());
    participant.begin(TrackId(1), codec);
    for packet in packets {
        participant.push(TrackId(1), packet).unwrap();
    }
    participant.finish().unwrap();
    let file = folder.files_there().into_iter().next().unwrap_or_default();
    (folder, file)
}
