//! `kraken serve`: node, process and gateway in one.

use crate::config::{self, File};
use crate::home::Home;
use crate::setup::{self, Tokens};
use crate::{engine, gateway, greeting, package, proxied, sds, signals};
use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::Request;
use clap::{ValueEnum, builder::PossibleValue};
use kraken_core::SetupRequest;
use kraken_node::{Node, NodeConfig};
use kraken_sidecar::{
    ConnectError, ConnectFuture, Gateway, GatewayConfig, LINK_PATH, LinkConnector, LinkSocket,
    LinkStatus,
};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tower_service::Service;

/// Where Kraken listens unless it is told otherwise.
pub(crate) const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
/// The embedded node's name. Nobody outside sees it.
const NODE_NAME: &str = "kraken.os";
/// Memory that the process may take, in bytes: most of what a 32-bit component can have.
const PROCESS_MEMORY: usize = 3 << 30;
/// What is recorded of calls, in the data folder.
const RECORDINGS: &str = "recordings";
/// Connections that wait to be accepted. Of more at once, as when everybody comes back after a
/// restart, the others try again after a second.
const BACKLOG: u32 = 4_096;
/// How long the process may take to let the gateway in.
const START_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(clap::Args)]
#[command(after_help = "\
Tokens come from KRAKEN_MASTER_TOKEN and KRAKEN_ADMIN_TOKEN, or `master-token` and `admin-token` \
in the configuration file. Without them they are made at the first start and shown once.

SDS stores are served as @rozek/sds-websocket-server does: with SDS_JWT_SECRET, SDS_ISSUER, \
SDS_PORT, SDS_HOST and SDS_PERSIST_DIR, or `[sds]` in the configuration file.

The password of the owner's login (/login, for /kraken:kraken:template.os/owner/…) is in the file \
http-secret of the data folder.

Ctrl+C or SIGTERM closes all clients (1012), writes everything, and ends.")]
pub(crate) struct Arguments {
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "KRAKEN_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Folder for all data [default: ~/.local/share/kraken]
    #[arg(long, env = "KRAKEN_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Folder for the compiled component, which a start then takes from there [default: cache in
    /// the data folder]
    #[arg(long, env = "KRAKEN_CACHE_DIR", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// When an edit is relayed: at once, or only when it is stored. Kept until it is changed
    #[arg(long, env = "KRAKEN_DURABILITY", value_enum)]
    durability: Option<Durability>,
    /// Configuration file [default: kraken.toml, if there is one]
    #[arg(long, env = "KRAKEN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    engine: engine::Options,
    #[command(flatten)]
    gateway: gateway::Options,
}

/// [`kraken_core::Durability`] as a value on the command line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Durability(pub(crate) kraken_core::Durability);

