//! The kernel: who exists, who may send to whom, and the way there.
//!
//! A message to a service is handled at once, on the thread of its sender. A
//! message to a process goes into its mailbox; when that is full, a task awaits
//! room and a process thread blocks, but never for ever.

mod commands;
pub(crate) mod mailbox;
pub(crate) mod rights;
pub(crate) mod state;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use self::rights::Rights;
use self::state::States;
use crate::hazard::{Hazard, Hazards};
use crate::http_client::HttpClient;
use crate::http_server::HttpServer;
use crate::id::{ProcessId, random_id};
use crate::message::{Envelope, Message};
use crate::node::NodeConfig;
use crate::process::Process;
use crate::process::engine::Host;
use crate::sqlite::Sqlite;
use crate::timer::Timer;
use crate::vfs::Vfs;

/// How long a process waits for room in another one's mailbox.
const STUCK_AFTER: Duration = Duration::from_secs(5);
/// The longest that a request is held back, in microseconds.
const MOST_HELD_BACK: u64 = 5_000;
/// How many requests one service has under way at most.
pub(crate) const SERVICE_REQUESTS: usize = 10_000;

pub(crate) struct Kernel {
    /// The name of the node.
    pub(crate) our: Arc<str>,
    pub(crate) runtime: Handle,
    pub(crate) hazards: Hazards,
    pub(crate) rights: Rights,
    pub(crate) states: States,
    pub(crate) http_client: HttpClient,
    pub(crate) http_server: HttpServer,
    pub(crate) vfs: Vfs,
    pub(crate) host: Host,
    sqlite: Sqlite,
    timer: Timer,
    disorder: bool,
    processes: RwLock<HashMap<ProcessId, Arc<Process>>>,
    /// Requests that came from outside of any process, by their ids.
    callers: Mutex<HashMap<u64, oneshot::Sender<Envelope>>>,
}

/// A mailbox is full.
struct Full {
    process: Arc<Process>,
    envelope: Envelope,
}

#[derive(Clone, Copy)]
enum Service {
    HttpClient,
    HttpServer,
    Kernel,
    Sqlite,
    Timer,
    Vfs,
}

impl Kernel {
    /// Sets up the services in the home folder. Must be called in a runtime.
    pub(crate) fn start(config: &NodeConfig) -> anyhow::Result<Arc<Self>> {
        let (our, home) = (config.name.as_str(), config.home.as_path());
        let runtime = Handle::try_current()?;
        Ok(Arc::new(Self {
            our: our.into(),
            http_client: HttpClient::start(&runtime),
            runtime,
            disorder: config.disorder,
            hazards: Hazards::default(),
            rights: Rights::new(our),
            states: States::open(&home.join("kernel").join("state"))?,
            http_server: HttpServer::start(our, home, config.login_secret.clone())?,
            vfs: Vfs::open(&home.join("vfs"))?,
            host: Host::new(config)?,
            sqlite: Sqlite::open(&home.join("sqlite"), config.databases.clone())?,
            timer: Timer::new(),
            processes: RwLock::default(),
            callers: Mutex::default(),
        }))
    }

    /// Sends from a task; awaits room in the mailbox.
    pub(crate) async fn send(self: &Arc<Self>, envelope: Envelope) {
        if !self
            .rights
            .allow(&envelope, self.is_public(&envelope.target))
        {
            return;
        }
        self.send_unchecked(envelope).await;
    }

    /// As [`Self::send`], for what the kernel itself sends.
    pub(crate) async fn send_unchecked(self: &Arc<Self>, envelope: Envelope) {
        if let Err(full) = self.dispatch(envelope) {
            // A closed mailbox is one whose process has ended.
            let _ = full.process.mailbox.push(full.envelope).await;
        }
    }

    /// Sends from the thread of a process; blocks while the mailbox is full.
    pub(crate) fn send_blocking(self: &Arc<Self>, envelope: Envelope) {
        if !self
            .rights
            .allow(&envelope, self.is_public(&envelope.target))
        {
            return;
        }
        let Err(full) = self.dispatch(envelope) else {
            return;
        };
        let source = full.envelope.source.clone();
        let target = full.envelope.target.clone();
        if source == target {
            self.force(&full.process, full.envelope);
            return;
        }
        let sent = self.runtime.block_on(async {
            tokio::time::timeout(STUCK_AFTER, full.process.mailbox.push(full.envelope)).await
        });
        if sent.is_err() {
            self.hazards.record(Hazard::StuckSending {
                process: source,
                target,
            });
        }
    }

    /// Sends the answer of a service without ever waiting: the one who asked may
    /// be the thread that this runs on.
    pub(crate) fn answer(self: &Arc<Self>, envelope: Envelope) {
        if !self
            .rights
            .allow(&envelope, self.is_public(&envelope.target))
        {
            return;
        }
        if let Err(full) = self.dispatch(envelope) {
            self.force(&full.process, full.envelope);
        }
    }

