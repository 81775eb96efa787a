//! The task of one WebSocket: both directions, pings, and the end.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use kraken_link::ToProcess;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::Instrument;

use crate::budget::Budget;
use crate::farewell::{Ending, say_goodbye};
use crate::gateway::Shared;
use crate::incoming::{Incoming, Input, Violation};
use crate::metrics::{Cause, Metrics};
use crate::outbox::End;
use crate::place::Place;
use crate::server::ConnectionPermit;
use crate::session::Session;
use crate::switchboard::{Client, Limits};
use crate::writing::Writing;

/// Messages that are read in a row before anything else has its turn.
const READ_BATCH: usize = 64;

/// The close code "message too big".
const MESSAGE_TOO_BIG: u16 = 1009;

/// The close code "service restart".
const RESTART: u16 = 1012;

/// Runs a client that the process has let in, until its TCP connection can be dropped.
pub(crate) async fn run(
    shared: Arc<Shared>,
    upgrade: OnUpgrade,
    client: Arc<Client>,
    place: Place,
    _permit: Option<ConnectionPermit>,
) {
    let span = tracing::debug_span!("connection", id = client.id);
    attend(shared, upgrade, client, place)
        .instrument(span)
        .await;
}

async fn attend(shared: Arc<Shared>, upgrade: OnUpgrade, client: Arc<Client>, mut place: Place) {
    let Ok(Ok(upgraded)) = timeout(shared.config.head_timeout, upgrade).await else {
        shared.metrics.close(Cause::Lost);
        return;
    };
    tracing::debug!("connection opened");
    let mut task = Task::new(&shared, place.session().clone(), upgraded, client);
    drop(shared);
    let ending = task.serve().await;
    let (code, cause) = (ending.code(), ending.cause());
    tracing::debug!(code, reason = cause.name(), "connection ended");
    task.metrics.close(cause);
    place.leave(code);
    let Task {
        mut stream,
        mut incoming,
        mut writing,
        times,
        ..
    } = task;
    let goodbye = say_goodbye(&mut stream, &mut incoming, &mut writing, ending);
    if timeout(times.close, goodbye).await.is_err() {
        tracing::debug!("dropped a client that did not close in time");
    }
}

struct Task {
    session: Arc<Session>,
    metrics: Arc<Metrics>,
    client: Arc<Client>,
    stream: TokioIo<Upgraded>,
    incoming: Incoming,
    writing: Writing,
    /// A message for which the link has no room. While there is one, the client isn't read.
    held: Option<ToProcess>,
    budget: Budget,
    /// Until when the client isn't read, since its budget is spent.
    rests_until: Option<Instant>,
    /// Whether it ever was.
    was_throttled: bool,
    /// Whether the client wasn't read at some time since the last ping.
    was_unread: bool,
    signs: Signs,
    times: Times,
}

/// What tells a living client from a dead one, as of the last ping.
#[derive(Default)]
struct Signs {
    pinged: bool,
    read: u64,
    written: u64,
}

struct Times {
    ping: Duration,
    close: Duration,
}

enum Event {
    Progress,
    Timer,
    Rested,
    Room,
    Ended(Ending),
}

impl Task {
    fn new(
        shared: &Shared,
        session: Arc<Session>,
        upgraded: Upgraded,
        client: Arc<Client>,
    ) -> Self {
        let (config, limits) = (&shared.config, client.limits);
        Self {
            session,
            metrics: shared.metrics.clone(),
            client,
            stream: TokioIo::new(upgraded),
            incoming: Incoming::new(limits.max_message),
            writing: Writing::default(),
            held: None,
            budget: Budget::new(
                limits.messages_per_second,
                limits.bytes_per_second,
                config.throttle_timeout,
                Instant::now(),
            ),
            rests_until: None,
            was_throttled: false,
            was_unread: false,
            signs: Signs::default(),
            times: Times {
                ping: config.ping_interval,
                close: config.close_timeout,
            },
        }
    }

