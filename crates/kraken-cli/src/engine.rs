//! `kraken engine`: group calls.

use crate::serve::bind;
use crate::{greeting, signals};
use anyhow::{Context, Result};
use axum::Router;
use kraken_engine::{Engine, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::task::JoinHandle;

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
    let running = Running::start(arguments.config.as_deref(), arguments.listen).await?;
    greeting::listening(running.address)?;
    signals::stop().await?;
    tracing::info!("ending all calls");
    running.stop().await
}

/// An engine, and the port of its JSON-RPC.
pub(crate) struct Running {
    engine: Engine,
    address: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Starts an engine as a file says, or else with its defaults.
    pub(crate) async fn start(config: Option<&Path>, listen: Option<SocketAddr>) -> Result<Self> {
        let file = read(config)?;
        let listener = bind(listen.unwrap_or(file.rpc_address())).await?;
        let address = listener.local_addr()?;
        let engine = Engine::start(file.config()?)?;
        for media in engine.udp() {
            tracing::info!(%media, "clients send media here");
        }
        if let Some(media) = engine.udp().first()
            && let Some(monitor) = file.monitor(address, media.ip())?
        {
            engine.join(monitor);
        }
        let serving = engine.clone();
        let serving = tokio::spawn(async move { serving.serve(listener).await });
        Ok(Self {
            engine,
            address,
            serving,
        })
    }

    /// The JSON-RPC, for another port as well.
    pub(crate) fn router(&self) -> Router {
        self.engine.router()
    }

    /// Ends all calls.
    pub(crate) async fn stop(self) -> Result<()> {
        self.engine.shutdown().await;
        self.serving.await??;
        Ok(())
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
