//! Tracks that come and go, and how they belong together.

use crate::probe::{Probe, decode};
use crate::stream::stream;
use kraken_recording::{Codec, Container, Files, Participant, SenderTime, TrackId};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const VOICE: TrackId = TrackId(1);
const CAMERA: TrackId = TrackId(2);

/// A folder of a participant, which goes when it is dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn files(&self) -> Numbered {
        Numbered {
            folder: self.path().to_owned(),
            count: 0,
        }
    }

    /// The files, in their order.
    pub(crate) fn files_there(&self) -> Vec<PathBuf> {
        let entries = self.path().read_dir().unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    pub(crate) fn only(&self, extension: &str) -> PathBuf {
        let files = self.files_there();
        assert_eq!(files.len(), 1, "{files:?}");
        assert_eq!(files[0].extension().unwrap(), extension);
        files[0].clone()
    }
}

/// Files that are called by their number and their beginning in milliseconds.
pub(crate) struct Numbered {
    folder: PathBuf,
    count: u32,
}

impl Files for Numbered {
    type File = File;

    fn create(&mut self, container: Container, begin: Duration) -> io::Result<File> {
        self.count += 1;
        let (count, begin) = (self.count, begin.as_millis());
        let name = format!("{count}-{begin}.{}", container.extension());
        File::create_new(self.folder.join(name))
    }
}

#[test]
fn rc6_a_track_that_is_added_begins_another_file() {
    let folder = Folder::new();
    let mut participant = Participant::new(folder.files());
    let voice = stream(Codec::Opus);
    let camera = stream(Codec::Vp8);
    participant.begin(VOICE, Codec::Opus);
    for packet in &voice[..100] {
        participant.push(VOICE, packet.clone()).unwrap();
    }
    participant.begin(CAMERA, Codec::Vp8);
    let begin = voice[99].arrival;
    let late = camera.into_iter().map(|mut packet| {
        packet.arrival += begin - Duration::from_secs(1);
        (CAMERA, packet)
    });
    let voice = voice[100..].iter().map(|packet| (VOICE, packet.clone()));
    let mut both: Vec<_> = late.chain(voice).collect();
    both.sort_by_key(|(_, packet)| packet.arrival);
    for (track, packet) in both {
        participant.push(track, packet).unwrap();
    }
    participant.end(CAMERA).unwrap();
    participant.finish().unwrap();
    let files = folder.files_there();
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap()).collect();
    let second = format!("2-{}.webm", begin.as_millis());
    assert_eq!(names, ["1-1000.ogg", second.as_str()]);
    if let Some(probe) = Probe::of(&files[0]) {
        assert!(
            (probe.duration() - 2.0).abs() < 0.03,
            "{}",
            probe.duration()
        );
        let probe = Probe::of(&files[1]).unwrap();
        assert_eq!(probe.codecs(), ["opus", "vp8"]);
        assert!((probe.duration() - 3.0).abs() < 0.1, "{}", probe.duration());
        decode(&files[1], "0");
    }
}

#[test]
fn rc6_a_track_that_ends_leaves_the_file_to_the_others() {
    let folder = Folder::new();
    let mut participant = Participant::new(folder.files());
    participant.begin(VOICE, Codec::Opus);
    participant.begin(CAMERA, Codec::Vp8);
    let voice = stream(Codec::Opus)
        .into_iter()
        .map(|packet| (VOICE, packet));
    let camera = stream(Codec::Vp8)
        .into_iter()
        .map(|packet| (CAMERA, packet));
    let mut both: Vec<_> = voice.chain(camera).collect();
    both.sort_by_key(|(_, packet)| packet.arrival);
    let second = |second| {
        move |(_, packet): &&(_, kraken_recording::Packet)| {
            packet.arrival < Duration::from_secs(second)
        }
    };
    let half = both.iter().take_while(second(2)).count();
    for (track, packet) in &both[..half] {
        participant.push(*track, packet.clone()).unwrap();
    }
    participant.end(CAMERA).unwrap();
    for (track, packet) in &both[half..] {
        participant.push(*track, packet.clone()).unwrap();
    }
    participant.end(VOICE).unwrap();
    participant.finish().unwrap();
    let file = folder.only("webm");
    if let Some(probe) = Probe::of(&file) {
        assert!((probe.duration() - 3.0).abs() < 0.1, "{}", probe.duration());
    }
}

#[test]
fn rc5_audio_and_video_that_were_sent_together_are_shown_together() {
    let folder = Folder::new();
    let mut participant = Participant::new(folder.files());
    participant.begin(VOICE, Codec::Opus);
    participant.begin(CAMERA, Codec::Vp8);
    let mut both = Vec::new();
    for (track, codec, delay) in [(VOICE, Codec::Opus, 20), (CAMERA, Codec::Vp8, 300)] {
        let packets = stream(codec);
        let sent = Some(SenderTime {
            clock: Duration::from_secs(1_000_000),
            time: packets[0].time,
        });
        both.extend(packets.into_iter().map(|mut packet| {
            packet.sent = sent;
            packet.arrival += Duration::from_millis(delay);
            (track, packet)
        }));
    }
    both.sort_by_key(|(_, packet)| packet.arrival);
    for (track, packet) in both {
        participant.push(track, packet).unwrap();
    }
    participant.finish().unwrap();
    if let Some(starts) = start_times(&folder.only("webm")) {
        assert!((starts[0] - starts[1]).abs() < 0.002, "{starts:?}");
    }
}

/// When each stream of a file begins, in seconds.
fn start_times(file: &Path) -> Option<Vec<f64>> {
    let output = std::process::Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "stream=start_time",
            "-of",
            "csv=p=0",
        ])
        .arg(file)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().map(|line| line.parse().unwrap()).collect())
}
