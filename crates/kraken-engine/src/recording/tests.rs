//! A recorder with its thread, a real folder, and taps made by hand.

use super::*;
use kraken_sfu::{TapPacket, TapTrack, TrackSource, UserId};
use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use str0m::format::Codec;
use str0m::media::MediaKind;
use tempfile::TempDir;

/// Twenty milliseconds of silence.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
const SOON: Duration = Duration::from_secs(20);

fn room() -> RoomId {
    RoomId::of_call("app:room").unwrap()
}

fn start(config: RecordingConfig) -> (Recorder, Receiver<Notice>) {
    let (sender, notices) = std::sync::mpsc::channel();
    let notify = move |notice| {
        let _ = sender.send(notice);
    };
    (Recorder::start(config, notify).unwrap(), notices)
}

fn start_in(folder: &TempDir) -> Recorder {
    start(config(folder)).0
}

fn config(folder: &TempDir) -> RecordingConfig {
    RecordingConfig {
        least_free: 0,
        ..RecordingConfig::in_folder(folder.path())
    }
}

/// One second of somebody's silence.
fn speak(recorder: &Recorder, user: &str, track: TapId) {
    recorder.tap(0, begun(user, track, Codec::Opus));
    for number in 0..50 {
        recorder.tap(0, packet(track, number, &SILENCE));
    }
}

fn begun(user: &str, id: TapId, codec: Codec) -> Tap {
    let is_audio = codec == Codec::Opus;
    Tap::Track(TapTrack {
        id,
        room: room(),
        user: UserId::of_call(user).unwrap(),
        name: id.0.to_string(),
        source: if is_audio {
            TrackSource::Microphone
        } else {
            TrackSource::Camera
        },
        kind: if is_audio {
            MediaKind::Audio
        } else {
            MediaKind::Video
        },
        codec,
        clock_rate: if is_audio { 48_000 } else { 90_000 },
    })
}

fn packet(track: TapId, number: u64, payload: &[u8]) -> Tap {
    Tap::Packet {
        track,
        packet: TapPacket {
            sequence: number,
            time: number * 960,
            marker: false,
            payload: payload.into(),
            arrival: Instant::now(),
            sent: None,
        },
    }
}

fn description(recording: &Recording) -> serde_json::Value {
    let file = Path::new(&recording.files[0]);
    let text = fs::read(file.with_file_name("recording.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[tokio::test]
async fn rc8_a_recording_is_a_folder_that_says_who_is_in_which_file() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = start_in(&folder);
    let begun = recorder.begin(&room()).await.unwrap();
    assert_eq!((begun.room.as_str(), begun.ended), ("app:room", None));
    speak(&recorder, "../ada", TapId(1));
    speak(&recorder, "ben", TapId(2));
    recorder.tap(0, Tap::End { track: TapId(1) });
    speak(&recorder, "../ada", TapId(3));
    let ended = recorder.stop(&room()).await.unwrap();
    assert_eq!(ended.recording, begun.recording);
    assert!(ended.ended >= Some(ended.started), "{ended:?}");
    assert!(ended.bytes > 300, "{ended:?}");
    let here = folder.path().canonicalize().unwrap().join(&ended.recording);
    let mut names = Vec::new();
    for file in &ended.files {
        let path = Path::new(file);
        assert_eq!(path.parent().unwrap(), here);
        assert!(fs::read(path).unwrap().starts_with(b"OggS"));
        names.push(path.file_name().unwrap().to_str().unwrap());
    }
    assert_eq!(
        names,
        ["0001----ada.ogg", "0002----ada.ogg", "0003-ben.ogg"]
    );
    let description = description(&ended);
    let peers = description["files"].as_array().unwrap().iter();
    let peers: Vec<_> = peers.map(|file| file["peer"].as_str().unwrap()).collect();
    assert_eq!(peers, ["../ada", "../ada", "ben"]);
    assert_eq!(recorder.list().await.unwrap(), [ended]);
    recorder.shutdown();
}

#[tokio::test]
async fn rc11_a_room_is_recorded_at_most_once_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = start_in(&folder);
    let code = |result: Result<Recording, RecordingError>| Problem::from(result.unwrap_err()).code;
    assert_eq!(code(recorder.stop(&room()).await), "not_recording");
    recorder.begin(&room()).await.unwrap();
    assert_eq!(code(recorder.begin(&room()).await), "recording");
    recorder.stop(&room()).await.unwrap();
    assert_eq!(code(recorder.stop(&room()).await), "not_recording");
    recorder.begin(&room()).await.unwrap();
    recorder.shutdown();
}

#[tokio::test]
async fn rc9_what_the_disk_is_too_slow_for_is_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody takes anything out of the queue.
    let (commands, _inbox) = sync_channel(MOST_PACKETS + COMMANDS);
    let recorder = Recorder {
        archive: Archive::open(folder.path()).unwrap(),
        commands,
        counts: Arc::default(),
        thread: Arc::default(),
    };
    for number in 0..MOST_PACKETS as u64 + 10 {
        recorder.tap(0, packet(TapId(1), number, &SILENCE));
    }
    assert_eq!(recorder.stats().packets_dropped, 10);
    for _ in 0..COMMANDS {
        recorder.tap(0, Tap::End { track: TapId(1) });
    }
    let full = recorder.begin(&room()).await;
    assert!(matches!(full, Err(RecordingError::Overloaded)));
}

