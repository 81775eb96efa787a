//! The component, in a node of its own.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use kraken_core::{SetupReply, SetupRequest};
use kraken_node::{Node, NodeConfig, Package};
use serde_json::json;
use tempfile::TempDir;

use crate::{Link, TOKEN};

const PROCESS: &str = "kraken:kraken:template.os";
/// Where it takes a gateway.
const LINK: &str = "/kraken:kraken:template.os/link";
/// Where it shows its owner the key for that, in the node's folder.
const KEY: &str = "vfs/kraken:template.os/link/key";
/// The node calls the thread of a process by its name.
const THREAD: &str = "kraken";
const SETUP: Duration = Duration::from_secs(10);

/// A node with the process.
pub(crate) struct Hosted {
    node: Node,
    data: TempDir,
}

impl Hosted {
    /// Starts the package in this folder, and sets it up.
    pub(crate) async fn start(package: &Path) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut config = NodeConfig::new("bench.os", data.path());
        // As `kraken serve` has it.
        config.preemption = false;
        let node = Node::start(config).await?;
        let package = Package::from_folder(package)
            .with_context(|| format!("reading {}", package.display()))?;
        node.install(package).await?;
        let request = SetupRequest {
            master_token: Some(TOKEN.to_owned()),
            ..SetupRequest::default()
        };
        let terminal = "bench:terminal:sys".parse()?;
        let body = json!({ "Setup": request }).to_string();
        let answer = node
            .message(terminal, PROCESS.parse()?, body, SETUP)
            .await?;
        let answer: Result<SetupReply, String> = serde_json::from_slice(&answer)?;
        answer.map_err(|error| anyhow!("the process can't be set up: {error}"))?;
        Ok(Self { node, data })
    }

    /// A new link to the process.
    pub(crate) async fn link(&self) -> Result<Link> {
        let key = std::fs::read(self.data.path().join(KEY)).context("reading the link's key")?;
        let extension = self.node.connect_extension(LINK).await?;
        Ok(Link {
            thread: THREAD,
            key: key.into(),
            sender: extension.sender,
            receiver: extension.receiver,
        })
    }

    /// Ends the node.
    pub(crate) async fn stop(self) {
        self.node.shutdown().await;
    }
}
