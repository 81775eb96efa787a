//! Packets of real encoders become files, of which `ffprobe` says what is in them. The streams in
//! `tests/data` are what GStreamer's payloaders make of three seconds of a test picture of 160x120
//! at 15 frames a second with a keyframe each second, and of a tone; `av1.obu` is the like as
//! libaom makes it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]
#![allow(clippy::print_stdout, reason = "tests say what they skip")]

mod av1;
mod corpus;
mod damage;
mod files;
mod probe;
mod stream;
mod tracks;
