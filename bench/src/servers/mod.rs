//! The servers: how each is started, reached and stopped.

mod data_dir;
mod log;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use self::data_dir::DataDir;
use self::log::Log;
use crate::client::get;
use crate::machine::{Cpus, Usage};
use crate::store_token::{STORE_SECRET, store_token};
use crate::wire::Dialect;

const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks whether a server takes connections: the error of a measured start.
const LISTENING_AGAIN: Duration = Duration::from_millis(1);
const TOKEN: &str = "bench-master-token-0123456789abcdef";
const ADMIN_TOKEN: &str = "bench-admin-token-0123456789abcdef";
/// Kraken's configuration: as by default, but that nobody is slowed down or kept out on purpose.
const CONFIG: &str = "kraken.toml";
const UNLIMITED: &str = "\
[limits]
total_connections = 1000000
connections = 1000000
rooms = 1000000
messages_per_second = 4294967295
bytes_per_second = 4294967295
";

/// A server to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// `kraken serve` without limits for its clients: it checks tokens and stores everything.
    Kraken,
    /// `@y/websocket-server` of npm: it keeps documents in memory only.
    YWebsocketServer,
    /// `@hocuspocus/server` of npm without extensions: it keeps documents in memory only.
    Hocuspocus,
    /// A bare relay without any CRDT: the floor for anything written on `ws` and Node.
    Relay,
}

impl Kind {
    pub(crate) const ALL: &[Self] = &[
        Self::Kraken,
        Self::YWebsocketServer,
        Self::Hocuspocus,
        Self::Relay,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kraken => "kraken",
            Self::YWebsocketServer => "y-websocket-server",
            Self::Hocuspocus => "hocuspocus",
            Self::Relay => "relay",
        }
    }

    /// Whether it still has its documents when it is started again.
    pub(crate) fn stores(self) -> bool {
        self == Self::Kraken
    }

    /// Whether ratios are against it: it does the same job as Kraken.
    pub(crate) fn is_peer(self) -> bool {
        matches!(self, Self::YWebsocketServer | Self::Hocuspocus)
    }
}

/// What a server is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Yjs documents.
    Documents,
    /// SDS stores: what is sent is passed on.
    Relay,
    /// SDS stores: what is sent is passed on and stored.
    Store,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Starts servers, each on a port and with data of its own.
#[derive(Debug)]
pub(crate) struct Launcher {
    programs: Programs,
    cpus: Cpus,
}

/// Where the programs are that are started.
#[derive(Debug, clap::Args)]
pub(crate) struct Programs {
    /// The kraken binary.
    #[arg(long, env = "KRAKEN_BIN", default_value = "target/dist/kraken")]
    kraken: PathBuf,

    /// What compares the component with the core natively.
    #[arg(long, default_value = "target/dist/kraken-bench-component")]
    component: PathBuf,

    /// The folder of Kraken's package, with the component in it.
    #[arg(long, default_value = "pkg")]
    package: PathBuf,

    /// The folder of the peers, after `npm ci` in it.
    #[arg(long, default_value = "bench/peers")]
    peers: PathBuf,
}

impl Launcher {
    pub(crate) fn new(programs: Programs, cpus: Cpus) -> Self {
        Self { programs, cpus }
    }

    /// Says what is missing for this server, and how to get it.
    pub(crate) fn check(&self, kind: Kind) -> Result<()> {
        match kind {
            Kind::Kraken => ensure!(
                self.programs.kraken.is_file(),
                "there is no {}; `cargo xtask build` makes it",
                self.programs.kraken.display(),
            ),
            Kind::YWebsocketServer | Kind::Hocuspocus | Kind::Relay => ensure!(
                self.programs.peers.join("node_modules").is_dir(),
                "the peers are not installed; `npm ci --prefix {}` does it",
                self.programs.peers.display(),
            ),
        }
        Ok(())
    }

    /// Starts it and waits until it takes connections.
    pub(crate) async fn start(self: &Arc<Self>, kind: Kind, service: Service) -> Result<Server> {
        let address = free_address()?;
        let data = DataDir::new()?;
        let running = self.run(kind, service, address, &data)?;
        let mut server = Server {
            launcher: Arc::clone(self),
            kind,
            service,
            address,
            running,
            data,
        };
        server.until_listening().await?;
        Ok(server)
    }

    fn run(
        &self,
        kind: Kind,
        service: Service,
        address: SocketAddr,
        data: &DataDir,
    ) -> Result<Running> {
        let mut command = match kind {
            Kind::Kraken => self.kraken_serve(address, data, service)?,
            Kind::YWebsocketServer => {
                self.node("node_modules/@y/websocket-server/src/server.js", address)
            }
            Kind::Hocuspocus => self.node("hocuspocus.mjs", address),
            Kind::Relay => self.node("relay.mjs", address),
        };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.kill_on_drop(true);
        let mut child = self
            .cpus
            .as_server(|| command.spawn())?
            .with_context(|| format!("starting {kind}"))?;
        let log = Log::default();
        log.keep(child.stdout.take());
        log.keep(child.stderr.take());
        let pid = child
            .id()
            .with_context(|| format!("{kind} ended at once"))?;
        Ok(Running { pid, child, log })
    }

