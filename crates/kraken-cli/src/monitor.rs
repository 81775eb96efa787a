//! `kraken monitor`: several engines behind one address.

use crate::engine::read;
use crate::serve::bind;
use crate::{greeting, signals};
use anyhow::Result;
use kraken_engine::Monitor;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Configuration file: see docs/monitor.md
    #[arg(long, env = "KRAKEN_MONITOR_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address and port to listen on [default: 0.0.0.0:7000]
    #[arg(long, env = "KRAKEN_MONITOR_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let file = read(arguments.config.as_deref())?;
    let monitor = Monitor::new(file.monitor_key()?);
    let listener = bind(arguments.listen.unwrap_or(file.rpc_address()))?;
    let address = listener.local_addr()?;
    let serving = monitor.clone();
    let serving = tokio::spawn(async move { serving.serve(listener).await });
    greeting::listening(address)?;

    signals::stop().await?;
    monitor.shutdown();
    serving.await??;
    Ok(())
}
