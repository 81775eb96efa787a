//! Recordings of rooms.
//!
//! One thread writes all of them. Workers hand it packets and never wait for it: if the disk can't
//! keep up, packets are dropped and counted.

mod archive;
mod desk;

use crate::config::RecordingConfig;
use archive::Archive;
use desk::Desk;
use kraken_call::{Problem, Recording};
use kraken_sfu::{RoomId, Tap, TapId};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use thiserror::Error;
use tokio::sync::oneshot;

/// Packets that wait to be written: some seconds of a busy engine. More are dropped.
const MOST_PACKETS: usize = 16_384;
/// Room in the queue for everything else.
const COMMANDS: usize = 4_096;

/// Why a recording can't begin or end, or recordings can't be listed.
#[derive(Debug, Error)]
pub(crate) enum RecordingError {
    #[error("the room is recorded already")]
    Recorded,
    #[error("the room is not recorded")]
    NotRecorded,
    #[error("the disk is full")]
    DiskFull,
    #[error("the engine has more to record than it can")]
    Overloaded,
    #[error("recordings can't be read or written: {0}")]
    Disk(#[from] io::Error),
}

impl From<RecordingError> for Problem {
    fn from(error: RecordingError) -> Self {
        let code = match error {
            RecordingError::Recorded => "recording",
            RecordingError::NotRecorded => "not_recording",
            RecordingError::DiskFull => "disk_full",
            RecordingError::Overloaded => "overloaded",
            RecordingError::Disk(_) => "disk",
        };
        Self {
            code: code.to_owned(),
            message: error.to_string(),
            about: None,
        }
    }
}

/// What a recorder has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A recording has ended by itself: there was no room for it, or it couldn't be written.
    Ended {
        /// What was recorded.
        room: RoomId,
    },
    /// A track can only go on with a keyframe.
    Keyframe {
        /// The worker on which it is.
        worker: usize,
        /// Which.
        track: TapId,
    },
}

/// What a recorder counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RecorderStats {
    /// Rooms that are recorded now.
    pub(crate) running: u64,
    /// Packets that the disk was too slow for.
    pub(crate) packets_dropped: u64,
}

type Answer = oneshot::Sender<Result<Recording, RecordingError>>;

enum Command {
    Tap(usize, Tap),
    Begin(RoomId, Answer),
    Stop(RoomId, Answer),
    Shutdown,
}

/// The way to the thread that writes recordings. Clones lead to the same one.
#[derive(Clone)]
pub(crate) struct Recorder {
    archive: Archive,
    commands: SyncSender<Command>,
    counts: Arc<Counts>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

#[derive(Default)]
struct Counts {
    packets_waiting: AtomicUsize,
    packets_dropped: AtomicU64,
    running: AtomicU64,
}

impl Recorder {
    /// Opens the folder, and closes the recordings that an earlier engine has left open.
    pub(crate) fn start(
        config: RecordingConfig,
        notify: impl Fn(Notice) + Send + 'static,
    ) -> io::Result<Self> {
        let archive = Archive::open(&config.folder)?;
        archive.mend()?;
        let (commands, inbox) = sync_channel(MOST_PACKETS + COMMANDS);
        let counts = Arc::new(Counts::default());
        let inbox = Inbox {
            commands: inbox,
            counts: counts.clone(),
        };
        let desk_archive = archive.clone();
        let thread = std::thread::Builder::new().name("recorder".to_owned());
        let thread = thread.spawn(move || Desk::new(desk_archive, config, notify).work(&inbox))?;
        Ok(Self {
            archive,
            commands,
            counts,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Takes what a worker's SFU gives. Never waits.
    pub(crate) fn tap(&self, worker: usize, tap: Tap) {
        let is_packet = matches!(tap, Tap::Packet { .. });
        let waiting = &self.counts.packets_waiting;
        let is_full = is_packet && waiting.fetch_add(1, Ordering::Relaxed) >= MOST_PACKETS;
        let is_sent = !is_full && self.commands.try_send(Command::Tap(worker, tap)).is_ok();
        if !is_sent && is_packet {
            waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.packets_dropped.fetch_add(1, Ordering::Relaxed);
        }
        if !is_sent && !is_packet {
            tracing::error!("the recorder is too slow: a track is missing in a recording");
        }
    }

    /// Begins to record a room. Its packets come with [`Recorder::tap`] from then on.
    pub(crate) async fn begin(&self, room: &RoomId) -> Result<Recording, RecordingError> {
        self.ask(|answer| Command::Begin(room.clone(), answer))
            .await
    }

    /// Ends the recording of a room.
    pub(crate) async fn stop(&self, room: &RoomId) -> Result<Recording, RecordingError> {
        self.ask(|answer| Command::Stop(room.clone(), answer)).await
    }

    /// A room has closed, and its recording ends. Never waits.
    pub(crate) fn close(&self, room: &RoomId) {
        let (answer, _) = oneshot::channel();
        let stop = Command::Stop(room.clone(), answer);
        if self.commands.try_send(stop).is_err() {
            tracing::error!(%room, "the recorder is too slow: a recording goes on without its room");
        }
    }

    /// The latest recordings, the newest first.
    pub(crate) async fn list(&self) -> Result<Vec<Recording>, RecordingError> {
        let archive = self.archive.clone();
        let listed = tokio::task::spawn_blocking(move || archive.list()).await;
        Ok(listed.map_err(io::Error::other)??)
    }

    /// What is counted.
    pub(crate) fn stats(&self) -> RecorderStats {
        RecorderStats {
            running: self.counts.running.load(Ordering::Relaxed),
            packets_dropped: self.counts.packets_dropped.load(Ordering::Relaxed),
        }
    }

    /// Ends all recordings and the thread, and waits for it.
    pub(crate) fn shutdown(&self) {
        // Waits for a place in the queue. If the thread has gone there is nothing to end.
        let _ = self.commands.send(Command::Shutdown);
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the recorder has panicked: please report this");
        }
    }

    async fn ask(
        &self,
        command: impl FnOnce(Answer) -> Command,
    ) -> Result<Recording, RecordingError> {
        let (sender, answer) = oneshot::channel();
        match self.commands.try_send(command(sender)) {
            Ok(()) => answer.await.map_err(|_| RecordingError::Overloaded)?,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                Err(RecordingError::Overloaded)
            }
        }
    }
}

/// The other end of the queue.
struct Inbox {
    commands: Receiver<Command>,
    counts: Arc<Counts>,
}

#[cfg(test)]
mod tests;
