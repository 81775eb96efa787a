//! The core on a thread: what the process does around it, but for the node and for storage, which
//! answers at once.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use kraken_core::{
    Config, ConnectionId, Core, Effect, Event, Handshake, Limits, SetupRequest, StorageRequest,
    Timestamp,
};
use kraken_link::{Endpoint, ToProcess, ToSidecar, VERSION};
use tokio::sync::mpsc;

use crate::{Link, TOKEN};

const THREAD: &str = "native";
/// Frames in each direction, as in a node.
const QUEUE: usize = 100;

struct Process {
    core: Core,
    endpoint: Endpoint<ToSidecar, ToProcess>,
}

/// Starts the thread. It ends with its link.
pub(crate) fn start() -> Result<Link> {
    let (sender, mut from_gateway) = mpsc::channel(QUEUE);
    let (to_gateway, receiver) = mpsc::channel(QUEUE);
    let mut process = Process::new()?;
    let run = move || {
        if let Err(error) = process.run(&mut from_gateway, &to_gateway) {
            // The gateway fails for want of an answer; this says why.
            _ = writeln!(std::io::stderr(), "the native core ended: {error:#}");
        }
    };
    let thread = std::thread::Builder::new().name(THREAD.to_owned());
    thread.spawn(run).context("starting a thread")?;
    Ok(Link {
        thread: THREAD,
        key: Bytes::new(),
        sender,
        receiver,
    })
}

impl Process {
    fn new() -> Result<Self> {
        let now = now();
        let mut core = Core::new(Config {
            limits: Limits::default(),
            settings: None,
            seed: [7; 32],
            pages: Default::default(),
            stopwatch,
            now,
        });
        let request = SetupRequest {
            master_token: Some(TOKEN.to_owned()),
            ..SetupRequest::default()
        };
        core.set_up(&request, now)
            .map_err(|error| anyhow!("the core can't be set up: {error}"))?;
        core.handle(now, Event::Link { is_up: true });
        Ok(Self {
            core,
            endpoint: Endpoint::process(),
        })
    }

    fn run(
        &mut self,
        frames: &mut mpsc::Receiver<Bytes>,
        to_gateway: &mpsc::Sender<Bytes>,
    ) -> Result<()> {
        while let Some(frame) = frames.blocking_recv() {
            self.endpoint.receive(frame)?;
            if self.work(now(), to_gateway)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// In the order in which the process works.
    fn work(
        &mut self,
        now: Timestamp,
        to_gateway: &mpsc::Sender<Bytes>,
    ) -> Result<ControlFlow<()>> {
        while let Some(record) = self.endpoint.next()? {
            self.record(record, now)?;
            self.carry_out(now);
        }
        if self.flush(to_gateway).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if self.core.next_timeout().is_some_and(|due| due <= now) {
            self.core.handle_timeout(now);
            self.carry_out(now);
        }
        if self.flush(to_gateway).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        self.core.catch_up(now);
        self.carry_out(now);
        Ok(self.flush(to_gateway))
    }

    /// Breaks when there is nobody to send to.
    fn flush(&mut self, to_gateway: &mpsc::Sender<Bytes>) -> ControlFlow<()> {
        while let Some(frame) = self.endpoint.poll_frame() {
            if to_gateway.blocking_send(frame.into()).is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn record(&mut self, record: ToProcess, now: Timestamp) -> Result<()> {
        let event = match record {
            ToProcess::Hello { .. } => {
                self.endpoint
                    .queue(&ToSidecar::Welcome { version: VERSION });
                return Ok(());
            }
            ToProcess::Open {
                connection,
                handshake,
            } => Event::Opened {
                connection: ConnectionId(connection.into()),
                handshake: Handshake {
                    path: handshake.path,
                    query: handshake.query,
                    origin: handshake.origin,
                    bearer: handshake.bearer,
                    user_agent: handshake.user_agent,
                },
            },
            ToProcess::Binary {
                connection,
                payload,
            } => Event::Binary {
                connection: ConnectionId(connection.into()),
                message: payload,
            },
            other => bail!("{other:?}, which the bench doesn't send"),
        };
        self.core.handle(now, event);
        Ok(())
    }

    fn carry_out(&mut self, now: Timestamp) {
        let mut stored = Vec::new();
        for effect in self.core.drain_effects() {
            match effect {
                Effect::Store(request) => stored.push(answer(request)),
                effect => {
                    if let Some(record) = record_of(effect) {
                        self.endpoint.queue(&record);
                    }
                }
            }
        }
        if stored.is_empty() {
            return;
        }
        for event in stored {
            self.core.handle(now, event);
        }
        self.carry_out(now);
    }
}

/// Storage that has nothing and keeps nothing.
fn answer(StorageRequest { id, operation }: StorageRequest) -> Event {
    let reply = operation.answer_of_nothing();
    Event::Stored { id, reply }
}

/// What the gateway is told, as far as it concerns the bench.
fn record_of(effect: Effect) -> Option<ToSidecar> {
    let local = |connection: ConnectionId| u32::try_from(connection.0).unwrap_or(0);
    Some(match effect {
        Effect::Accept { connection, limits } => ToSidecar::Accept {
            connection: local(connection),
            max_message: limits.message_bytes,
            too_large: limits.too_large,
            overflow: limits.overflow,
            messages_per_second: limits.messages_per_second,
            bytes_per_second: limits.bytes_per_second,
            too_fast: limits.too_fast,
        },
        Effect::Refuse {
            connection,
            status,
            code,
            reason,
        } => ToSidecar::Refuse {
            connection: local(connection),
            status,
            code,
            reason,
        },
        Effect::Send {
            connection,
            message,
        } => ToSidecar::Binary {
            connection: local(connection),
            payload: message,
        },
        Effect::Subscribe { connection, topic } => ToSidecar::Subscribe {
            connection: local(connection),
            topic: topic.0,
        },
        Effect::Publish {
            topic,
            except,
            message,
        } => ToSidecar::Publish {
            topic: topic.0,
            except: except.map_or(0, local),
            payload: message,
        },
        Effect::Close {
            connection,
            code,
            reason,
        } => ToSidecar::Close {
            connection: local(connection),
            code,
            reason,
        },
        _ => return None,
    })
}

fn stopwatch() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_micros().try_into().unwrap_or(u64::MAX)
}

fn now() -> Timestamp {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(elapsed.as_millis().try_into().unwrap_or(u64::MAX))
}
