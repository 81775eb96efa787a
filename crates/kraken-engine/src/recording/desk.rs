//! The thread that writes recordings.

use super::archive::{Archive, Folder, ParticipantFiles};
use super::{Answer, Command, Inbox, Notice, RecordingConfig, RecordingError};
use kraken_call::Recording;
use kraken_recording::{Codec, Packet, Participant, SenderTime, TrackId};
use kraken_sfu::{RoomId, Tap, TapId, TapPacket, TapTrack, UserId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};
use str0m::format;

/// How often what waits is written, and room on the disk is looked at.
const TICK: Duration = Duration::from_millis(500);

/// A track of a worker.
type Source = (usize, TapId);

pub(super) struct Desk<N> {
    archive: Archive,
    config: RecordingConfig,
    notify: N,
    running: BTreeMap<RoomId, Running>,
    /// Whose the tracks are.
    places: BTreeMap<Source, Place>,
    ticked: Instant,
}

#[derive(Clone)]
struct Place {
    room: RoomId,
    peer: UserId,
}

/// A recording that goes on.
struct Running {
    folder: Rc<RefCell<Folder>>,
    began: Instant,
    participants: BTreeMap<UserId, Recorded>,
}

struct Recorded {
    writer: Participant<ParticipantFiles>,
    tracks: BTreeMap<TrackId, Source>,
}

impl<N: Fn(Notice)> Desk<N> {
    pub(super) fn new(archive: Archive, config: RecordingConfig, notify: N) -> Self {
        Self {
            archive,
            config,
            notify,
            running: BTreeMap::new(),
            places: BTreeMap::new(),
            ticked: Instant::now(),
        }
    }

    /// Runs until it is told to stop, or nobody is left who could tell.
    pub(super) fn work(mut self, inbox: &Inbox) {
        loop {
            let patience = (self.ticked + TICK).saturating_duration_since(Instant::now());
            match inbox.commands.recv_timeout(patience) {
                Ok(Command::Tap(worker, tap)) => {
                    if matches!(tap, Tap::Packet { .. }) {
                        inbox.counts.packets_waiting.fetch_sub(1, Ordering::Relaxed);
                    }
                    self.take(worker, tap);
                }
                Ok(Command::Begin(room, answer)) => reply(answer, self.begin(room)),
                Ok(Command::Stop(room, answer)) => reply(answer, self.stop(&room)),
                Ok(Command::Shutdown) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.tick(Instant::now());
            let running = self.running.len() as u64;
            inbox.counts.running.store(running, Ordering::Relaxed);
        }
        for room in self.rooms() {
            if let Err(error) = self.stop(&room) {
                tracing::error!(%error, "a recording could not be finished");
            }
        }
    }

    fn begin(&mut self, room: RoomId) -> Result<Recording, RecordingError> {
        if self.running.contains_key(&room) {
            return Err(RecordingError::Recorded);
        }
        if self.archive.free()? < self.config.least_free {
            return Err(RecordingError::DiskFull);
        }
        let folder = self.archive.begin(room.as_str())?;
        let recording = folder.recording();
        let running = Running {
            folder: Rc::new(RefCell::new(folder)),
            began: Instant::now(),
            participants: BTreeMap::new(),
        };
        self.running.insert(room, running);
        Ok(recording)
    }

    fn stop(&mut self, room: &RoomId) -> Result<Recording, RecordingError> {
        let running = self.running.remove(room);
        self.places.retain(|_, place| place.room != *room);
        let running = running.ok_or(RecordingError::NotRecorded)?;
        Ok(running.finish()?)
    }

    fn take(&mut self, worker: usize, tap: Tap) {
        match tap {
            Tap::Track(track) => self.add(worker, track),
            Tap::Packet { track, packet } => self.change((worker, track), |recorded, began, id| {
                recorded.writer.push(id, convert(packet, began))
            }),
            Tap::End { track } => self.remove((worker, track)),
        }
    }

    fn add(&mut self, worker: usize, track: TapTrack) {
        let source = (worker, track.id);
        let (Some(running), Some(codec)) = (self.running.get_mut(&track.room), codec(track.codec))
        else {
            return;
        };
        let recorded = running.participant(&track.user);
        let id = TrackId(track.id.0);
        recorded.writer.begin(id, codec);
        recorded.tracks.insert(id, source);
        let place = Place {
            room: track.room,
            peer: track.user,
        };
        self.places.insert(source, place);
    }

    /// A track ends, and with the last one the participant.
    fn remove(&mut self, source: Source) {
        self.change(source, |recorded, _, id| {
            recorded.tracks.remove(&id);
            recorded.writer.end(id)
        });
        let Some(place) = self.places.remove(&source) else {
            return;
        };
        let Some(running) = self.running.get_mut(&place.room) else {
            return;
        };
        let recorded = running.participants.get(&place.peer);
        if recorded.is_some_and(|recorded| recorded.tracks.is_empty()) {
            let recorded = running.participants.remove(&place.peer);
            let finished = recorded.map_or(Ok(()), |recorded| recorded.writer.finish());
            self.check(&place.room, finished);
        }
    }

    /// Does something to a track, if it is recorded. What can't be written ends the recording.
    fn change(
        &mut self,
        source: Source,
        change: impl FnOnce(&mut Recorded, Instant, TrackId) -> io::Result<()>,
    ) {
        let Some(place) = self.places.get(&source) else {
            return;
        };
        let Some(running) = self.running.get_mut(&place.room) else {
            return;
        };
        let began = running.began;
        let Some(recorded) = running.participants.get_mut(&place.peer) else {
            return;
        };
        let changed = change(recorded, began, TrackId(source.1.0));
        if changed.is_err() {
            let room = place.room.clone();
            self.check(&room, changed);
        }
    }

    fn tick(&mut self, now: Instant) {
        if now < self.ticked + TICK {
            return;
        }
        self.ticked = now;
        for room in self.rooms() {
            let Some(running) = self.running.get_mut(&room) else {
                continue;
            };
            let written = running.write(now);
            for (worker, track) in running.needs_keyframes() {
                (self.notify)(Notice::Keyframe { worker, track });
            }
            self.check(&room, written);
            self.check_space(&room);
        }
    }

    fn check_space(&mut self, room: &RoomId) {
        let Some(running) = self.running.get(room) else {
            return;
        };
        let bytes = running.folder.borrow().bytes();
        if bytes >= self.config.most_bytes {
            self.give_up(room, "it is as long as a recording may be");
        } else if self
            .archive
            .free()
            .is_ok_and(|free| free < self.config.least_free)
        {
            self.give_up(room, "the disk is full");
        }
    }

    fn check(&mut self, room: &RoomId, written: io::Result<()>) {
        if let Err(error) = written {
            self.give_up(room, &error.to_string());
        }
    }

    /// Ends a recording that can't go on.
    fn give_up(&mut self, room: &RoomId, reason: &str) {
        tracing::warn!(%room, reason, "a recording has ended");
        match self.stop(room) {
            Ok(_) | Err(RecordingError::NotRecorded) => {}
            Err(error) => tracing::warn!(%room, %error, "its files may be incomplete"),
        }
        (self.notify)(Notice::Ended { room: room.clone() });
    }

    fn rooms(&self) -> Vec<RoomId> {
        self.running.keys().cloned().collect()
    }
}

impl Running {
    fn participant(&mut self, peer: &UserId) -> &mut Recorded {
        let participant = self.participants.entry(peer.clone());
        participant.or_insert_with(|| {
            let files = ParticipantFiles {
                folder: self.folder.clone(),
                peer: peer.name(),
            };
            Recorded {
                writer: Participant::new(files),
                tracks: BTreeMap::new(),
            }
        })
    }

