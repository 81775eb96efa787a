//! What a process has sent and received: which response belongs to which
//! request, whom a response goes to, which blob is the current one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::outstanding::{Outstanding, Sent};
use super::{OnExit, Process};
use crate::hazard::Hazard;
use crate::id::{ProcessId, random_id};
use crate::kernel::Kernel;
use crate::kernel::mailbox::{Interrupt, Wait};
use crate::message::{Blob, Capability, Envelope, Message, Request, Response};

/// How many messages are put aside while the process awaits a response. A real
/// node has no bound there.
const ASIDE: usize = 10_000;

pub(crate) struct Exchange {
    pub(super) kernel: Arc<Kernel>,
    pub(super) process: ProcessId,
    pub(super) on_exit: OnExit,
    itself: Arc<Process>,
    received_before: bool,
    /// The request that a response of the process would answer.
    prompt: Option<Prompt>,
    last_blob: Option<Blob>,
    last_had_blob: bool,
    /// The capabilities that came with the message received last.
    offered: Vec<Capability>,
    outstanding: Outstanding,
    aside: VecDeque<Incoming>,
}

/// Where a message is sent to: processes of other nodes can't be reached.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) node: Option<String>,
    pub(super) process: ProcessId,
}

/// What a process receives.
pub(super) enum Received {
    Request(ProcessId, Request),
    Response(ProcessId, Response, Option<Vec<u8>>),
    Failed(Failure, Option<Vec<u8>>),
}

/// A request that got no response.
pub(super) struct Failure {
    pub(super) offline: bool,
    pub(super) target: Target,
    pub(super) request: Request,
    pub(super) blob: Option<Blob>,
}

/// A request that may be answered.
#[derive(Clone)]
pub(super) struct Prompt {
    id: u64,
    source: ProcessId,
    rsvp: Option<ProcessId>,
}

enum Incoming {
    Message(Envelope),
    Failed { id: u64, offline: bool },
}

impl Incoming {
    fn id(&self) -> u64 {
        match self {
            Self::Message(envelope) => envelope.id,
            Self::Failed { id, .. } => *id,
        }
    }
}

impl Exchange {
    pub(super) fn new(kernel: Arc<Kernel>, itself: Arc<Process>, on_exit: OnExit) -> Self {
        Self {
            kernel,
            process: itself.id.clone(),
            on_exit,
            itself,
            received_before: false,
            prompt: None,
            last_blob: None,
            last_had_blob: false,
            offered: Vec::new(),
            outstanding: Outstanding::default(),
            aside: VecDeque::new(),
        }
    }

    /// The process as the guest writes it: `node@process:package:publisher`.
    pub(super) fn our_address(&self) -> String {
        format!("{}@{}", self.kernel.our, self.process)
    }

    /// Waits for the next message.
    pub(super) fn receive(&mut self) -> Result<Received, Interrupt> {
        if !self.received_before {
            self.received_before = true;
            self.itself.is_receiving();
        }
        loop {
            let incoming = match self.aside.pop_front() {
                Some(incoming) => incoming,
                None => self.ingest()?,
            };
            if let Some(received) = self.accept(incoming) {
                return Ok(received);
            }
        }
    }

    /// Sends a request, then waits for its response and puts the rest aside.
    pub(super) fn send_and_receive(
        &mut self,
        target: Target,
        request: Request,
        blob: Option<Blob>,
    ) -> wasmtime::Result<Received> {
        if request.expects_response.is_none() {
            wasmtime::bail!("awaited the response to a request that expects none");
        }
        if target.node.is_none() && target.process == self.process {
            wasmtime::bail!("awaited a response of itself");
        }
        if self.received_before && self.itself.mailbox.is_full() {
            self.kernel.hazards.record(Hazard::AwaitedWithFullMailbox {
                process: self.process.clone(),
                target: target.process.clone(),
            });
        }
        let id = self.send(target, request, None, blob)?;
        loop {
            let found = self.aside.iter().position(|incoming| incoming.id() == id);
            let incoming = match found.and_then(|index| self.aside.remove(index)) {
                Some(incoming) => Some(incoming),
                None => self.await_response(id)?,
            };
            match incoming.and_then(|incoming| self.accept(incoming)) {
                // What a socket says has the id of the request that opened it.
                Some(Received::Request(..)) => {
                    wasmtime::bail!("received a request instead of the response awaited")
                }
                Some(received) => return Ok(received),
                None => {}
            }
        }
    }

