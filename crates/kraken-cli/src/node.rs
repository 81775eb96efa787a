//! `kraken node`: the embedded node alone.

use crate::home::Home;
use crate::serve::{Durability, bind};
use crate::setup::{self, Tokens};
use crate::{config, greeting, package, proxied, signals};
use anyhow::{Context, Result};
use axum::middleware::map_request;
use axum::serve::ListenerExt;
use kraken_core::SetupRequest;
use kraken_node::{Node, NodeConfig, Package};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder of a package: manifest.json and its components, metadata.json in it or beside it.
    /// May be given several times
    #[arg(long, value_name = "DIR", required = true)]
    package: Vec<PathBuf>,
    /// Address and port of the node's HTTP server
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Folder for all data [default: ~/.local/share/kraken]
    #[arg(long, env = "KRAKEN_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Folder for compiled components, which a start then takes from there [default: cache in the
    /// data folder]
    #[arg(long, env = "KRAKEN_CACHE_DIR", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// The node's name
    #[arg(long, value_name = "NAME", default_value = "kraken.os")]
    name: String,
    /// Answer sqlite and vfs late and out of order, as a busy node may: for testing packages
    #[arg(long)]
    disorder: bool,
    /// If Kraken is among the packages: as for `kraken serve`
    #[arg(long, env = "KRAKEN_DURABILITY", value_enum)]
    durability: Option<Durability>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let data_dir = match arguments.data_dir {
        Some(data_dir) => data_dir,
        None => config::default_data_dir()?,
    };
    let listener = bind(arguments.listen)?;
    let address = listener.local_addr()?;
    let home = Home::take(data_dir)?;
    let mut config = NodeConfig::new(arguments.name, home.path());
    config.disorder = arguments.disorder;
    config.cache = Some(home.cache(arguments.cache_dir));
    let node = Node::start(config).await?;
    let mut processes = Vec::new();
    for folder in &arguments.package {
        let package = Package::from_folder(folder)?;
        let installed = node.install(package).await;
        processes.extend(installed.with_context(|| format!("can't install {}", folder.display()))?);
    }

    let mut made = None;
    if processes.contains(&package::process()?) {
        let tokens = Tokens::from_environment();
        let request = SetupRequest {
            master_token: tokens.master,
            admin_token: tokens.admin,
            durability: arguments.durability.map(|durability| durability.0),
            ..SetupRequest::default()
        };
        made = Some(setup::run(&node, &request).await?);
    }

    let router = node
        .router()
        .layer(map_request(async |request| proxied::disown(request)));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|stream| {
        // Fails only on a dead connection.
        let _ = stream.set_nodelay(true);
    });
    let serving = tokio::spawn(async move { axum::serve(listener, service).await });
    greeting::listening(address)?;
    if let Some(made) = made {
        greeting::new_tokens(address, &made)?;
    }

    signals::stop().await?;
    node.shutdown().await;
    serving.abort();
    Ok(())
}
