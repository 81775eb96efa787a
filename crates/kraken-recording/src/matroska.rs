//! Matroska files and their subset WebM (RFC 9559).
//!
//! Clusters are written whole, once a second, so a file that ends anywhere can be played up to
//! there. The length of the file and the way to its keyframes are filled in at the end.

use crate::depacketize::{Frame, VideoFormat};
use crate::ebml::{self, Id};
use crate::opus;
use crate::packet::{Codec, TrackId};
use crate::part::{Container, Stream};
use std::io::{self, Seek, SeekFrom, Write};
use std::time::Duration;

const EBML: Id = 0x1A45_DFA3;
const SEGMENT: Id = 0x1853_8067;
const SEEK_HEAD: Id = 0x114D_9B74;
const INFO: Id = 0x1549_A966;
const DURATION: Id = 0x4489;
const TRACKS: Id = 0x1654_AE6B;
const CLUSTER: Id = 0x1F43_B675;
const CUES: Id = 0x1C53_BB6B;

/// Bytes of a Duration, and of a Seek.
const DURATION_BYTES: usize = 11;
const SEEK_BYTES: usize = 21;
/// How long a cluster is, and how far apart the entries of the index are, in milliseconds.
const SPAN: u64 = 1_000;
/// Bytes after which a cluster is written whatever its length.
const CLUSTER_BYTES: usize = 1024 * 1024;

pub(crate) struct Matroska<W: Write + Seek> {
    file: W,
    streams: Vec<Stream>,
    begin: Duration,
    /// The track by whose keyframes players find their way.
    guide: u64,
    /// Where the segment's content begins.
    content: u64,
    /// Where Info, Tracks and the Duration in Info are, from there on.
    places: Places,
    /// Bytes of the segment's content so far.
    written: u64,
    blocks: Vec<Block>,
    block_bytes: usize,
    cues: Vec<Cue>,
    /// In milliseconds.
    end: u64,
}

#[derive(Default)]
struct Places {
    info: u64,
    duration: u64,
    tracks: u64,
}

/// A frame, with its time in the file in milliseconds.
struct Block {
    track: u64,
    time: u64,
    is_key: bool,
    data: Vec<u8>,
}

struct Cue {
    time: u64,
    cluster: u64,
}

impl<W: Write + Seek> Matroska<W> {
    pub(crate) fn begin(
        mut file: W,
        container: Container,
        streams: Vec<Stream>,
        begin: Duration,
    ) -> io::Result<Self> {
        let video = streams.iter().position(|stream| stream.video.is_some());
        let mut head = Vec::new();
        ebml::master(&mut head, EBML, |out| fill_head(out, container));
        ebml::id(&mut head, SEGMENT);
        head.extend(ebml::UNKNOWN_SIZE);
        let content = head.len() as u64;
        let mut body = Vec::new();
        let places = append_front(&mut body, &streams);
        file.write_all(&head)?;
        file.write_all(&body)?;
        Ok(Self {
            file,
            streams,
            begin,
            guide: number(video.unwrap_or(0)),
            content,
            places,
            written: body.len() as u64,
            blocks: Vec::new(),
            block_bytes: 0,
            cues: Vec::new(),
            end: 0,
        })
    }

    pub(crate) fn has(&self, track: TrackId) -> bool {
        self.find(track).is_some()
    }

    pub(crate) fn write(&mut self, track: TrackId, frame: Frame) -> io::Result<()> {
        let Some(place) = self.find(track) else {
            return Ok(());
        };
        let at = frame.at.saturating_sub(self.begin);
        let block = Block {
            track: number(place),
            time: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            is_key: frame.is_key,
            data: frame.data,
        };
        let first = self.blocks.first().map_or(block.time, |first| first.time);
        let is_far = block.time.abs_diff(first) >= SPAN;
        let is_much = self.block_bytes >= CLUSTER_BYTES;
        let is_entry = self.is_entry(&block) && self.streams.iter().any(is_video);
        if is_far || is_much || is_entry {
            self.flush()?;
        }
        self.end = self
            .end
            .max(block.time + length(&block, &self.streams[place]));
        self.block_bytes += block.data.len();
        self.blocks.push(block);
        Ok(())
    }

