//! `kraken sidecar`: the gateway alone.

use crate::serve::bind;
use crate::{greeting, setup, signals};
use anyhow::{Result, bail};
use bytes::Bytes;
use kraken_sidecar::{Gateway, GatewayConfig, LinkStatus, WebSocketConnector};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(clap::Args)]
#[command(after_help = "\
The link key is in the node's home folder, in vfs/kraken:template.os/link/key. Give the file, or \
the key itself in KRAKEN_LINK_KEY.")]
pub(crate) struct Arguments {
    /// Address of the Kinode node, on this machine
    #[arg(
        long,
        env = "KRAKEN_NODE",
        value_name = "URL",
        default_value = "ws://127.0.0.1:8081"
    )]
    node: String,
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
    /// Address and port to listen on
    #[arg(
        long,
        env = "KRAKEN_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    listen: SocketAddr,
}

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let key = match (&arguments.link_key_file, arguments.link_key) {
        (_, Some(key)) => Bytes::from(key),
        (Some(file), None) => setup::read_link_key(file)?,
        (None, None) => bail!(
            "the link key is missing: name its file with --link-key-file; it is in the node's \
             home folder, in vfs/kraken:template.os/link/key"
        ),
    };
    let connector = WebSocketConnector::new(&arguments.node)?;
    let listener = bind(arguments.listen).await?;
    let address = listener.local_addr()?;
    let config = GatewayConfig {
        key,
        ..GatewayConfig::default()
    };
    let gateway = Gateway::new(config, Arc::new(connector));
    let link = gateway.clone();
    let linked = tokio::spawn(async move { link.run().await });
    let serving = tokio::spawn(gateway.serve(listener, gateway.router()));
    tokio::spawn(report(gateway.clone(), address));

    signals::stop().await?;
    tracing::info!("closing all clients");
    gateway.shutdown().await;
    serving.await??;
    linked.await?;
    Ok(())
}

/// Tells the operator how the link is, and programs once it is up.
async fn report(gateway: Gateway, address: SocketAddr) {
    let mut status = gateway.status();
    let mut greeted = false;
    status.mark_changed();
    while status.changed().await.is_ok() {
        match &*status.borrow_and_update() {
            LinkStatus::Up if greeted => tracing::info!("linked with the Kraken process again"),
            LinkStatus::Up => greeted = greeting::listening(address).is_ok(),
            LinkStatus::Down(reason) => tracing::warn!(%reason, "no link"),
            LinkStatus::Connecting => {}
            LinkStatus::Stopped => return,
        }
    }
}