    async fn serve(&mut self) -> Ending {
        let client = self.client.clone();
        let mut congestion = self.session.congestion();
        let mut timer = pin!(sleep(first_ping(self.times.ping, client.id)));
        // Set once the client is to be closed. Then the timer is its deadline.
        let mut closing = None;
        loop {
            if self.writing.is_done() {
                match self.writing.fill(&client.outbox, &self.metrics.sent) {
                    Some(end) if self.writing.is_done() => return self.end(end),
                    Some(_) | None => {}
                }
            }
            let event = tokio::select! {
                biased;
                () = timer.as_mut() => Event::Timer,
                () = client.outbox.changed() => match client.outbox.end() {
                    Some(End::Overflow) => return self.end(End::Overflow),
                    Some(end @ (End::Close { .. } | End::Restart)) => {
                        if closing.replace(end).is_none() {
                            timer.as_mut().reset(Instant::now() + self.times.close);
                        }
                        Event::Progress
                    }
                    None => Event::Progress,
                },
                () = reached(self.rests_until) => Event::Rested,
                event = poll_fn(|cx| self.poll(cx)) => event,
                _ = congestion.wait_for(|congested| !congested), if self.held.is_some() => {
                    Event::Room
                }
            };
            match event {
                Event::Progress => {}
                Event::Room => self.retry(),
                Event::Rested => {
                    if let Err(ending) = self.rest() {
                        return ending;
                    }
                }
                Event::Ended(ending) => return ending,
                Event::Timer => {
                    if let Some(end) = closing {
                        return self.end(end).stuck();
                    }
                    if !self.ping() {
                        return Ending::Silent;
                    }
                    timer.as_mut().reset(Instant::now() + self.times.ping);
                }
            }
        }
    }

