//! The node: the part that a program sees.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::hazard::Hazard;
use crate::http_server::{self, Extension};
use crate::id::{ProcessId, random_id};
use crate::kernel::Kernel;
use crate::kernel::mailbox::Interrupt;
use crate::message::{Capability, Envelope, Message, Request};
use crate::package::{Manifest, Named, Package};
use crate::process::{Phase, Process, Start};

/// How long a process may take to end when the node shuts down.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// How a node is set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeConfig {
    /// The name of the node, such as `example.os`.
    pub name: String,
    /// The folder for all that the node keeps. It is created if need be.
    pub home: PathBuf,
    /// How much memory each process may use, in bytes. The default is 1 GiB.
    pub process_memory: usize,
    /// Whether a process can be stopped that goes on without ever calling the node, as it is by
    /// default. The checks for that cost it a sixth of its speed; without them such a process
    /// ends with the program.
    pub preemption: bool,
    /// Whether requests to `sqlite` and `vfs` are held back at random, by up to
    /// 5 ms. A real node promises no order of them, but mostly keeps it; with
    /// this a process that relies on the order fails its tests. Off by default.
    pub disorder: bool,
    /// A folder for compiled components, which may be shared by nodes of one user. Without one,
    /// the default, each start compiles anew.
    pub cache: Option<PathBuf>,
    /// Folders for databases that are not to be in the home folder, by their package, such as
    /// `kraken:template.os`, and name. The file is `<folder>/<name>.db`.
    pub databases: BTreeMap<(String, String), PathBuf>,
    /// What one logs in with at `/login`, and what the cookie holds. By default
    /// it is random and kept in the home folder. On the fake nodes that tests
    /// boot it is `secret`.
    pub login_secret: Option<String>,
}

/// A running node. Clones are the same node; it stops when the last is dropped.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    kernel: Arc<Kernel>,
}

impl NodeConfig {
    /// A configuration with everything else at its default.
    pub fn new(name: impl Into<String>, home: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            home: home.into(),
            process_memory: 1 << 30,
            preemption: true,
            disorder: false,
            cache: None,
            databases: BTreeMap::new(),
            login_secret: None,
        }
    }
}

impl Node {
    /// Starts a node without any package. Its tasks run in the current tokio
    /// runtime.
    pub async fn start(config: NodeConfig) -> anyhow::Result<Self> {
        let home = config.home.clone();
        let kernel = tokio::task::spawn_blocking(move || Kernel::start(&config))
            .await?
            .with_context(|| format!("can't start a node in {}", home.display()))?;
        Ok(Self(Arc::new(Inner { kernel })))
    }

    /// Installs a package and starts its processes. Returns when each has called
    /// `receive` or died, so that what they bind at first is bound.
    ///
    /// Installing is not remembered: a program installs its packages at each
    /// start. What the processes have stored stays.
    pub async fn install(&self, package: Package) -> anyhow::Result<Vec<ProcessId>> {
        let kernel = self.0.kernel.clone();
        let processes = tokio::task::spawn_blocking(move || install(&kernel, &package)).await??;
        let mut ids = Vec::with_capacity(processes.len());
        for process in processes {
            let mut status = process.status();
            // It fails only when the process is gone.
            let _ = status
                .wait_for(|status| status.phase != Phase::Starting)
                .await;
            ids.push(process.id.clone());
        }
        Ok(ids)
    }

    /// Serves the node's HTTP server, including WebSockets and the login. Serve
    /// it with `into_make_service_with_connect_info::<SocketAddr>()`: a client
    /// whose address is unknown isn't local.
    pub fn router(&self) -> axum::Router {
        http_server::router(self.0.kernel.clone())
    }

    /// Whether a request for this path is the node's: it begins with the id of
    /// an installed process, or is one of the server's own (`/login` and the
    /// remote procedure calls of command-line tools).
    pub fn serves(&self, path: &str) -> bool {
        let first = path.trim_start_matches('/').split('/').next();
        let process = first.and_then(|first| first.parse().ok());
        http_server::is_own(path)
            || process.is_some_and(|process| self.0.kernel.process(&process).is_some())
    }

    /// Connects to `/<process id>/<path>`, which the process must have bound as
    /// a WebSocket with `extension: true`.
    pub async fn connect_extension(&self, path: &str) -> anyhow::Result<Extension> {
        http_server::connect(&self.0.kernel, path).await
    }

    /// Sends a request in the name of a process of this node, such as
    /// `cli:terminal:sys`, and awaits the body of the response. No capability
    /// is needed.
    pub async fn message(
        &self,
        source: ProcessId,
        target: ProcessId,
        body: impl Into<Vec<u8>>,
        timeout: Duration,
    ) -> anyhow::Result<Vec<u8>> {
        let request = Envelope {
            id: random_id(),
            source,
            target: target.clone(),
            rsvp: None,
            message: Message::Request(Request {
                expects_response: Some(timeout.as_secs().max(1)),
                body: body.into().into(),
                ..Request::default()
            }),
            blob: None,
        };
        let answer = tokio::time::timeout(timeout, self.0.kernel.call(request)).await;
        match answer {
            Ok(Some(Envelope {
                message: Message::Response(response),
                ..
            })) => Ok(response.body.into()),
            Ok(_) => bail!("{target} didn't answer"),
            Err(_) => bail!("{target} didn't answer in {timeout:?}"),
        }
    }