impl ValueEnum for Durability {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(kraken_core::Durability::RelayFirst),
            Self(kraken_core::Durability::WriteFirst),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            kraken_core::Durability::RelayFirst => PossibleValue::new("relay-first")
                .help("at once; it is written within 50 ms and what writing takes"),
            kraken_core::Durability::WriteFirst => PossibleValue::new("write-first")
                .help("when it is stored; its writer gets it back, which means \"saved\""),
        })
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let file = File::read(arguments.config.as_deref())?;
    let sds = sds::Environment::read().options(file.sds.as_ref())?;
    let tokens = Tokens::from_environment();
    let request = SetupRequest {
        master_token: tokens.master.or_else(|| file.master_token.clone()),
        admin_token: tokens.admin.or_else(|| file.admin_token.clone()),
        durability: arguments
            .durability
            .map(|durability| durability.0)
            .or(file.durability),
        limits: file.limits.clone(),
        stores: sds.setup.clone(),
    };
    let data_dir = match arguments.data_dir.or_else(|| file.data_dir.clone()) {
        Some(data_dir) => data_dir,
        None => config::default_data_dir()?,
    };
    let listen = match arguments.listen.or(sds.listen).or(file.listen) {
        Some(listen) => listen,
        None => DEFAULT_LISTEN.parse()?,
    };

    let listener = bind(listen)?;
    let home = Home::take(data_dir)?;
    let mut config = NodeConfig::new(NODE_NAME, home.path());
    config.process_memory = PROCESS_MEMORY;
    // The only process here is Kraken's own, which does a bounded amount for each message.
    config.preemption = false;
    config.cache = Some(home.cache(arguments.cache_dir));
    sds.place(&mut config)?;
    let node = Node::start(config).await?;
    node.install(package::embedded()?).await?;
    let made = setup::run(&node, &request).await?;
    let config = arguments.gateway.config(&file, setup::link_key(&home));
    let engine = arguments
        .engine
        .start(&file, Some(home.path().join(RECORDINGS)))
        .await?;
    let gateway = start_gateway(&node, config, engine.as_ref()).await?;

    let address = listener.local_addr()?;
    let of_engine = engine.as_ref().and_then(engine::Beside::router);
    let router = engine::beside(router(&node, &gateway), of_engine);
    let serving = tokio::spawn(gateway.serve(listener, router));
    greeting::listening(address)?;
    greeting::new_tokens(address, &made)?;

    signals::stop().await?;
    tracing::info!("closing all clients and writing everything");
    gateway.shutdown().await;
    serving.await??;
    if let Some(engine) = engine {
        engine.stop().await?;
    }
    node.shutdown().await;
    Ok(())
}

/// Listens, or says why not.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener> {
    listen(address)
        .with_context(|| format!("can't listen on {address}: name another address with --listen"))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn start_gateway(
    node: &Node,
    config: GatewayConfig,
    engine: Option<&engine::Beside>,
) -> Result<Gateway> {
    let connector = Arc::new(InProcess(node.clone()));
    let gateway = match engine {
        Some(engine) => Gateway::with_engine(config, connector, engine.connector()),
        None => Gateway::new(config, connector),
    };
    let link = gateway.clone();
    tokio::spawn(async move { link.run().await });
    let mut status = gateway.status();
    let settled = status.wait_for(|status| *status != LinkStatus::Connecting);
    let first = tokio::time::timeout(START_TIMEOUT, settled).await;
    match first.context("the Kraken process doesn't answer")??.clone() {
        LinkStatus::Up => Ok(gateway),
        LinkStatus::Down(reason) => bail!("no link to the Kraken process: {reason}"),
        LinkStatus::Connecting | LinkStatus::Stopped => bail!("no link to the Kraken process"),
    }
}

/// Whether a path is for the node: Kraken's own there, and the login that they need. The node's
/// remote procedure calls and the link are for programs on this machine, and this address may be
/// everybody's; besides, any page in a browser on this machine can send them something.
fn is_of_node(path: &str) -> bool {
    const PROCESS: &str = "/kraken:kraken:template.os";
    let below = path.strip_prefix(PROCESS);
    let is_own = below.is_some_and(|below| below.is_empty() || below.starts_with('/'));
    let is_link = path.trim_end_matches('/') == LINK_PATH;
    path == "/login" || is_own && !is_link
}

/// The node's paths are passed through, all else is the gateway's.
fn router(node: &Node, gateway: &Gateway) -> Router {
    let (of_node, of_gateway) = (node.router(), gateway.router());
    Router::new().fallback(move |request: Request| {
        let (mut router, request) = match is_of_node(request.uri().path()) {
            true => (of_node.clone(), proxied::disown(request)),
            false => (of_gateway.clone(), request),
        };
        async move { router.call(request).await }
    })
}

/// The link without a socket: an extension of the node in this very process.
struct InProcess(Node);

impl LinkConnector for InProcess {
    fn connect(&self) -> ConnectFuture<'_> {
        Box::pin(async {
            let extension = self
                .0
                .connect_extension(LINK_PATH)
                .await
                .map_err(|error| ConnectError::Failed(format!("{error:#}")))?;
            Ok(LinkSocket {
                sender: extension.sender,
                receiver: extension.receiver,
            })
        })
    }
}
