//! What `ffprobe` and `ffmpeg` make of a file.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// What is in a file. Nothing if `ffprobe` isn't there.
pub(crate) struct Probe(Value);

impl Probe {
    pub(crate) fn of(file: &Path) -> Option<Self> {
        let arguments = [
            "-v",
            "error",
            "-show_format",
            "-show_streams",
            "-of",
            "json",
        ];
        let output = run("ffprobe", &arguments, file)?;
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
        Some(Self(serde_json::from_slice(&output.stdout).unwrap()))
    }

    pub(crate) fn duration(&self) -> f64 {
        let duration = self.0["format"]["duration"].as_str();
        duration.unwrap().parse().unwrap()
    }

    pub(crate) fn codecs(&self) -> Vec<String> {
        let streams = self.0["streams"].as_array().unwrap().iter();
        streams
            .map(|stream| stream["codec_name"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn size(&self) -> (u64, u64) {
        let mut streams = self.0["streams"].as_array().unwrap().iter();
        let video = streams
            .find(|stream| stream["codec_type"] == "video")
            .unwrap();
        (
            video["width"].as_u64().unwrap(),
            video["height"].as_u64().unwrap(),
        )
    }
}

/// Decodes a file, or what of it there is from a moment on, and gives the number of frames. None
/// of them may be damaged. Nothing if `ffmpeg` isn't there.
pub(crate) fn decode(file: &Path, from: &str) -> Option<u64> {
    let program = "ffmpeg";
    let file = file.to_str().unwrap();
    let arguments = ["-v", "error", "-progress", "-", "-ss", from, "-i", file];
    let null = ["-map", "0:0", "-f", "null", "-"];
    let output = Command::new(program)
        .args(arguments)
        .args(null)
        .output()
        .ok()?;
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        text(&output.stderr)
    );
    let progress = text(&output.stdout);
    let lines = progress.lines().rev();
    let mut frames = lines.filter_map(|line| line.strip_prefix("frame="));
    let frames = frames.next().map(|frames| frames.trim().parse().unwrap());
    Some(frames.unwrap_or(0))
}

fn run(program: &str, arguments: &[&str], file: &Path) -> Option<Output> {
    let output = Command::new(program).args(arguments).arg(file).output();
    if output.is_err() {
        println!("skipped: {program} is not here (apt-get install ffmpeg)");
    }
    output.ok()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