    /// What processes did that would hang or crash a real node.
    pub fn hazards(&self) -> Vec<Hazard> {
        self.0.kernel.hazards.seen()
    }

    /// How often a process was started again. 0 if there is none of this name.
    pub fn restarts(&self, process: &ProcessId) -> u64 {
        let process = self.0.kernel.process(process);
        process.map_or(0, |process| process.status().borrow().restarts)
    }

    /// Waits until a process has been started again this often and receives.
    /// Gives `false` if it is gone, or goes.
    pub async fn restarted(&self, process: &ProcessId, restarts: u64) -> bool {
        let Some(process) = self.0.kernel.process(process) else {
            return false;
        };
        let mut status = process.status();
        let reached = status
            .wait_for(|status| {
                status.phase == Phase::Ended
                    || status.restarts >= restarts && status.phase == Phase::Receiving
            })
            .await;
        reached.is_ok_and(|status| status.phase != Phase::Ended)
    }

    /// Ends a process as a crash would: what it wants on exit happens. Gives
    /// `false` if there is none of this name.
    pub fn kill_process(&self, process: &ProcessId) -> bool {
        let kernel = &self.0.kernel;
        match kernel.process(process) {
            Some(process) => {
                process.interrupt(kernel, Interrupt::Crash);
                true
            }
            None => false,
        }
    }

    /// The secret that one logs in with at `/login`.
    pub fn login_secret(&self) -> &str {
        self.0.kernel.http_server.login_secret()
    }

    /// The cookie of those who are logged in: `name=value`.
    pub fn login_cookie(&self) -> String {
        let server = &self.0.kernel.http_server;
        format!("{}={}", server.cookie_name(), server.login_secret())
    }

    /// Ends all processes and drops all WebSockets. Returns when the processes
    /// have ended, or after 5 s.
    pub async fn shutdown(&self) {
        let processes = self.0.stop();
        let ended = tokio::task::spawn_blocking(move || {
            for process in processes {
                if let Some(thread) = process.take_thread() {
                    // A thread that panicked has ended too.
                    let _ = thread.join();
                }
            }
        });
        if tokio::time::timeout(SHUTDOWN, ended).await.is_err() {
            tracing::warn!("a process didn't end in time");
        }
    }
}

impl Inner {
    fn stop(&self) -> Vec<Arc<Process>> {
        let processes = self.kernel.processes();
        for process in &processes {
            process.interrupt(&self.kernel, Interrupt::Stop);
        }
        self.kernel.http_server.stop();
        self.kernel.http_client.stop();
        processes
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

fn install(kernel: &Arc<Kernel>, package: &Package) -> anyhow::Result<Vec<Arc<Process>>> {
    for manifest in &package.processes {
        if kernel.process(&manifest.id).is_some() {
            bail!("{} is installed already", package.id);
        }
    }
    kernel
        .vfs
        .replace_package(&package.id, package.files())
        .with_context(|| format!("can't write the files of {}", package.id))?;
    for manifest in &package.processes {
        grant(kernel, manifest);
    }
    let start = |manifest: &Manifest| -> anyhow::Result<Arc<Process>> {
        let start = Start {
            id: manifest.id.clone(),
            program: kernel.host.compile(package.component(manifest)?)?,
            on_exit: manifest.on_exit.clone(),
            public: manifest.public,
            scratch: kernel.vfs.scratch(&package.id),
        };
        Process::start(kernel, start)?.context("the name is taken")
    };
    package
        .processes
        .iter()
        .map(|manifest| start(manifest).with_context(|| format!("can't start {}", manifest.id)))
        .collect()
}

fn grant(kernel: &Kernel, manifest: &Manifest) {
    let capability = |issuer: &ProcessId, named: &Named| match &named.params {
        None => kernel.rights.messaging(issuer.clone()),
        Some(params) => Capability {
            node: kernel.our.as_ref().to_owned(),
            issuer: issuer.clone(),
            params: params.clone(),
        },
    };
    if !manifest.public && !manifest.grant_capabilities.is_empty() {
        kernel.hazards.record(Hazard::NotPublic {
            process: manifest.id.clone(),
        });
    }
    for named in &manifest.request_capabilities {
        let requested = capability(&named.process, named);
        kernel.rights.grant(&manifest.id, requested);
    }
    for named in &manifest.grant_capabilities {
        let granted = capability(&manifest.id, named);
        kernel.rights.grant(&named.process, granted);
    }
}
