//! What one participant of a call sends.

use crate::depacketize::{Depacketizer, Frame};
use crate::packet::{Codec, Packet, TrackId};
use crate::part::{Files, Part, Stream};
use crate::reorder::Reorder;
use crate::timeline::{SenderClock, Timeline};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

/// How long the beginning of a file waits for tracks that begin at about the same time.
const GATHERING: Duration = Duration::from_secs(1);
/// How long it waits for tracks that have begun to have something to show: for keyframes.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of frames that wait for the beginning of a file.
const MOST_GATHERED: usize = 8 * 1024 * 1024;

/// Writes the tracks of a participant to files.
///
/// A file knows its tracks from the beginning. So with a track that is added another file begins,
/// with the tracks that there are then; their video goes on with its next keyframe, for which
/// [`Participant::needs_keyframes`] asks. A track that ends leaves the file to the others.
pub struct Participant<F: Files> {
    files: F,
    tracks: BTreeMap<TrackId, Track>,
    clock: SenderClock,
    now: Duration,
    state: State<F>,
}

struct Track {
    codec: Codec,
    reorder: Reorder,
    timeline: Timeline,
    /// Nothing for audio: its packets are its frames.
    video: Option<Depacketizer>,
}

enum State<F: Files> {
    Gathering(Gathered),
    Writing(Part<F::File>),
}

/// Frames in the order in which they were complete.
#[derive(Default)]
struct Gathered {
    frames: Vec<(TrackId, Frame)>,
    tracks: BTreeSet<TrackId>,
    bytes: usize,
    /// When the first of them came.
    since: Option<Duration>,
}

impl<F: Files> Participant<F> {
    /// A participant without tracks. There is a file only once something comes.
    pub fn new(files: F) -> Self {
        Self {
            files,
            tracks: BTreeMap::new(),
            clock: SenderClock::default(),
            now: Duration::ZERO,
            state: State::Gathering(Gathered::default()),
        }
    }

    /// The participant adds a track.
    pub fn begin(&mut self, track: TrackId, codec: Codec) {
        self.tracks.insert(track, Track::new(codec));
    }

    /// A packet of a track that has begun; others are passed over.
    pub fn push(&mut self, track: TrackId, packet: Packet) -> io::Result<()> {
        self.now = self.now.max(packet.arrival);
        if let Some(found) = self.tracks.get_mut(&track) {
            found.reorder.push(packet);
        }
        self.settle(track, self.now)
    }

    /// A track ends.
    pub fn end(&mut self, track: TrackId) -> io::Result<()> {
        self.settle(track, Duration::MAX)?;
        if let State::Gathering(gathered) = &self.state
            && gathered.has(track)
        {
            self.begin_file()?;
        }
        self.tracks.remove(&track);
        self.begin_file_if_due()?;
        if let State::Writing(part) = &self.state
            && !self.tracks.keys().any(|track| part.has(*track))
        {
            self.end_file()?;
        }
        Ok(())
    }

    /// So much time has passed since the recording began. Should be called about once a second:
    /// what waits for that long is written.
    pub fn handle_timeout(&mut self, now: Duration) -> io::Result<()> {
        self.now = self.now.max(now);
        for track in self.tracks.keys().copied().collect::<Vec<_>>() {
            self.settle(track, self.now)?;
        }
        self.begin_file_if_due()?;
        match &mut self.state {
            State::Writing(part) => part.flush(),
            State::Gathering(_) => Ok(()),
        }
    }

    /// The tracks that can only go on with a keyframe.
    pub fn needs_keyframes(&self) -> impl Iterator<Item = TrackId> {
        let tracks = self.tracks.iter();
        tracks.filter_map(|(id, track)| track.needs_key().then_some(*id))
    }

    /// The recording ends.
    pub fn finish(mut self) -> io::Result<()> {
        for track in self.tracks.keys().copied().collect::<Vec<_>>() {
            self.settle(track, Duration::MAX)?;
        }
        self.begin_file()?;
        self.end_file()
    }