#[tokio::test]
async fn rc9_a_recording_that_is_long_enough_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, notices) = start(RecordingConfig {
        most_bytes: 50,
        ..config(&folder)
    });
    recorder.begin(&room()).await.unwrap();
    speak(&recorder, "ada", TapId(1));
    let notice = notices.recv_timeout(SOON).unwrap();
    assert_eq!(notice, Notice::Ended { room: room() });
    let listed = recorder.list().await.unwrap();
    assert!(listed[0].ended.is_some());
    assert!(matches!(
        recorder.stop(&room()).await,
        Err(RecordingError::NotRecorded)
    ));
    recorder.shutdown();
}

#[tokio::test]
async fn rc9_no_recording_begins_on_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = start(RecordingConfig {
        least_free: u64::MAX,
        ..config(&folder)
    });
    let begun = recorder.0.begin(&room()).await;
    assert!(matches!(begun, Err(RecordingError::DiskFull)));
    assert_eq!(recorder.0.list().await.unwrap(), []);
    recorder.0.shutdown();
}

#[tokio::test]
async fn rc4_a_track_that_waits_for_a_keyframe_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, notices) = start(config(&folder));
    recorder.begin(&room()).await.unwrap();
    recorder.tap(3, begun("ada", TapId(7), Codec::Vp8));
    let notice = notices.recv_timeout(SOON).unwrap();
    let expected = Notice::Keyframe {
        worker: 3,
        track: TapId(7),
    };
    assert_eq!(notice, expected);
    recorder.shutdown();
}

#[tokio::test]
async fn rc10_a_shutdown_finishes_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = start_in(&folder);
    recorder.begin(&room()).await.unwrap();
    speak(&recorder, "ada", TapId(1));
    recorder.shutdown();
    let [recording] = &recorder.list().await.unwrap()[..] else {
        panic!("not one recording");
    };
    assert!(recording.ended.is_some());
    let file = fs::read(&recording.files[0]).unwrap();
    let last = file
        .windows(4)
        .rposition(|window| window == b"OggS")
        .unwrap();
    assert_eq!(file[last + 5] & 4, 4, "the last page says that it is");
    assert!(matches!(
        recorder.begin(&room()).await,
        Err(RecordingError::Overloaded)
    ));
}

#[tokio::test]
async fn rc10_a_recording_in_which_an_engine_was_killed_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path()).unwrap();
    let open = archive.begin("app:room").unwrap().recording();
    assert_eq!(archive.list().unwrap(), std::slice::from_ref(&open));
    let recorder = start_in(&folder);
    let [closed] = &recorder.list().await.unwrap()[..] else {
        panic!("not one recording");
    };
    assert_eq!(closed.recording, open.recording);
    assert!(closed.ended >= Some(closed.started));
    recorder.shutdown();
}
