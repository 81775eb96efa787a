//! An engine: its workers, its ports, and the way to them.

mod heart;
mod media_tcp;
mod sockets;

use crate::calls::bridge::{self, Cut};
use crate::calls::{CallSocket, Desk, heed};
use crate::config::{Config, MonitorLink};
use crate::directory::{Directory, WorkerIndex};
use crate::metrics;
use crate::placement::{Placement, Visit};
use crate::recording::Recorder;
use crate::rpc;
use crate::server;
use crate::worker::{Handle, Overloaded, Report, Seed, Surroundings, Worker};
use axum::Router;
use kraken_sfu::{Config as SfuConfig, RoomId, Sfu};
use parking_lot::Mutex;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Why an engine can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no address to listen on.
    #[error("the engine has no address for media")]
    NoAddress,
    /// A port can't be had.
    #[error("can't listen on {address} for media: {source}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Recordings can't be kept.
    #[error("can't use the folder for recordings: {0}")]
    Recordings(#[source] io::Error),
    /// A worker's thread can't be started.
    #[error("can't start a worker: {0}")]
    Thread(#[source] io::Error),
}

/// A running engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What all parts of an engine know.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) directory: Arc<Directory>,
    placement: Arc<Placement>,
    workers: Vec<Handle>,
    udp: Vec<SocketAddr>,
    tcp: Vec<SocketAddr>,
    stopping: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) recorder: Option<Recorder>,
    /// The bridge to the process that is connected.
    bridge: Mutex<Option<Cut>>,
}

impl Engine {
    /// Opens the media ports and starts the workers. Must be called in a tokio runtime.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let sockets = sockets::open(&config)?;
        let sfu = SfuConfig {
            udp: sockets.udp.clone(),
            tcp: sockets.tcp.clone(),
            limits: config.limits.clone(),
            patience: config.patience.clone(),
        };
        let mut seeds = Vec::new();
        let mut workers = Vec::new();
        for _ in &sockets.workers {
            let (seed, handle) = Seed::new().map_err(StartError::Thread)?;
            seeds.push(seed);
            workers.push(handle);
        }
        let directory = Arc::new(Directory::default());
        let placement = Arc::new(Placement::default());
        let recorder = recorder(&config, &workers)?;
        let mut threads = Vec::new();
        for (index, (seed, ports)) in seeds.into_iter().zip(sockets.workers).enumerate() {
            let surroundings = Surroundings {
                index,
                workers: workers.clone(),
                directory: directory.clone(),
                placement: placement.clone(),
                recorder: recorder.clone(),
            };
            let sfu = sfu.clone();
            let work = move || {
                if let Err(error) = Worker::run(seed, surroundings, sfu, ports) {
                    tracing::error!(%error, worker = index, "a worker has failed");
                }
            };
            let thread = std::thread::Builder::new().name(format!("media-{index}"));
            threads.push(thread.spawn(work).map_err(StartError::Thread)?);
        }
        let (stopping, _) = watch::channel(false);
        let engine = Self {
            shared: Arc::new(Shared {
                config,
                directory,
                placement,
                workers,
                udp: sockets.udp,
                tcp: sockets.tcp,
                stopping,
                threads: Mutex::new(threads),
                recorder,
                bridge: Mutex::new(None),
            }),
        };
        for (listener, announced) in sockets.listeners {
            tokio::spawn(media_tcp::accept(
                engine.shared.clone(),
                listener,
                announced,
            ));
        }
        Ok(engine)
    }

    /// The UDP addresses that clients are told.
    pub fn udp(&self) -> &[SocketAddr] {
        &self.shared.udp
    }

    /// The TCP addresses that clients are told.
    pub fn tcp(&self) -> &[SocketAddr] {
        &self.shared.tcp
    }

    /// The HTTP API: JSON-RPC at `POST /`, Prometheus' text at `GET /metrics`.
    pub fn router(&self) -> Router {
        rpc::router(self.shared.clone())
    }

    /// The JSON-RPC alone, for a server that answers more than `POST /` at the same address.
    pub fn calls(&self) -> Router {
        rpc::calls(self.shared.clone())
    }

    /// Serves the HTTP API until the engine stops.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        let stopping = self.shared.stopping.subscribe();
        let connections = self.shared.config.rpc.connections;
        server::serve(listener, self.router(), connections, stopping).await
    }

    /// Connects a process, in whose rooms there are calls. Another one that was connected is cut
    /// off. `None` if the engine stops, or has too much to do. Must be called in a tokio runtime.
    pub fn connect(&self) -> Option<CallSocket> {
        if *self.shared.stopping.borrow() {
            return None;
        }
        let mut bridge = self.shared.bridge.lock();
        let (socket, cut) = bridge::connect(self.shared.clone())?;
        if let Some(before) = bridge.replace(cut) {
            before.notify_one();
        }
        Some(socket)
    }

    /// Tells a monitor every second how the engine is, so that it sends rooms here. Must be
    /// called in a tokio runtime.
    pub fn join(&self, link: MonitorLink) {
        tokio::spawn(heart::beat(self.shared.clone(), link));
    }

    /// Ends all calls and all threads.
    pub async fn shutdown(&self) {
        self.shared.stopping.send_replace(true);
        let threads = std::mem::take(&mut *self.shared.threads.lock());
        let workers = self.shared.workers.clone();
        let recorder = self.shared.recorder.clone();
        let ended = tokio::task::spawn_blocking(move || {
            for worker in workers {
                worker.stop();
            }
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a worker has panicked");
                }
            }
            if let Some(recorder) = recorder {
                recorder.shutdown();
            }
        });
        if ended.await.is_err() {
            tracing::error!("the workers can't be ended");
        }
    }
}

