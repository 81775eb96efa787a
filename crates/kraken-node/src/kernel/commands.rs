//! `kernel:distro:sys`: the commands with which an app store, or a test,
//! installs, grants and kills.
//!
//! Whoever may send to the kernel may do all of it to everybody, as on a real
//! node. What only the runtime itself sends there (`Booted`, `Shutdown`) and
//! what prints are not imitated.

use std::sync::Arc;

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{Kernel, Service};
use crate::id::{ProcessId, random_id};
use crate::message::{Capability, Envelope, Message, Request};
use crate::process::{OnExit, Process, Start};

/// In the metadata of a request to kill: others keep what the process issued.
const NO_REVOKE: &str = "no-revoke";

#[derive(Deserialize)]
enum Command {
    InitializeProcess(Box<Initialize>),
    GrantCapabilities(Capabilities),
    DropCapabilities(Capabilities),
    RunProcess(ProcessId),
    KillProcess(ProcessId),
    Debug(IgnoredAny),
    Booted,
    Shutdown,
}

/// A process to be, whose component is in the blob.
#[derive(Deserialize)]
struct Initialize {
    id: ProcessId,
    on_exit: ExitWish,
    initial_capabilities: Vec<Named>,
    public: bool,
}

#[derive(Deserialize)]
struct Capabilities {
    target: ProcessId,
    capabilities: Vec<Named>,
}

#[derive(Deserialize)]
enum ExitWish {
    None,
    Restart,
    Requests(IgnoredAny),
}

/// A capability in a command.
#[derive(Deserialize)]
struct Named {
    #[serde(deserialize_with = "address")]
    issuer: (String, ProcessId),
    params: String,
}

impl Kernel {
    /// Does what a process commands.
    pub(super) fn command(self: &Arc<Self>, envelope: &Envelope) {
        let Message::Request(request) = &envelope.message else {
            return;
        };
        let command = match serde_json::from_slice(&request.body) {
            Ok(command) => command,
            Err(error) => {
                tracing::warn!(source = %envelope.source, %error, "the kernel got a malformed command");
                return;
            }
        };
        let answer = match command {
            Command::InitializeProcess(wish) => Some(self.initialize(envelope, *wish)),
            Command::GrantCapabilities(Capabilities {
                target,
                capabilities,
            }) => {
                if Service::named(&target).is_some() || self.process(&target).is_some() {
                    for named in capabilities {
                        self.rights.grant(&target, self.capability(named));
                    }
                }
                None
            }
            Command::DropCapabilities(Capabilities {
                target,
                capabilities,
            }) => {
                for named in capabilities {
                    self.rights.drop(&target, &self.capability(named));
                }
                None
            }
            Command::RunProcess(id) => Some(self.run(id)),
            Command::KillProcess(id) => {
                self.kill(&id, request.metadata.as_deref() != Some(NO_REVOKE))
            }
            Command::Debug(_) | Command::Booted | Command::Shutdown => {
                tracing::warn!(source = %envelope.source, "this kernel doesn't know the command");
                None
            }
        };
        if let Some(answer) = answer
            && envelope.expects_response()
        {
            self.answer(envelope.answer(answer.to_string().into_bytes(), None));
        }
    }

    /// Prepares a process. It gets those capabilities that its maker holds, and
    /// both get to message it.
    fn initialize(&self, envelope: &Envelope, wish: Initialize) -> Value {
        let refused = json!("InitializeProcessError");
        let (Some(blob), Some(on_exit)) = (&envelope.blob, wish.on_exit.known()) else {
            return refused;
        };
        let program = match self.host.compile(&blob.bytes) {
            Ok(program) => program,
            Err(error) => {
                tracing::warn!(process = %wish.id, "isn't a process: {error:#}");
                return refused;
            }
        };
        let start = Start {
            id: wish.id.clone(),
            program,
            on_exit,
            public: wish.public,
            scratch: self.vfs.scratch(&wish.id.package_id()),
        };
        if Process::prepare(self, start).is_none() {
            return refused;
        }
        for named in wish.initial_capabilities {
            let capability = self.capability(named);
            if self.rights.holds(&envelope.source, &capability) {
                self.rights.grant(&wish.id, capability);
            } else {
                tracing::warn!(source = %envelope.source, ?capability, "gives what it doesn't hold");
            }
        }
        let messaging = self.rights.messaging(wish.id.clone());
        self.rights.grant(&wish.id, messaging.clone());
        self.rights.grant(&envelope.source, messaging);
        json!("InitializedProcess")
    }

    /// Launches a process that was prepared. One that runs gets a request with
    /// the word instead.
    fn run(self: &Arc<Self>, id: ProcessId) -> Value {
        let refused = json!("RunProcessError");
        let Some(process) = self.process(&id) else {
            return refused;
        };
        match process.launch(self) {
            Ok(true) => {}
            Ok(false) => self.answer(Envelope {
                id: random_id(),
                source: ProcessId::system("kernel"),
                target: id,
                rsvp: None,
                message: Message::Request(Request {
                    body: "run".into(),
                    ..Request::default()
                }),
                blob: None,
            }),
            Err(error) => {
                tracing::error!(process = %id, %error, "can't be launched");
                return refused;
            }
        }
        json!("StartedProcess")
    }

    /// Kills a process, if there is one. Its sockets stay, and what it has bound.
    fn kill(&self, id: &ProcessId, revoke: bool) -> Option<Value> {
        let process = self.process(id)?;
        process.kill(self);
        self.rights.forget(id);
        if revoke {
            self.rights.revoke(id);
        }
        Some(json!({ "KilledProcess": id.to_string() }))
    }

    fn capability(&self, named: Named) -> Capability {
        let (node, issuer) = named.issuer;
        Capability {
            node: match node.as_str() {
                "our" => self.our.as_ref().to_owned(),
                _ => node,
            },
            issuer,
            params: named.params,
        }
    }
}

impl ExitWish {
    /// Requests on exit can only be set by the process itself here.
    fn known(self) -> Option<OnExit> {
        match self {
            Self::None => Some(OnExit::None),
            Self::Restart => Some(OnExit::Restart),
            Self::Requests(_) => None,
        }
    }
}

/// Parses `node@process:package:publisher`.
fn address<'de, D: Deserializer<'de>>(from: D) -> Result<(String, ProcessId), D::Error> {
    let text = String::deserialize(from)?;
    let (node, process) = text
        .split_once('@')
        .ok_or_else(|| D::Error::custom("an address has an @"))?;
    Ok((node.to_owned(), process.parse().map_err(D::Error::custom)?))
}