    /// Writes all of a track that is in order.
    fn settle(&mut self, id: TrackId, now: Duration) -> io::Result<()> {
        while let Some(track) = self.tracks.get_mut(&id)
            && let Some(next) = track.reorder.pop(now)
        {
            let at = track.timeline.place(&next.packet, &mut self.clock);
            if let Some(frame) = track.frame(next.packet, at, next.follows_loss) {
                self.write(id, frame)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, id: TrackId, frame: Frame) -> io::Result<()> {
        if let State::Writing(part) = &mut self.state {
            if part.has(id) {
                return part.write(id, frame);
            }
            self.end_file()?;
            self.need_keys_of_others(id);
        }
        if let State::Gathering(gathered) = &mut self.state {
            gathered.bytes += frame.data.len();
            gathered.since.get_or_insert(self.now);
            gathered.tracks.insert(id);
            gathered.frames.push((id, frame));
        }
        self.begin_file_if_due()
    }

    fn need_keys_of_others(&mut self, new: TrackId) {
        for (id, track) in &mut self.tracks {
            if let Some(video) = &mut track.video
                && *id != new
            {
                video.need_key();
            }
        }
    }

    fn begin_file_if_due(&mut self) -> io::Result<()> {
        let State::Gathering(gathered) = &self.state else {
            return Ok(());
        };
        let Some(since) = gathered.since else {
            return Ok(());
        };
        let waited = self.now.saturating_sub(since);
        let is_complete = self.tracks.keys().all(|track| gathered.has(*track));
        let is_due = waited >= PATIENCE
            || waited >= GATHERING && is_complete
            || gathered.bytes > MOST_GATHERED;
        match is_due {
            true => self.begin_file(),
            false => Ok(()),
        }
    }

    /// Begins a file with what was gathered, if there is anything.
    fn begin_file(&mut self) -> io::Result<()> {
        let State::Gathering(gathered) = &mut self.state else {
            return Ok(());
        };
        let gathered = std::mem::take(gathered);
        let streams = self.tracks.iter().filter(|(id, _)| gathered.has(**id));
        let streams: Vec<Stream> = streams.map(|(id, track)| track.stream(*id)).collect();
        let begin = gathered.frames.iter().map(|(_, frame)| frame.at).min();
        let (Some(begin), false) = (begin, streams.is_empty()) else {
            return Ok(());
        };
        let mut part = Part::begin(&mut self.files, streams, begin)?;
        for (id, frame) in gathered.frames {
            if part.has(id) {
                part.write(id, frame)?;
            }
        }
        self.state = State::Writing(part);
        Ok(())
    }

    fn end_file(&mut self) -> io::Result<()> {
        let gathering = State::Gathering(Gathered::default());
        match std::mem::replace(&mut self.state, gathering) {
            State::Writing(part) => part.finish(),
            State::Gathering(_) => Ok(()),
        }
    }
}

impl Track {
    fn new(codec: Codec) -> Self {
        Self {
            codec,
            reorder: Reorder::default(),
            timeline: Timeline::new(codec.clock_rate()),
            video: Depacketizer::new(codec),
        }
    }

    /// The frame that a packet completes.
    fn frame(&mut self, packet: Packet, at: Duration, follows_loss: bool) -> Option<Frame> {
        match &mut self.video {
            Some(video) => video.push(&packet, at, follows_loss),
            None => (!packet.payload.is_empty()).then(|| Frame {
                at,
                is_key: true,
                data: packet.payload.to_vec(),
            }),
        }
    }

    fn stream(&self, track: TrackId) -> Stream {
        Stream {
            track,
            codec: self.codec,
            video: self.video.as_ref().and_then(Depacketizer::format).cloned(),
        }
    }

    fn needs_key(&self) -> bool {
        self.video.as_ref().is_some_and(Depacketizer::needs_key)
    }
}

impl Gathered {
    fn has(&self, track: TrackId) -> bool {
        self.tracks.contains(&track)
    }
}