/// What writes recordings, if they are wanted.
fn recorder(config: &Config, workers: &[Handle]) -> Result<Option<Recorder>, StartError> {
    let Some(config) = config.recordings.clone() else {
        return Ok(None);
    };
    let workers = workers.to_vec();
    let recorder = Recorder::start(config, move |notice| heed(&workers, notice));
    Ok(Some(recorder.map_err(StartError::Recordings)?))
}

impl Shared {
    /// Lets the worker on which a room is answer a question.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        room: &RoomId,
        question: impl FnOnce(&mut Sfu, Instant) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        self.ask_call(room, |_, sfu, now| question(sfu, now)).await
    }

    /// Lets the worker on which a room is answer a question about its calls.
    pub(crate) async fn ask_call<T: Send + 'static>(
        &self,
        room: &RoomId,
        question: impl FnOnce(&mut Desk, &mut Sfu, Instant) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let worker = self.worker(self.place(room)).ok_or(Overloaded)?;
        worker.ask(question).await
    }

    /// Lets the worker on which a room is, or will be, answer a question that may open the room.
    pub(crate) async fn enter<T: Send + 'static>(
        &self,
        room: &RoomId,
        question: impl FnOnce(&mut Sfu, Instant) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let visit = self.visit(room);
        let worker = self.worker(visit.worker).ok_or(Overloaded)?;
        let question = move |_: &mut Desk, sfu: &mut Sfu, now| {
            let answer = question(sfu, now);
            drop(visit);
            answer
        };
        worker.ask(question).await
    }

    pub(crate) fn workers(&self) -> &[Handle] {
        &self.workers
    }

    /// On which worker a room is. Any can say of a room that there isn't that nobody is in it.
    pub(crate) fn place(&self, room: &RoomId) -> WorkerIndex {
        self.placement.find(room).unwrap_or(0)
    }

    /// Keeps the place of a room that may be about to open. Whoever opens it drops this on the
    /// worker's thread, once the room is open or isn't going to be.
    pub(crate) fn visit(&self, room: &RoomId) -> Visit {
        let shares: Vec<f64> = self.workers.iter().map(Handle::share).collect();
        self.placement.visit(room, &shares)
    }

    pub(crate) fn worker(&self, index: usize) -> Option<&Handle> {
        self.workers.get(index)
    }

    /// What each worker counts.
    pub(crate) fn reports(&self) -> Vec<Report> {
        self.workers.iter().map(Handle::report).collect()
    }

    /// The text for Prometheus.
    pub(crate) fn metrics(&self) -> String {
        let recorder = self.recorder.as_ref().map(Recorder::stats);
        metrics::text(&self.reports(), recorder.as_ref())
    }

    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // The sender lives in `self`.
        let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
    }
}
