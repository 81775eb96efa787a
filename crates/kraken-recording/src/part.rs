//! One file of a participant.

use crate::depacketize::{Frame, VideoFormat};
use crate::matroska::Matroska;
use crate::ogg_opus::OggOpus;
use crate::packet::{Codec, TrackId};
use std::io::{self, Seek, Write};
use std::time::Duration;

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Ogg: one track of Opus.
    Ogg,
    /// WebM: anything but H.264.
    Webm,
    /// Matroska: anything.
    Matroska,
}

impl Container {
    /// What names of such files end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ogg => "ogg",
            Self::Webm => "webm",
            Self::Matroska => "mkv",
        }
    }

    fn of(streams: &[Stream]) -> Self {
        match streams {
            [Stream { video: None, .. }] => Self::Ogg,
            _ if streams.iter().any(|stream| stream.codec == Codec::H264) => Self::Matroska,
            _ => Self::Webm,
        }
    }
}

/// Where a participant's files are.
pub trait Files {
    /// A file that is written to and, in its beginning, written over.
    type File: Write + Seek;

    /// Begins the next file, whose own time begins so long after the recording.
    fn create(&mut self, container: Container, begin: Duration) -> io::Result<Self::File>;
}

/// A track as a file has it.
pub(crate) struct Stream {
    pub(crate) track: TrackId,
    pub(crate) codec: Codec,
    /// Nothing for audio.
    pub(crate) video: Option<VideoFormat>,
}

pub(crate) enum Part<F: Write + Seek> {
    Ogg(TrackId, OggOpus<F>),
    Matroska(Matroska<F>),
}

impl<F: Write + Seek> Part<F> {
    /// Begins a file with these tracks.
    pub(crate) fn begin(
        files: &mut impl Files<File = F>,
        streams: Vec<Stream>,
        begin: Duration,
    ) -> io::Result<Self> {
        let container = Container::of(&streams);
        let file = files.create(container, begin)?;
        Ok(match (container, streams.as_slice()) {
            (Container::Ogg, [stream]) => Self::Ogg(stream.track, OggOpus::begin(file, begin)?),
            _ => Self::Matroska(Matroska::begin(file, container, streams, begin)?),
        })
    }

    pub(crate) fn has(&self, track: TrackId) -> bool {
        match self {
            Self::Ogg(only, _) => *only == track,
            Self::Matroska(matroska) => matroska.has(track),
        }
    }

    pub(crate) fn write(&mut self, track: TrackId, frame: Frame) -> io::Result<()> {
        match self {
            Self::Ogg(_, ogg) => ogg.write(&frame),
            Self::Matroska(matroska) => matroska.write(track, frame),
        }
    }

    /// Writes what waits in memory, as far as the kind of file lets it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Ogg(..) => Ok(()),
            Self::Matroska(matroska) => matroska.flush(),
        }
    }

    /// Writes the rest, and what players need to find their way in it.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Ogg(_, ogg) => ogg.finish(),
            Self::Matroska(matroska) => matroska.finish(),
        }
    }
}