    /// Reads and writes as far as both go.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let read = if self.held.is_some() || self.rests_until.is_some() {
            Poll::Pending
        } else {
            self.poll_read(cx)
        };
        if matches!(read, Poll::Ready(Event::Ended(_))) || self.writing.is_done() {
            return read;
        }
        let written = self.writing.poll(&mut self.stream, cx);
        for _ in 0..self.writing.take_marks() {
            let connection = self.client.id;
            self.session.queue(&ToProcess::Marked { connection });
        }
        match written {
            Poll::Ready(Ok(())) => Poll::Ready(Event::Progress),
            Poll::Ready(Err(_)) => Poll::Ready(Event::Ended(Ending::Lost)),
            Poll::Pending => read,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let (mut messages, mut bytes) = (0, 0);
        let mut result = Poll::Ready(Event::Progress);
        for _ in 0..READ_BATCH {
            let connection = self.client.id;
            let (size, record) = match self.incoming.next() {
                Ok(Some(Input::Binary(payload))) => (
                    payload.len(),
                    ToProcess::Binary {
                        connection,
                        payload,
                    },
                ),
                Ok(Some(Input::Text(payload))) => (
                    payload.len(),
                    ToProcess::Text {
                        connection,
                        payload,
                    },
                ),
                Ok(Some(Input::Ping(payload))) => {
                    self.writing.pong(&payload);
                    continue;
                }
                Ok(Some(Input::Pong)) => continue,
                Ok(Some(Input::Close(code))) => {
                    result = Poll::Ready(Event::Ended(Ending::ByClient { code }));
                    break;
                }
                Ok(None) => match self.incoming.poll_fill(&mut self.stream, cx) {
                    Poll::Ready(Ok(count)) if count > 0 => continue,
                    Poll::Ready(_) => {
                        result = Poll::Ready(Event::Ended(Ending::Lost));
                        break;
                    }
                    Poll::Pending => {
                        result = Poll::Pending;
                        break;
                    }
                },
                Err(violation) => {
                    result = Poll::Ready(Event::Ended(self.explain(violation)));
                    break;
                }
            };
            if messages == 0 {
                // Once for the whole batch, which takes no time to speak of.
                self.budget.refill(Instant::now());
            }
            messages += 1;
            bytes += size;
            self.budget.spend(size);
            if !self.offer(record) {
                break;
            }
            if self.budget.is_spent() {
                if let Err(ending) = self.rest() {
                    result = Poll::Ready(Event::Ended(ending));
                }
                break;
            }
        }
        if messages > 0 {
            self.metrics.received.add(messages, bytes);
            self.session.wake_writer();
        }
        result
    }

    /// Lets the client wait until it has a budget again, if it has none. Fails if it has been
    /// without one for too long.
    fn rest(&mut self) -> Result<(), Ending> {
        match self.budget.wait(Instant::now()) {
            Ok(until) => {
                self.rests_until = until;
                if until.is_some() {
                    self.was_unread = true;
                    if !std::mem::replace(&mut self.was_throttled, true) {
                        self.metrics.throttled.add(1);
                    }
                }
                Ok(())
            }
            Err(too_fast) => Err(Ending::Close {
                code: self.client.limits.too_fast,
                reason: too_fast.to_string(),
                cause: Cause::TooFast,
            }),
        }
    }

    /// Gives a message to the link, or holds it until there is room.
    fn offer(&mut self, record: ToProcess) -> bool {
        let has_room = self.session.try_queue(&record);
        if !has_room {
            self.held = Some(record);
            self.was_unread = true;
        }
        has_room
    }

    fn retry(&mut self) {
        if let Some(record) = self.held.take()
            && self.offer(record)
        {
            self.session.wake_writer();
        }
    }

    /// Sends a ping. Returns false if nothing came since the last one, nor did output go.
    fn ping(&mut self) -> bool {
        let (read, written) = (self.incoming.received(), self.writing.written());
        let is_writing = !self.writing.is_done();
        let moves = read != self.signs.read || is_writing && written != self.signs.written;
        if self.signs.pinged && !moves && !self.was_unread {
            return false;
        }
        self.was_unread = self.held.is_some() || self.rests_until.is_some();
        self.signs = Signs {
            pinged: true,
            read,
            written,
        };
        if !is_writing {
            self.writing.ping();
        }
        true
    }

    fn end(&self, end: End) -> Ending {
        match end {
            End::Close { code, reason } => Ending::Close {
                code,
                reason,
                cause: Cause::Process,
            },
            End::Overflow => Ending::Close {
                code: self.client.limits.overflow,
                reason: "reading too slowly".to_owned(),
                cause: Cause::Slow,
            },
            End::Restart => Ending::Close {
                code: RESTART,
                reason: "service restart".to_owned(),
                cause: Cause::Link,
            },
        }
    }

    fn explain(&self, violation: Violation) -> Ending {
        let (code, reason, cause) = match violation {
            Violation::TooLarge => {
                let Limits {
                    max_message,
                    too_large,
                    ..
                } = self.client.limits;
                let reason = match too_large {
                    // A code of the protocol itself, which says all.
                    MESSAGE_TOO_BIG => String::new(),
                    _ => format!("message larger than {max_message} bytes"),
                };
                (too_large, reason, Cause::TooLarge)
            }
            Violation::Protocol => {
                let reason = "WebSocket protocol error".to_owned();
                (1002, reason, Cause::Protocol)
            }
            Violation::Utf8 => (1007, "text is not UTF-8".to_owned(), Cause::Protocol),
        };
        Ending::Broken {
            code,
            reason,
            cause,
        }
    }
}

/// Waits for a time, for ever if there is none.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// When the first ping is due: in the second half of the interval, at a different time for each
/// client, so that clients that came at once aren't pinged at once.
fn first_ping(interval: Duration, connection: u32) -> Duration {
    let spread = f64::from(connection.wrapping_mul(0x9E37_79B9)) / f64::from(u32::MAX);
    interval.mul_f64(0.5 + spread / 2.0)
}
