//! `kraken sidecar`: the gateway alone.

use crate::config::File;
use crate::serve::{DEFAULT_LISTEN, bind};
use crate::{engine, gateway, greeting, signals};
use anyhow::{Context, Result, bail};
use kraken_sidecar::{Gateway, LinkKey, LinkStatus, WebSocketConnector};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the node is unless something else is said.
const DEFAULT_NODE: &str = "ws://127.0.0.1:8081";

#[derive(clap::Args)]
#[command(after_help = "\
The link key is in the node's home folder, in vfs/kraken:template.os/link/key. Give the file, or \
the key itself in KRAKEN_LINK_KEY.")]
pub(crate) struct Arguments {
    /// Address of the Kinode node, on this machine [default: ws://127.0.0.1:8081]
    #[arg(long, env = "KRAKEN_NODE", value_name = "URL")]
    node: Option<String>,
    /// File that holds the link key
    #[arg(long, env = "KRAKEN_LINK_KEY_FILE", value_name = "FILE")]
    link_key_file: Option<PathBuf>,
    /// The link key itself
    #[arg(
        long,
        env = "KRAKEN_LINK_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    link_key: Option<String>,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "KRAKEN_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Configuration file [default: kraken.toml, if there is one]
    #[arg(long, env = "KRAKEN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    engine: engine::Options,
    #[command(flatten)]
    gateway: gateway::Options,
}

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let file = File::read(arguments.config.as_deref())?;
    let key_file = arguments
        .link_key_file
        .or_else(|| file.link_key_file.clone());
    let key = link_key(arguments.link_key, key_file)?;
    let node = arguments.node.as_ref().or(file.node.as_ref());
    let connector = WebSocketConnector::new(node.map_or(DEFAULT_NODE, String::as_str))?;
    let listen = match arguments.listen.or(file.listen) {
        Some(listen) => listen,
        None => DEFAULT_LISTEN.parse()?,
    };
    let listener = bind(listen)?;
    let address = listener.local_addr()?;
    let config = arguments.gateway.config(&file, key);
    let engine = arguments.engine.start(&file, None).await?;
    let connector = Arc::new(connector);
    let gateway = match &engine {
        Some(engine) => Gateway::with_engine(config, connector, engine.connector()),
        None => Gateway::new(config, connector),
    };
    let link = gateway.clone();
    let linked = tokio::spawn(async move { link.run().await });
    let of_engine = engine.as_ref().and_then(engine::Beside::router);
    let router = engine::beside(gateway.router(), of_engine);
    let serving = tokio::spawn(gateway.serve(listener, router));
    tokio::spawn(greet(gateway.clone(), address));

    signals::stop().await?;
    tracing::info!("closing all clients");
    gateway.shutdown().await;
    serving.await??;
    linked.await?;
    if let Some(engine) = engine {
        engine.stop().await?;
    }
    Ok(())
}

/// Where the key is. A file that can't be read now is an error; later on it is tried again.
fn link_key(given: Option<String>, file: Option<PathBuf>) -> Result<LinkKey> {
    match (given, file) {
        (Some(key), _) => Ok(LinkKey::Given(key.into())),
        (None, Some(file)) => {
            std::fs::read_to_string(&file)
                .with_context(|| format!("can't read the link key in {}", file.display()))?;
            Ok(LinkKey::File(file))
        }
        (None, None) => bail!(
            "the link key is missing: name its file with --link-key-file; it is in the node's \
             home folder, in vfs/kraken:template.os/link/key"
        ),
    }
}

/// Tells programs that clients can connect, once the link is up for the first time. The gateway
/// itself logs how the link is.
async fn greet(gateway: Gateway, address: SocketAddr) {
    let mut status = gateway.status();
    let is_up = status
        .wait_for(|status| *status == LinkStatus::Up)
        .await
        .is_ok();
    if is_up && let Err(error) = greeting::listening(address) {
        tracing::warn!(%error, "can't write to standard output");
    }
}