    /// Has the component compared with the core natively, where servers run; what was printed.
    pub(crate) async fn compare_component(&self, edits: usize) -> Result<Vec<u8>> {
        let program = &self.programs.component;
        let mut command = Command::new(program);
        command.arg("--package").arg(&self.programs.package);
        command.arg("--edits").arg(edits.to_string());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.kill_on_drop(true);
        let child = self.cpus.as_server(|| command.spawn())?;
        let child = child.with_context(|| {
            format!(
                "starting {}, which `cargo xtask bench` builds",
                program.display()
            )
        })?;
        let output = child.wait_with_output().await?;
        ensure!(
            output.status.success(),
            "it ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(output.stdout)
    }

    fn kraken_serve(
        &self,
        address: SocketAddr,
        data: &DataDir,
        service: Service,
    ) -> Result<Command> {
        let mut config = UNLIMITED.to_owned();
        if service != Service::Documents {
            config += &format!("[sds]\njwt-secret = \"{STORE_SECRET}\"\n");
        }
        if service == Service::Store {
            config += &format!(
                "persist-dir = \"{}\"\n",
                data.path().join("stores").display()
            );
        }
        std::fs::write(data.path().join(CONFIG), config).context("writing a configuration")?;
        let mut command = Command::new(&self.programs.kraken);
        command
            .arg("serve")
            .arg("--listen")
            .arg(address.to_string());
        command.arg("--data-dir").arg(data.path());
        command.arg("--config").arg(data.path().join(CONFIG));
        command.env("KRAKEN_MASTER_TOKEN", TOKEN);
        command.env("KRAKEN_ADMIN_TOKEN", ADMIN_TOKEN);
        command.env("KRAKEN_NO_ENGINE", "true");
        Ok(command)
    }

    fn node(&self, script: &str, address: SocketAddr) -> Command {
        let mut command = Command::new("node");
        command.arg(self.programs.peers.join(script));
        command
            .env("HOST", address.ip().to_string())
            .env("PORT", address.port().to_string());
        command.env("NODE_ENV", "production");
        command
    }
}

/// A port that is free now. Nobody else is expected to take one in between.
fn free_address() -> Result<SocketAddr> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    listener.local_addr().context("looking for a free port")
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    launcher: Arc<Launcher>,
    pub(crate) kind: Kind,
    service: Service,
    pub(crate) address: SocketAddr,
    running: Running,
    data: DataDir,
}

/// Its process.
#[derive(Debug)]
struct Running {
    pid: u32,
    child: Child,
    log: Log,
}

/// How a server is ended before it is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As its owner would: it may write what it has.
    Asked,
    /// As a crash would.
    Killed,
}

impl Server {
    /// The path and query that lead to a room.
    pub(crate) fn path(&self, room: &str) -> String {
        if self.service != Service::Documents {
            return format!("/ws/{room}?token={}", store_token(room));
        }
        match self.kind {
            Kind::Kraken => format!("/doc/{room}?token={TOKEN}"),
            Kind::Hocuspocus => "/".to_owned(),
            Kind::YWebsocketServer | Kind::Relay => format!("/{room}"),
        }
    }

    /// How messages to a room look here.
    pub(crate) fn dialect(&self, room: &str) -> Dialect {
        if self.service != Service::Documents {
            return Dialect::Store;
        }
        match self.kind {
            Kind::Kraken | Kind::YWebsocketServer => Dialect::Plain,
            Kind::Hocuspocus => Dialect::hocuspocus(room),
            Kind::Relay => Dialect::Relay,
        }
    }

    /// What all its processes have used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.running.pid)
    }

    /// How many rooms it has in memory, if it tells.
    pub(crate) async fn rooms(&self) -> Result<Option<u64>> {
        if self.kind != Kind::Kraken {
            return Ok(None);
        }
        let metrics = get(self.address, "/metrics", ADMIN_TOKEN).await?;
        let rooms = metrics
            .lines()
            .find_map(|line| line.strip_prefix("kraken_rooms "));
        let rooms = rooms.context("the metrics lack the number of rooms")?;
        Ok(Some(rooms.parse().context("the number of rooms")?))
    }

    /// Ends it and starts it again on the same data, and waits until it takes connections. Gives
    /// the moment of its start.
    pub(crate) async fn restart(&mut self, end: End) -> Result<Instant> {
        match end {
            End::Asked => self.end().await?,
            End::Killed => self.kill().await?,
        }
        let started = Instant::now();
        self.running = self
            .launcher
            .run(self.kind, self.service, self.address, &self.data)?;
        self.until_listening().await?;
        Ok(started)
    }

    /// Asks it to end, and ends it if it does not.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.end().await
    }

    async fn end(&mut self) -> Result<()> {
        let pid = i32::try_from(self.running.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself, which `wait` tells.
            _ = kill_process(pid, Signal::TERM);
        }
        match timeout(STOP_WITHIN, self.running.child.wait()).await {
            Ok(status) => {
                let status = status.with_context(|| format!("waiting for {}", self.kind))?;
                // Node's default for SIGTERM is to die of it.
                ensure!(
                    status.success() || self.kind != Kind::Kraken,
                    "{} ended with {status}: {}",
                    self.kind,
                    self.running.log.text()
                );
                Ok(())
            }
            Err(_) => {
                self.kill().await?;
                bail!(
                    "{} was still there {} s after SIGTERM",
                    self.kind,
                    STOP_WITHIN.as_secs()
                )
            }
        }
    }

    async fn kill(&mut self) -> Result<()> {
        let killed = self.running.child.kill().await;
        killed.with_context(|| format!("killing {}", self.kind))
    }

    async fn until_listening(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        let Running { child, log, .. } = &mut self.running;
        while TcpStream::connect(self.address).await.is_err() {
            if let Some(status) = child.try_wait().context("looking at the server")? {
                bail!("{} ended with {status}: {}", self.kind, log.text());
            }
            ensure!(
                Instant::now() < deadline,
                "{} does not listen: {}",
                self.kind,
                log.text()
            );
            sleep(LISTENING_AGAIN).await;
        }
        Ok(())
    }
}
