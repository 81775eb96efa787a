//! What this machine's owner tells the process at its start.

use crate::home::Home;
use crate::package;
use anyhow::{Context, Result, anyhow};
use kraken_core::{SetupReply, SetupRequest};
use kraken_node::Node;
use kraken_sidecar::LinkKey;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the process may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The process's file for whoever runs its sidecar.
const LINK_KEY: &str = "vfs/kraken:template.os/link/key";

/// What the process takes from its owner.
#[derive(Serialize)]
enum OwnerRequest<'a> {
    Setup(&'a SetupRequest),
}

/// Sets the process up; the tokens that were made just now.
pub(crate) async fn run(node: &Node, request: &SetupRequest) -> Result<SetupReply> {
    let body = serde_json::to_vec(&OwnerRequest::Setup(request))?;
    let terminal = "kraken:terminal:sys".parse()?;
    let reply = node
        .message(terminal, package::process()?, body, TIMEOUT)
        .await
        .context("the Kraken process can't be set up")?;
    let reply: Result<SetupReply, String> = serde_json::from_slice(&reply)?;
    reply.map_err(|error| anyhow!("the Kraken process refuses its settings: {error}"))
}

/// The key that the process expects from its sidecar.
pub(crate) fn link_key(home: &Home) -> LinkKey {
    LinkKey::File(home.path().join(LINK_KEY))
}

/// Tokens from the environment, which no list of processes shows.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) master: Option<String>,
    pub(crate) admin: Option<String>,
}

impl Tokens {
    pub(crate) fn from_environment() -> Self {
        let read = |name| std::env::var(name).ok().filter(|token| !token.is_empty());
        Self {
            master: read("KRAKEN_MASTER_TOKEN"),
            admin: read("KRAKEN_ADMIN_TOKEN"),
        }
    }
}