    /// Writes what has waited long enough.
    fn write(&mut self, now: Instant) -> io::Result<()> {
        let since = now.saturating_duration_since(self.began);
        let mut participants = self.participants.values_mut();
        participants.try_for_each(|recorded| recorded.writer.handle_timeout(since))
    }

    fn needs_keyframes(&self) -> Vec<Source> {
        let participants = self.participants.values();
        let sources = participants.flat_map(|recorded| {
            let tracks = recorded.writer.needs_keyframes();
            tracks.filter_map(|track| recorded.tracks.get(&track).copied())
        });
        sources.collect()
    }

    /// Finishes all files, as far as that is possible.
    fn finish(self) -> io::Result<Recording> {
        let participants = self.participants.into_values();
        let finished: Vec<_> = participants
            .map(|recorded| recorded.writer.finish())
            .collect();
        let mut folder = self.folder.borrow_mut();
        folder.end()?;
        finished.into_iter().collect::<io::Result<()>>()?;
        Ok(folder.recording())
    }
}

fn reply(answer: Answer, result: Result<Recording, RecordingError>) {
    // Who asked may have gone.
    let _ = answer.send(result);
}

/// The codec as a recording has it. Others aren't agreed on with publishers.
fn codec(codec: format::Codec) -> Option<Codec> {
    match codec {
        format::Codec::Opus => Some(Codec::Opus),
        format::Codec::Vp8 => Some(Codec::Vp8),
        format::Codec::Vp9 => Some(Codec::Vp9),
        format::Codec::Av1 => Some(Codec::Av1),
        format::Codec::H264 => Some(Codec::H264),
        _ => None,
    }
}

fn convert(packet: TapPacket, began: Instant) -> Packet {
    Packet {
        seq: packet.sequence,
        time: packet.time,
        marker: packet.marker,
        payload: packet.payload,
        arrival: packet.arrival.saturating_duration_since(began),
        sent: packet.sent.map(|sent| SenderTime {
            clock: sent.clock,
            time: sent.time,
        }),
    }
}
