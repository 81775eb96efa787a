//! One life of the link: hello, service, drain.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kraken_link::{ToProcess, ToSidecar, VERSION};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::engine::{Line, News};
use crate::gateway::Shared;
use crate::link::Failure;
use crate::outbox::{End, Outbox, Outgoing};
use crate::session::{Answer, Session, Verdict};
use crate::switchboard::{Client, Limits, Publication, Switchboard};
use crate::{LinkSocket, LinkStatus};

/// How long a shutdown waits for clients to be gone before it goes on.
pub(crate) const CLOSING_TIME: Duration = Duration::from_secs(1);

/// The largest message that is taken from a client, whatever the process says, in bytes.
const MAX_MESSAGE: usize = 100 * 1024 * 1024;

/// Runs one link from hello to its end.
pub(crate) async fn live(shared: &Arc<Shared>, key: Bytes, socket: LinkSocket) -> Failure {
    let session = Session::new(&shared.config);
    let mut life = Life {
        shared,
        session: session.clone(),
        board: Switchboard::default(),
        engine: Line::new(shared.engine.clone()),
        stage: Stage::Hello(Instant::now() + shared.config.welcome_timeout),
        run: Vec::new(),
    };
    let failure = life.serve(key, socket).await;
    shared.set_session(None);
    session.dissolve();
    life.board.restart_all();
    failure
}

async fn write_frames(session: Arc<Session>, sender: mpsc::Sender<Bytes>) {
    while sender.send(session.next_frame().await).await.is_ok() {}
}

struct Life<'a> {
    shared: &'a Arc<Shared>,
    session: Arc<Session>,
    board: Switchboard,
    engine: Line,
    stage: Stage,
    /// Consecutive messages of one topic.
    run: Vec<Publication>,
}

/// What the link is doing, and until when at most.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// The gateway waits for its welcome.
    Hello(Instant),
    Serving,
    /// The gateway stops: clients are being closed.
    Closing(Instant),
    /// The gateway stops: the process stores what it has.
    Draining(Instant),
}

