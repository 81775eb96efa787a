//! Carries messages between a process and the workers' calls.

use super::Desk;
use super::desk::Arrival;
use super::line::{Ear, Line, Said};
use super::problem::{Refusal, about, of_id};
use super::questions;
use crate::directory::WorkerIndex;
use crate::engine::Shared;
use crate::worker::Overloaded;
use bytes::Bytes;
use kraken_call::{Answer, FromClient, FromEngine, Problem, Question, ToEngine};
use kraken_sfu::{RoomId, Sfu};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Notify, Semaphore, mpsc};

/// Messages that may wait for the engine, or for the process.
const WAITING: usize = 1_024;
/// Questions that may be answered at a time.
const MOST_QUESTIONS: usize = 256;
/// Bytes of one message.
const LONGEST: usize = 2 * 1_024 * 1_024;

/// A process's way to an engine. If `receiver` ends, the engine has stopped, somebody else has
/// connected, or too much has waited to be received: whoever is in a call has to join again. If
/// either half is dropped, all members are gone for the engine, and their media goes on.
#[derive(Debug)]
pub struct CallSocket {
    /// Takes [`ToEngine`] as JSON, one message each.
    pub sender: mpsc::Sender<Bytes>,
    /// Gives [`FromEngine`] as JSON, one message each.
    pub receiver: mpsc::Receiver<Bytes>,
}

/// Tells a bridge to end.
pub(crate) type Cut = Arc<Notify>;

/// Connects a process to all workers. `None` if a worker can't be reached.
pub(crate) fn connect(shared: Arc<Shared>) -> Option<(CallSocket, Cut)> {
    let (line, ear) = Line::new();
    for worker in shared.workers() {
        let line = line.clone();
        let attached = worker.tell(move |desk, sfu, now| desk.attach(sfu, now, line));
        attached.ok()?;
    }
    let (sender, from_process) = mpsc::channel(WAITING);
    let (to_process, receiver) = mpsc::channel(WAITING);
    let cut = ear.cut.clone();
    let bridge = Bridge {
        shared,
        line,
        ear,
        from_process,
        next: None,
        members: BTreeMap::new(),
        questions: Arc::new(Semaphore::new(MOST_QUESTIONS)),
    };
    tokio::spawn(bridge.run(to_process));
    Some((CallSocket { sender, receiver }, cut))
}

struct Bridge {
    shared: Arc<Shared>,
    line: Line,
    ear: Ear,
    from_process: mpsc::Receiver<Bytes>,
    /// What the process is told next.
    next: Option<Bytes>,
    /// On which worker each member is.
    members: BTreeMap<u64, WorkerIndex>,
    questions: Arc<Semaphore>,
}

impl Bridge {
    async fn run(mut self, to_process: mpsc::Sender<Bytes>) {
        let shared = self.shared.clone();
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => return,
                () = self.ear.cut.notified() => return,
                message = self.from_process.recv() => match message {
                    Some(message) if self.take(&message).is_ok() => {}
                    Some(_) | None => return,
                },
                permit = to_process.reserve(), if self.next.is_some() => {
                    let (Ok(permit), Some(message)) = (permit, self.next.take()) else {
                        return;
                    };
                    permit.send(message);
                }
                Some(said) = self.ear.receiver.recv(), if self.next.is_none() => {
                    self.next = self.write(&said);
                }
                () = to_process.closed() => return,
            }
        }
    }

    fn write(&mut self, said: &Said) -> Option<Bytes> {
        if let Some(member) = said.forgotten {
            self.members.remove(&member);
        }
        match serde_json::to_vec(&said.message) {
            Ok(message) => Some(message.into()),
            Err(error) => {
                tracing::error!(%error, "a message for the process can't be written");
                None
            }
        }
    }

    /// Takes a message of the process. One that isn't understood costs nothing but itself; but if
    /// a worker can't take one, what it knows of its members is no longer right.
    fn take(&mut self, message: &[u8]) -> Result<(), Overloaded> {
        if message.len() > LONGEST {
            tracing::warn!(
                bytes = message.len(),
                "a message of the process is too long"
            );
            return Ok(());
        }
        match serde_json::from_slice(message) {
            Ok(message) => self.obey(message),
            Err(error) => {
                tracing::warn!(%error, "a message of the process isn't understood");
                Ok(())
            }
        }
    }

    fn obey(&mut self, message: ToEngine) -> Result<(), Overloaded> {
        match message {
            ToEngine::Join {
                member,
                room,
                join,
                rights,
                limits,
            } => match RoomId::of_call(&room) {
                Ok(room) => self.join(Arrival {
                    member,
                    room,
                    join,
                    rights,
                    limits,
                }),
                Err(error) => {
                    self.line.refuse(member, about(of_id(&error), "join"));
                    Ok(())
                }
            },
            ToEngine::Say { member, message } => {
                let is_last = matches!(message, FromClient::Leave {});
                let told = self.on_member(member, move |desk, sfu, now| {
                    desk.say(sfu, now, member, message);
                });
                if is_last {
                    self.members.remove(&member);
                }
                told
            }
            ToEngine::Gone { member } => self.lose(member),
            ToEngine::Ask { request, question } => {
                self.ask(request, question);
                Ok(())
            }
        }
    }

    fn join(&mut self, arrival: Arrival) -> Result<(), Overloaded> {
        let member = arrival.member;
        self.lose(member)?;
        let visit = self.shared.visit(&arrival.room);
        self.members.insert(member, visit.worker);
        self.on_member(member, move |desk, sfu, now| {
            desk.join(sfu, now, arrival);
            drop(visit);
        })
    }

    fn lose(&mut self, member: u64) -> Result<(), Overloaded> {
        let told = self.on_member(member, move |desk, sfu, now| desk.lose(sfu, now, member));
        self.members.remove(&member);
        told
    }

    /// Lets the worker on which a member is do something. Nothing happens if it was forgotten.
    fn on_member(
        &self,
        member: u64,
        work: impl FnOnce(&mut Desk, &mut Sfu, Instant) + Send + 'static,
    ) -> Result<(), Overloaded> {
        let worker = self.members.get(&member);
        match worker.and_then(|worker| self.shared.worker(*worker)) {
            Some(worker) => worker.tell(work),
            None => Ok(()),
        }
    }

    /// Answers a question as soon as the answer is there.
    fn ask(&self, request: u64, question: Question) {
        let line = self.line.clone();
        let Ok(permit) = self.questions.clone().try_acquire_owned() else {
            tell(&line, request, Err(Refusal::Overloaded.into()));
            return;
        };
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let answer = questions::answer(&shared, question).await;
            tell(&line, request, answer);
            drop(permit);
        });
    }
}

fn tell(line: &Line, request: u64, answer: Result<Answer, Problem>) {
    line.say(Said {
        message: FromEngine::Answer { request, answer },
        forgotten: None,
    });
}