    /// Writes a cluster of what waits.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let mut blocks = std::mem::take(&mut self.blocks);
        self.block_bytes = 0;
        blocks.sort_by_key(|block| block.time);
        let Some(first) = blocks.first() else {
            return Ok(());
        };
        let time = first.time;
        if let Some(entry) = blocks.iter().find(|block| self.is_entry(block)) {
            self.index(entry.time);
        }
        let mut cluster = Vec::new();
        ebml::master(&mut cluster, CLUSTER, |out| {
            ebml::number(out, 0xE7, time);
            for block in &blocks {
                append_block(out, block, time);
            }
        });
        self.append(&cluster)
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        let cues_at = self.written;
        let mut cues = Vec::new();
        ebml::master(&mut cues, CUES, |out| {
            for cue in &self.cues {
                append_cue(out, cue, self.guide);
            }
        });
        if !self.cues.is_empty() {
            self.append(&cues)?;
        }
        let mut duration = Vec::new();
        ebml::float(&mut duration, DURATION, self.end as f64);
        self.overwrite(self.places.duration, &duration)?;
        let cues_at = (!self.cues.is_empty()).then_some(cues_at);
        let mut seek_head = Vec::new();
        append_seek_head(&mut seek_head, &self.places, cues_at);
        self.overwrite(0, &seek_head)?;
        let size = ebml::long_size(self.written);
        self.file
            .seek(SeekFrom::Start(self.content - size.len() as u64))?;
        self.file.write_all(&size)?;
        self.file.flush()
    }

    fn find(&self, track: TrackId) -> Option<usize> {
        self.streams.iter().position(|stream| stream.track == track)
    }

    /// Whether a player may begin here.
    fn is_entry(&self, block: &Block) -> bool {
        block.is_key && block.track == self.guide
    }

    /// Remembers that the next cluster is a place to begin.
    fn index(&mut self, time: u64) {
        let is_due = self.cues.last().is_none_or(|last| time >= last.time + SPAN);
        if is_due {
            self.cues.push(Cue {
                time,
                cluster: self.written,
            });
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn overwrite(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.content + place))?;
        self.file.write_all(bytes)
    }
}

fn is_video(stream: &Stream) -> bool {
    stream.video.is_some()
}

/// How long a block is shown or heard, in milliseconds. Of video that isn't known.
fn length(block: &Block, stream: &Stream) -> u64 {
    let samples = match stream.video {
        None => opus::Toc::read(&block.data).map_or(0, |(_, samples)| samples),
        Some(_) => 0,
    };
    u64::from(samples) * 1_000 / u64::from(opus::RATE)
}

/// Tracks are numbered from 1.
fn number(place: usize) -> u64 {
    place as u64 + 1
}

fn fill_head(out: &mut Vec<u8>, container: Container) {
    let kind = match container {
        Container::Webm => "webm",
        Container::Matroska | Container::Ogg => "matroska",
    };
    ebml::number(out, 0x4286, 1); // EBMLVersion
    ebml::number(out, 0x42F7, 1); // EBMLReadVersion
    ebml::number(out, 0x42F2, 4); // EBMLMaxIDLength
    ebml::number(out, 0x42F3, 8); // EBMLMaxSizeLength
    ebml::text(out, 0x4282, kind); // DocType
    ebml::number(out, 0x4287, 4); // DocTypeVersion
    ebml::number(out, 0x4285, 2); // DocTypeReadVersion
}

/// All that comes before the first cluster, with room for what isn't known yet.
fn append_front(out: &mut Vec<u8>, streams: &[Stream]) -> Places {
    let mut places = Places::default();
    append_seek_head(out, &places, None);
    places.info = out.len() as u64;
    ebml::master(out, INFO, |out| {
        ebml::number(out, 0x2A_D7B1, 1_000_000); // TimestampScale: milliseconds
        ebml::text(out, 0x4D80, "kraken"); // MuxingApp
        ebml::text(out, 0x5741, "kraken"); // WritingApp
        ebml::void(out, DURATION_BYTES);
    });
    places.duration = (out.len() - DURATION_BYTES) as u64;
    places.tracks = out.len() as u64;
    ebml::master(out, TRACKS, |out| {
        for (place, stream) in streams.iter().enumerate() {
            ebml::master(out, 0xAE, |out| fill_track(out, number(place), stream));
        }
    });
    let mut seek_head = Vec::new();
    append_seek_head(&mut seek_head, &places, None);
    out[..seek_head.len()].copy_from_slice(&seek_head);
    places
}