    /// Sends a request and doesn't wait. Gives its id.
    pub(super) fn send(
        &mut self,
        target: Target,
        request: Request,
        context: Option<Vec<u8>>,
        blob: Option<Blob>,
    ) -> wasmtime::Result<u64> {
        let prompt = self.prompt.as_ref().filter(|_| request.inherit);
        let id = prompt.map_or_else(random_id, |prompt| prompt.id);
        let rsvp = match request.expects_response {
            Some(_) => Some(self.process.clone()),
            None => prompt.and_then(|prompt| prompt.rsvp.clone()),
        };
        let blob = match blob {
            None if request.inherit => self.last_blob.clone(),
            blob => blob,
        };
        if let Some(seconds) = request.expects_response {
            let sent = Sent {
                prompt: self.prompt.clone(),
                context,
                target: target.clone(),
                request: request.clone(),
                blob: blob.clone(),
            };
            self.outstanding
                .add(id, Duration::from_secs(seconds), sent)?;
        }
        if target.node.is_some() {
            if request.expects_response.is_some() {
                self.aside.push_back(Incoming::Failed { id, offline: true });
            }
            return Ok(id);
        }
        self.kernel.send_blocking(Envelope {
            id,
            source: self.process.clone(),
            target: target.process,
            rsvp,
            message: Message::Request(request),
            blob,
        });
        Ok(id)
    }

    /// Answers the request that is being handled.
    pub(super) fn respond(&mut self, response: Response, blob: Option<Blob>) {
        let Some(prompt) = &self.prompt else {
            tracing::warn!(process = %self.process, "responded, but to no request");
            return;
        };
        let blob = match response.inherit {
            true => self.last_blob.clone(),
            false => blob,
        };
        self.kernel.send_blocking(Envelope {
            id: prompt.id,
            source: self.process.clone(),
            target: prompt.rsvp.as_ref().unwrap_or(&prompt.source).clone(),
            rsvp: None,
            message: Message::Response(response),
            blob,
        });
    }

    /// The blob of the message received last, if that message had one.
    pub(super) fn blob(&self) -> Option<&Blob> {
        self.last_blob.as_ref().filter(|_| self.last_had_blob)
    }

    /// The last blob received.
    pub(super) fn last_blob(&self) -> Option<&Blob> {
        self.last_blob.as_ref()
    }

    /// Whether the process may keep a capability: one of its own, or one that
    /// just came with a message.
    pub(super) fn may_save(&self, capability: &Capability) -> bool {
        capability.issuer == self.process || self.offered.contains(capability)
    }

    /// Takes the next message of the mailbox, or a timeout. Responses that
    /// nobody waits for are thrown away.
    fn ingest(&mut self) -> Result<Incoming, Interrupt> {
        loop {
            let deadline = self.outstanding.first_deadline();
            if let Some((deadline, id)) = deadline
                && Instant::now() >= deadline
                && !self.itself.mailbox.has_response(id)
            {
                return Ok(Incoming::Failed { id, offline: false });
            }
            match self.itself.mailbox.wait(deadline.map(|(at, _)| at)) {
                Wait::Interrupted(interrupt) => return Err(interrupt),
                Wait::Deadline => {}
                Wait::Message(envelope) => {
                    let wanted = match envelope.message {
                        Message::Request(_) => true,
                        Message::Response(_) => self.outstanding.contains(envelope.id),
                    };
                    if wanted {
                        return Ok(Incoming::Message(envelope));
                    }
                }
            }
        }
    }

    fn await_response(&mut self, id: u64) -> wasmtime::Result<Option<Incoming>> {
        if self.aside.len() >= ASIDE {
            return Ok(Some(Incoming::Failed { id, offline: false }));
        }
        let incoming = self
            .ingest()
            .map_err(|interrupt| wasmtime::format_err!("interrupted: {interrupt:?}"))?;
        if incoming.id() == id {
            return Ok(Some(incoming));
        }
        if let Incoming::Failed { id, .. } = incoming {
            // It stays outstanding until it is received, but expires only once.
            self.outstanding.forget_deadline(id);
        }
        self.aside.push_back(incoming);
        Ok(None)
    }

    /// Makes a message the current one.
    fn accept(&mut self, incoming: Incoming) -> Option<Received> {
        match incoming {
            Incoming::Failed { id, offline } => {
                let sent = self.outstanding.remove(id)?;
                self.prompt = sent.prompt;
                self.last_had_blob = false;
                let failure = Failure {
                    offline,
                    target: sent.target,
                    request: sent.request,
                    blob: sent.blob,
                };
                Some(Received::Failed(failure, sent.context))
            }
            Incoming::Message(envelope) => {
                let expects_response = envelope.expects_response();
                match envelope.message {
                    Message::Request(request) => {
                        self.keep_blob(envelope.blob);
                        self.offered.clone_from(&request.capabilities);
                        if expects_response {
                            self.prompt = Some(Prompt {
                                id: envelope.id,
                                source: envelope.source.clone(),
                                rsvp: envelope.rsvp,
                            });
                        }
                        Some(Received::Request(envelope.source, request))
                    }
                    Message::Response(response) => {
                        let sent = self.outstanding.remove(envelope.id)?;
                        self.keep_blob(envelope.blob);
                        self.offered.clone_from(&response.capabilities);
                        self.prompt = sent.prompt;
                        Some(Received::Response(envelope.source, response, sent.context))
                    }
                }
            }
        }
    }

    fn keep_blob(&mut self, blob: Option<Blob>) {
        self.last_had_blob = blob.is_some();
        if blob.is_some() {
            self.last_blob = blob;
        }
    }
}
