//! The task of one WebSocket: both directions, pings, and the end.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use kraken_link::ToProcess;
use tokio::time::{Instant, sleep, timeout};

use crate::farewell::{Ending, say_goodbye};
use crate::gateway::Shared;
use crate::incoming::{Incoming, Input, Violation};
use crate::outbox::End;
use crate::place::Place;
use crate::server::ConnectionPermit;
use crate::session::Session;
use crate::switchboard::{Client, Limits};
use crate::writing::Writing;

/// Messages that are read in a row before anything else has its turn.
const READ_BATCH: usize = 64;

/// Runs a client that the process has let in, until its TCP connection can be dropped.
pub(crate) async fn run(
    shared: Arc<Shared>,
    upgrade: OnUpgrade,
    client: Arc<Client>,
    mut place: Place,
    _permit: Option<ConnectionPermit>,
) {
    let Ok(Ok(upgraded)) = timeout(shared.config.head_timeout, upgrade).await else {
        return;
    };
    let mut task = Task {
        session: place.session().clone(),
        stream: TokioIo::new(upgraded),
        incoming: Incoming::new(client.limits.max_message),
        client,
        writing: Writing::default(),
        held: None,
        was_held: false,
        signs: Signs::default(),
        times: Times {
            ping: shared.config.ping_interval,
            close: shared.config.close_timeout,
        },
    };
    drop(shared);
    let ending = task.serve().await;
    place.leave(ending.code());
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
    client: Arc<Client>,
    stream: TokioIo<Upgraded>,
    incoming: Incoming,
    writing: Writing,
    /// A message for which the link has no room. While there is one, the client isn't read.
    held: Option<ToProcess>,
    /// Whether there was one since the last ping.
    was_held: bool,
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
    Room,
    Ended(Ending),
}

impl Task {
    async fn serve(&mut self) -> Ending {
        let client = self.client.clone();
        let mut congestion = self.session.congestion();
        let mut timer = pin!(sleep(first_ping(self.times.ping, client.id)));
        // Set once the process has closed the client. Then the timer is its deadline.
        let mut closing = None;
        loop {
            if self.writing.is_done() {
                match self.writing.fill(&client.outbox) {
                    Some(end) if self.writing.is_done() => return self.end(end),
                    Some(_) | None => {}
                }
            }
            let event = tokio::select! {
                biased;
                () = timer.as_mut() => Event::Timer,
                () = client.outbox.changed() => match client.outbox.end() {
                    Some(End::Overflow) => return self.end(End::Overflow),
                    Some(End::Close { code, .. }) => {
                        if closing.replace(code).is_none() {
                            timer.as_mut().reset(Instant::now() + self.times.close);
                        }
                        Event::Progress
                    }
                    None => Event::Progress,
                },
                event = poll_fn(|cx| self.poll(cx)) => event,
                _ = congestion.wait_for(|congested| !congested), if self.held.is_some() => {
                    Event::Room
                }
            };
            match event {
                Event::Progress => {}
                Event::Room => self.retry(),
                Event::Ended(ending) => return ending,
                Event::Timer => {
                    if let Some(code) = closing {
                        return Ending::Stuck { code };
                    }
                    if !self.ping() {
                        return Ending::Lost;
                    }
                    timer.as_mut().reset(Instant::now() + self.times.ping);
                }
            }
        }
    }

    /// Reads and writes as far as both go.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let read = if self.held.is_some() {
            Poll::Pending
        } else {
            self.poll_read(cx)
        };
        if matches!(read, Poll::Ready(Event::Ended(_))) || self.writing.is_done() {
            return read;
        }
        match self.writing.poll(&mut self.stream, cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Event::Progress),
            Poll::Ready(Err(_)) => Poll::Ready(Event::Ended(Ending::Lost)),
            Poll::Pending => read,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut queued = false;
        let mut result = Poll::Ready(Event::Progress);
        for _ in 0..READ_BATCH {
            let connection = self.client.id;
            let record = match self.incoming.next() {
                Ok(Some(Input::Binary(payload))) => ToProcess::Binary {
                    connection,
                    payload,
                },
                Ok(Some(Input::Text(payload))) => ToProcess::Text {
                    connection,
                    payload,
                },
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
            if !self.offer(record) {
                break;
            }
            queued = true;
        }
        if queued {
            self.session.wake_writer();
        }
        result
    }

    /// Gives a message to the link, or holds it until there is room.
    fn offer(&mut self, record: ToProcess) -> bool {
        let has_room = self.session.try_queue(&record);
        if !has_room {
            self.held = Some(record);
            self.was_held = true;
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
        if self.signs.pinged && !moves && !self.was_held {
            return false;
        }
        self.was_held = self.held.is_some();
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
            End::Close { code, reason } => Ending::Close { code, reason },
            End::Overflow => {
                let code = self.client.limits.overflow;
                Ending::Close {
                    code,
                    reason: "reading too slowly".to_owned(),
                }
            }
        }
    }

    fn explain(&self, violation: Violation) -> Ending {
        let (code, reason) = match violation {
            Violation::TooLarge => {
                let Limits {
                    max_message,
                    too_large,
                    ..
                } = self.client.limits;
                (
                    too_large,
                    format!("message larger than {max_message} bytes"),
                )
            }
            Violation::Protocol => (1002, "WebSocket protocol error".to_owned()),
            Violation::Utf8 => (1007, "text is not UTF-8".to_owned()),
        };
        Ending::Broken { code, reason }
    }
}

/// When the first ping is due: in the second half of the interval, at a different time for each
/// client, so that clients that came at once aren't pinged at once.
fn first_ping(interval: Duration, connection: u32) -> Duration {
    let spread = f64::from(connection.wrapping_mul(0x9E37_79B9)) / f64::from(u32::MAX);
    interval.mul_f64(0.5 + spread / 2.0)
}
