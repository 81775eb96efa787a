//! `kraken engine`: group calls. And the engine that `kraken serve` and `kraken sidecar` bring.

use crate::serve::bind;
use crate::{config, greeting, signals};
use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use kraken_engine::{CallSocket, Config, Engine, File, StartError};
use kraken_sidecar::{EngineConnector, EngineSocket};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tower_service::Service;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Configuration file: see docs/engine.md
    #[arg(long, env = "KRAKEN_ENGINE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address and port of the JSON-RPC [default: 0.0.0.0:7000]
    #[arg(long, env = "KRAKEN_ENGINE_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let file = read(arguments.config.as_deref())?;
    let engine = start(file.config()?)?;
    let rpc = Rpc::serve(&engine, &file, arguments.listen).await?;
    greeting::listening(rpc.address)?;
    signals::stop().await?;
    tracing::info!("ending all calls");
    engine.shutdown().await;
    rpc.ended().await
}

/// The engine beside a gateway, for `kraken serve` and `kraken sidecar` alike.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Run the media engine as this file says, and answer the JSON-RPC too: see docs/engine.md
    #[arg(long = "engine", env = "KRAKEN_ENGINE_CONFIG", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Run no media engine: then there are no group calls
    #[arg(long, env = "KRAKEN_NO_ENGINE")]
    no_engine: bool,
}

impl Options {
    /// Starts the engine that is wanted. What is recorded goes into the folder, unless the
    /// engine's file names another. Without a file, an engine that can't start is done without.
    pub(crate) async fn start(
        self,
        file: &config::File,
        recordings: Option<PathBuf>,
    ) -> Result<Option<Beside>> {
        if self.no_engine || file.no_engine {
            return Ok(None);
        }
        if let Some(path) = self.file.or_else(|| file.engine.clone()) {
            let file = recording_into(recordings, read(Some(&path))?);
            let engine = start(file.config()?)?;
            let rpc = Rpc::serve(&engine, &file, None).await?;
            return Ok(Some(Beside {
                engine,
                rpc: Some(rpc),
            }));
        }
        match start_anywhere(recordings) {
            Ok(engine) => Ok(Some(Beside { engine, rpc: None })),
            Err(error) => {
                tracing::warn!("there are no group calls: {error:#}; --engine FILE says where");
                Ok(None)
            }
        }
    }
}

/// An engine beside a gateway.
pub(crate) struct Beside {
    engine: Engine,
    rpc: Option<Rpc>,
}

impl Beside {
    /// The way to it, for the gateway.
    pub(crate) fn connector(&self) -> Arc<dyn EngineConnector> {
        Arc::new(InProcess(self.engine.clone()))
    }

    /// The JSON-RPC, for the gateway's port as well, if it is wanted at all.
    pub(crate) fn router(&self) -> Option<Router> {
        self.rpc.as_ref().map(|_| self.engine.router())
    }

    /// Ends all calls.
    pub(crate) async fn stop(self) -> Result<()> {
        self.engine.shutdown().await;
        match self.rpc {
            Some(rpc) => rpc.ended().await,
            None => Ok(()),
        }
    }
}

/// Calls of the JSON-RPC are the engine's, if it takes any, all else is for another router.
pub(crate) fn beside(others: Router, of_engine: Option<Router>) -> Router {
    let Some(of_engine) = of_engine else {
        return others;
    };
    Router::new().fallback(move |request: Request| {
        let mut router = match is_rpc(&request) {
            true => of_engine.clone(),
            false => others.clone(),
        };
        async move { router.call(request).await }
    })
}

/// Whether a request is a call of the JSON-RPC: pages are asked for in another way.
fn is_rpc(request: &Request) -> bool {
    let is_call = matches!(*request.method(), Method::POST | Method::OPTIONS);
    is_call && request.uri().path() == "/"
}

/// The JSON-RPC of an engine, on a port of its own.
struct Rpc {
    address: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
}

impl Rpc {
    async fn serve(engine: &Engine, file: &File, listen: Option<SocketAddr>) -> Result<Self> {
        let listener = bind(listen.unwrap_or(file.rpc_address()))?;
        let address = listener.local_addr()?;
        if let Some(media) = engine.udp().first()
            && let Some(monitor) = file.monitor(address, media.ip())?
        {
            engine.join(monitor);
        }
        let serving = engine.clone();
        let serving = tokio::spawn(async move { serving.serve(listener).await });
        Ok(Self { address, serving })
    }

    async fn ended(self) -> Result<()> {
        Ok(self.serving.await??)
    }
}

/// Starts an engine, and says where media comes in.
fn start(config: Config) -> Result<Engine, StartError> {
    let engine = Engine::start(config)?;
    for media in engine.udp() {
        tracing::info!(%media, "clients send media here");
    }
    Ok(engine)
}

/// Starts an engine that nobody has told where to listen: on its usual ports, or on others if
/// somebody has those.
fn start_anywhere(recordings: Option<PathBuf>) -> Result<Engine> {
    let config = recording_into(recordings, File::default()).config()?;
    match start(config.clone()) {
        Err(StartError::Bind { address, .. }) => {
            tracing::warn!(
                "{address} is taken, so media comes in on another port: where a firewall has to \
                 know it, name one with --engine FILE"
            );
            Ok(start(Config {
                udp_port: 0,
                tcp_port: 0,
                ..config
            })?)
        }
        started => Ok(started?),
    }
}

/// A file that names a folder for recordings: this one, if there is one and it names no other.
fn recording_into(folder: Option<PathBuf>, mut file: File) -> File {
    if let Some(folder) = folder {
        file.record_in(folder);
    }
    file
}

/// An engine in this very process.
struct InProcess(Engine);

impl EngineConnector for InProcess {
    fn connect(&self) -> Option<EngineSocket> {
        let CallSocket { sender, receiver } = self.0.connect()?;
        Some(EngineSocket { sender, receiver })
    }
}

/// The file that engines and monitors are told by, or an empty one: everything in it may be left out.
pub(crate) fn read(path: Option<&Path>) -> Result<File> {
    let Some(path) = path else {
        return Ok(File::default());
    };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    File::parse(&text).with_context(|| format!("{} is not valid", path.display()))
}