    /// A place for a request among those that a service works on, if one is free.
    pub(crate) fn slot(
        &self,
        slots: &Arc<Semaphore>,
        request: &Envelope,
    ) -> Option<OwnedSemaphorePermit> {
        let slot = slots.clone().try_acquire_owned().ok();
        if slot.is_none() {
            self.hazards.record(Hazard::TooManyRequests {
                process: request.source.clone(),
                target: request.target.clone(),
            });
        }
        slot
    }

    /// Lets a request to a service be overtaken, if the node is set up so.
    pub(crate) fn hold_back(&self) -> impl Future<Output = ()> + use<> {
        let pause = self.disorder.then(|| random_id() % MOST_HELD_BACK);
        async move {
            if let Some(microseconds) = pause {
                tokio::time::sleep(Duration::from_micros(microseconds)).await;
            }
        }
    }

    /// Sends a request from outside of any process, and awaits the response.
    pub(crate) async fn call(self: &Arc<Self>, envelope: Envelope) -> Option<Envelope> {
        let (sender, receiver) = oneshot::channel();
        let id = envelope.id;
        self.callers.lock().insert(id, sender);
        let _forget = Forget { kernel: self, id };
        self.send_unchecked(envelope).await;
        receiver.await.ok()
    }

    pub(crate) fn add(&self, process: Arc<Process>) -> bool {
        let mut processes = self.processes.write();
        let id = process.id.clone();
        match processes.entry(id) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(process);
                true
            }
        }
    }

    /// Removes a process, but not another one that has taken its name.
    pub(crate) fn remove(&self, process: &Arc<Process>) {
        let mut processes = self.processes.write();
        if let Some(named) = processes.get(&process.id)
            && Arc::ptr_eq(named, process)
        {
            processes.remove(&process.id);
        }
    }

    pub(crate) fn process(&self, id: &ProcessId) -> Option<Arc<Process>> {
        self.processes.read().get(id).cloned()
    }

    pub(crate) fn processes(&self) -> Vec<Arc<Process>> {
        self.processes.read().values().cloned().collect()
    }

    #[expect(clippy::result_large_err, reason = "the message comes back")]
    fn dispatch(self: &Arc<Self>, envelope: Envelope) -> Result<(), Full> {
        if let Some(service) = Service::named(&envelope.target) {
            match service {
                Service::HttpClient => self.http_client.handle(self, envelope),
                Service::HttpServer => self.http_server.handle(self, envelope),
                Service::Kernel => self.command(&envelope),
                Service::Sqlite => self.sqlite.handle(self, envelope),
                Service::Timer => self.timer.handle(self, envelope),
                Service::Vfs => self.vfs.handle(self, envelope),
            }
            return Ok(());
        }
        if let Some(process) = self.process(&envelope.target) {
            return process
                .mailbox
                .try_push(envelope)
                .map_err(|envelope| Full { process, envelope });
        }
        let caller = match &envelope.message {
            Message::Response(_) => self.callers.lock().remove(&envelope.id),
            Message::Request(_) => None,
        };
        match caller {
            Some(caller) => {
                let _ = caller.send(envelope);
            }
            None => tracing::debug!(
                source = %envelope.source,
                target_process = %envelope.target,
                "dropped a message to a process that doesn't exist"
            ),
        }
        Ok(())
    }

    fn force(&self, process: &Process, envelope: Envelope) {
        if process.mailbox.force(envelope).is_err() {
            self.hazards.record(Hazard::OverfilledOwnMailbox {
                process: process.id.clone(),
            });
        }
    }

    fn is_public(&self, target: &ProcessId) -> bool {
        match Service::named(target) {
            Some(service) => service.is_public(),
            None => self
                .processes
                .read()
                .get(target)
                // Nothing is protected by a process that isn't there.
                .is_none_or(|process| process.public),
        }
    }
}

impl Service {
    fn named(id: &ProcessId) -> Option<Self> {
        if id.package() != "distro" || id.publisher() != "sys" {
            return None;
        }
        match id.process() {
            "http-client" => Some(Self::HttpClient),
            "http-server" => Some(Self::HttpServer),
            "kernel" => Some(Self::Kernel),
            "sqlite" => Some(Self::Sqlite),
            "timer" => Some(Self::Timer),
            "vfs" => Some(Self::Vfs),
            _ => None,
        }
    }

    fn is_public(self) -> bool {
        matches!(self, Self::Timer)
    }
}

struct Forget<'a> {
    kernel: &'a Kernel,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.kernel.callers.lock().remove(&self.id);
    }
}