/// Where Info, Tracks and, once they are there, Cues are.
fn append_seek_head(out: &mut Vec<u8>, places: &Places, cues: Option<u64>) {
    ebml::master(out, SEEK_HEAD, |out| {
        append_seek(out, INFO, places.info);
        append_seek(out, TRACKS, places.tracks);
        match cues {
            Some(cues) => append_seek(out, CUES, cues),
            None => ebml::void(out, SEEK_BYTES),
        }
    });
}

fn append_seek(out: &mut Vec<u8>, target: Id, place: u64) {
    ebml::master(out, 0x4DBB, |out| {
        ebml::binary(out, 0x53AB, &target.to_be_bytes()); // SeekID
        ebml::long_number(out, 0x53AC, place); // SeekPosition
    });
}

fn fill_track(out: &mut Vec<u8>, number: u64, stream: &Stream) {
    ebml::number(out, 0xD7, number); // TrackNumber
    ebml::number(out, 0x73C5, number); // TrackUID
    ebml::number(out, 0x9C, 0); // FlagLacing
    ebml::text(out, 0x22_B59C, "und"); // Language
    ebml::text(out, 0x86, codec_id(stream.codec)); // CodecID
    match &stream.video {
        Some(video) => fill_video(out, video),
        None => fill_audio(out),
    }
}

fn codec_id(codec: Codec) -> &'static str {
    match codec {
        Codec::Opus => "A_OPUS",
        Codec::Vp8 => "V_VP8",
        Codec::Vp9 => "V_VP9",
        Codec::Av1 => "V_AV1",
        Codec::H264 => "V_MPEG4/ISO/AVC",
    }
}

fn fill_video(out: &mut Vec<u8>, video: &VideoFormat) {
    ebml::number(out, 0x83, 1); // TrackType
    if !video.private.is_empty() {
        ebml::binary(out, 0x63A2, &video.private); // CodecPrivate
    }
    ebml::master(out, 0xE0, |out| {
        ebml::number(out, 0xB0, video.width.into()); // PixelWidth
        ebml::number(out, 0xBA, video.height.into()); // PixelHeight
    });
}

fn fill_audio(out: &mut Vec<u8>) {
    /// What a decoder should decode before the place that a player seeks: 80 ms.
    const PREROLL: u64 = 80_000_000;
    ebml::number(out, 0x83, 2); // TrackType
    ebml::binary(out, 0x63A2, &opus::head()); // CodecPrivate
    ebml::number(out, 0x56AA, 0); // CodecDelay
    ebml::number(out, 0x56BB, PREROLL); // SeekPreRoll
    ebml::master(out, 0xE1, |out| {
        ebml::float(out, 0xB5, opus::RATE.into()); // SamplingFrequency
        ebml::number(out, 0x9F, 2); // Channels
    });
}

/// A SimpleBlock. A cluster is so short that its blocks' times fit in two bytes.
fn append_block(out: &mut Vec<u8>, block: &Block, cluster: u64) {
    const KEYFRAME: u8 = 0x80;
    let time = i16::try_from(block.time - cluster).unwrap_or(i16::MAX);
    let mut head = Vec::new();
    ebml::size(&mut head, block.track);
    head.extend(time.to_be_bytes());
    head.push(if block.is_key { KEYFRAME } else { 0 });
    ebml::id(out, 0xA3);
    ebml::size(out, (head.len() + block.data.len()) as u64);
    out.extend(head);
    out.extend(&block.data);
}

fn append_cue(out: &mut Vec<u8>, cue: &Cue, track: u64) {
    ebml::master(out, 0xBB, |out| {
        ebml::number(out, 0xB3, cue.time); // CueTime
        ebml::master(out, 0xB7, |out| {
            ebml::number(out, 0xF7, track); // CueTrack
            ebml::number(out, 0xF1, cue.cluster); // CueClusterPosition
        });
    });
}