impl Life<'_> {
    async fn serve(&mut self, key: Bytes, mut socket: LinkSocket) -> Failure {
        let shared = self.shared;
        let mut writer = JoinSet::new();
        writer.spawn(write_frames(self.session.clone(), socket.sender));
        self.session.queue(&ToProcess::Hello {
            version: VERSION,
            key,
        });

        let session = self.session.clone();
        let mut records = Vec::new();
        loop {
            let deadline = self.deadline();
            let result = tokio::select! {
                frame = socket.receiver.recv() => match frame {
                    Some(frame) => self.receive(frame, &mut records),
                    None => Err(Failure::Closed),
                },
                () = session.attention() => Ok(()),
                news = self.engine.next(&session), if !matches!(self.stage, Stage::Hello(_)) => {
                    self.tell_of_engine(news);
                    Ok(())
                }
                _ = writer.join_next() => Err(Failure::Closed),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    self.time_out()
                }
                () = shared.stopped(), if !self.is_stopping() => self.stop(),
            };
            if let Err(failure) = result {
                return failure;
            }
            for connection in session.take_departed() {
                self.board.remove(connection);
            }
            session.tell_backlog(|| self.board.backlog());
            if matches!(self.stage, Stage::Closing(_)) && self.board.is_empty() {
                self.drain();
            }
        }
    }

    fn receive(&mut self, frame: Bytes, records: &mut Vec<ToSidecar>) -> Result<(), Failure> {
        let frame_size = frame.len();
        self.session.receive(frame, records)?;
        let mut records = records.drain(..).peekable();
        while let Some(record) = records.next() {
            if let ToSidecar::Publish {
                topic,
                except,
                payload,
            } = record
            {
                let mut run = std::mem::take(&mut self.run);
                run.push(publication(except, payload, frame_size));
                while let Some(ToSidecar::Publish { except, payload, .. }) = records.next_if(
                    |next| matches!(next, ToSidecar::Publish { topic: other, .. } if *other == topic),
                ) {
                    run.push(publication(except, payload, frame_size));
                }
                self.board.publish(topic, &run);
                run.clear();
                self.run = run;
            } else {
                self.handle(record, frame_size)?;
            }
        }
        Ok(())
    }

    fn handle(&mut self, record: ToSidecar, frame_size: usize) -> Result<(), Failure> {
        if matches!(self.stage, Stage::Hello(_)) {
            return self.welcome(record);
        }
        match record {
            ToSidecar::Welcome { .. } => return Err(Failure::Unwelcome),
            ToSidecar::Accept {
                connection,
                max_message,
                too_large,
                overflow,
                messages_per_second,
                bytes_per_second,
                too_fast,
            } => {
                let max_message = usize::try_from(max_message).unwrap_or(MAX_MESSAGE);
                let max_message = max_message.min(MAX_MESSAGE);
                self.accept(
                    connection,
                    Limits {
                        max_message,
                        too_large,
                        overflow,
                        messages_per_second,
                        bytes_per_second,
                        too_fast,
                    },
                );
            }
            ToSidecar::Refuse {
                connection,
                status,
                code,
                reason,
            } => {
                if let Some(handshake) = self.session.take_handshake(connection) {
                    let refusal = Verdict::Refuse {
                        status,
                        code,
                        reason,
                    };
                    // Fails if the client has gone, who needs no answer.
                    let _ = handshake.send(refusal);
                }
            }
            ToSidecar::Close {
                connection,
                code,
                reason,
            } => {
                self.board.close(connection, code, reason);
            }
            ToSidecar::Binary {
                connection,
                payload,
            } => {
                let payload = detach(payload, frame_size);
                self.board.send(connection, Outgoing::Binary(payload));
            }
            ToSidecar::Text {
                connection,
                payload,
            } => {
                let payload = detach(payload, frame_size);
                self.board.send(connection, Outgoing::Text(payload));
            }
            ToSidecar::Subscribe { connection, topic } => self.board.subscribe(connection, topic),
            ToSidecar::Unsubscribe { connection, topic } => {
                self.board.unsubscribe(connection, topic);
            }
            ToSidecar::Publish {
                topic,
                except,
                payload,
            } => {
                let publication = publication(except, payload, frame_size);
                self.board.publish(topic, &[publication]);
            }
            ToSidecar::PublishText {
                topic,
                except,
                payload,
            } => {
                let message = Outgoing::Text(detach(payload, frame_size));
                self.board
                    .publish(topic, &[Publication { except, message }]);
            }
            ToSidecar::Mark { connection } => self.board.send(connection, Outgoing::Mark),
            ToSidecar::Response {
                id,
                status,
                headers,
                body,
            } => {
                if let Some(request) = self.session.take_request(id) {
                    // Fails if the client has gone, who needs no answer.
                    let _ = request.send(Answer {
                        status,
                        headers,
                        body,
                    });
                }
            }
            ToSidecar::Engine { payload } => {
                if !self.engine.send(detach(payload, frame_size)) {
                    self.tell_of_engine(News::Down);
                }
            }
            ToSidecar::Drained => {
                if matches!(self.stage, Stage::Draining(_)) {
                    return Err(Failure::Stopped);
                }
            }
            ToSidecar::Reset { reason } => return Err(Failure::Reset(reason)),
        }
        Ok(())
    }

    fn welcome(&mut self, record: ToSidecar) -> Result<(), Failure> {
        match record {
            ToSidecar::Welcome { version: VERSION } => {
                self.stage = Stage::Serving;
                // Before anything of a client: those who come first find it, too.
                if self.engine.connect() {
                    self.tell_of_engine(News::Up);
                }
                self.shared.set_session(Some(self.session.clone()));
                self.shared.metrics.links.add(1);
                self.shared.status.send_replace(LinkStatus::Up);
                tracing::info!("link is up");
                Ok(())
            }
            ToSidecar::Welcome { version } => Err(Failure::Version(version)),
            ToSidecar::Reset { reason } => Err(Failure::Refused(reason)),
            ToSidecar::Accept { .. }
            | ToSidecar::Refuse { .. }
            | ToSidecar::Close { .. }
            | ToSidecar::Binary { .. }
            | ToSidecar::Text { .. }
            | ToSidecar::Subscribe { .. }
            | ToSidecar::Unsubscribe { .. }
            | ToSidecar::Publish { .. }
            | ToSidecar::PublishText { .. }
            | ToSidecar::Mark { .. }
            | ToSidecar::Response { .. }
            | ToSidecar::Engine { .. }
            | ToSidecar::Drained => Err(Failure::Unwelcome),
        }
    }

    fn tell_of_engine(&self, news: News) {
        self.session.queue(&match news {
            News::Up => ToProcess::EngineUp { is_up: true },
            News::Down => ToProcess::EngineUp { is_up: false },
            News::Said(payload) => ToProcess::Engine { payload },
        });
    }

    fn accept(&mut self, connection: u32, limits: Limits) {
        // Without a handshake that waits, the client has gone and the process is told so.
        if let Some(handshake) = self.session.take_handshake(connection) {
            let outbox = Outbox::new(self.shared.config.max_outbox);
            let client = Arc::new(Client {
                id: connection,
                limits,
                outbox,
            });
            self.board.add(client.clone());
            if self.is_stopping() {
                client.outbox.end_with(End::Restart);
            }
            if handshake.send(Verdict::Accept(client)).is_err() {
                self.board.remove(connection);
            }
        }
    }

    fn is_stopping(&self) -> bool {
        matches!(self.stage, Stage::Closing(_) | Stage::Draining(_))
    }

    fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Hello(at) | Stage::Closing(at) | Stage::Draining(at) => Some(at),
            Stage::Serving => None,
        }
    }

    fn time_out(&mut self) -> Result<(), Failure> {
        match self.stage {
            Stage::Hello(_) => Err(Failure::NoWelcome),
            Stage::Serving => Ok(()),
            Stage::Closing(_) => {
                self.drain();
                Ok(())
            }
            Stage::Draining(_) => {
                tracing::warn!("the process did not finish in time");
                Err(Failure::Stopped)
            }
        }
    }

    fn stop(&mut self) -> Result<(), Failure> {
        if matches!(self.stage, Stage::Hello(_)) {
            return Err(Failure::Stopped);
        }
        self.stage = Stage::Closing(Instant::now() + CLOSING_TIME);
        self.board.restart_all();
        Ok(())
    }

    fn drain(&mut self) {
        self.stage = Stage::Draining(Instant::now() + self.shared.config.drain_timeout);
        self.session.queue(&ToProcess::Drain);
    }
}

fn publication(except: u32, payload: Bytes, frame_size: usize) -> Publication {
    let message = Outgoing::Binary(detach(payload, frame_size));
    Publication { except, message }
}

/// Copies a payload that is a small part of its frame, as one waiting message would keep the whole
/// frame in memory. So what outboxes hold is at most four times what they count.
fn detach(payload: Bytes, frame_size: usize) -> Bytes {
    if payload.len() < frame_size / 4 {
        Bytes::copy_from_slice(&payload)
    } else {
        payload
    }
}
