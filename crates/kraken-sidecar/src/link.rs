//! Keeps a link to the process up.

use std::sync::Arc;

use kraken_link::{LinkError, VERSION};
use tokio::time::{sleep, timeout};

use crate::gateway::Shared;
use crate::life::live;
use crate::{ConnectError, LinkSocket, LinkStatus};

/// Why the link is down.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("no connection to the process in time")]
    ConnectTimeout,
    #[error("the process refused the sidecar: {0}")]
    Refused(String),
    #[error("the process speaks link version {0}, this sidecar {VERSION}")]
    Version(u16),
    #[error("the process did not answer the hello in time")]
    NoWelcome,
    #[error("the process sent something else than a welcome")]
    Unwelcome,
    #[error("the process started anew: {0}")]
    Reset(String),
    #[error("the link was closed")]
    Closed,
    #[error("the link broke: {0}")]
    Broken(#[from] LinkError),
    #[error("the gateway stops")]
    Stopped,
}

/// Keeps the link up until the gateway stops.
pub(crate) async fn run(shared: &Arc<Shared>) {
    let mut backoff = shared.config.min_backoff;
    while !shared.is_stopping() {
        let failure = tokio::select! {
            result = connect(shared) => match result {
                Ok(socket) => live(shared, socket).await,
                Err(failure) => failure,
            },
            () = shared.stopped() => break,
        };
        if matches!(failure, Failure::Stopped) {
            break;
        }
        if *shared.status.borrow() == LinkStatus::Up {
            backoff = shared.config.min_backoff;
        }
        report(shared, &failure);
        tokio::select! {
            () = sleep(backoff) => {}
            () = shared.stopped() => break,
        }
        backoff = (backoff * 2).min(shared.config.max_backoff);
    }
    shared.status.send_replace(LinkStatus::Stopped);
}

/// Logs a failure, but not the same one again and again.
fn report(shared: &Shared, failure: &Failure) {
    let reason: Arc<str> = failure.to_string().into();
    let status = LinkStatus::Down(reason);
    if shared.status.send_replace(status.clone()) == status {
        tracing::debug!(%failure, "link is still down");
    } else {
        tracing::warn!(%failure, "link is down");
    }
}

async fn connect(shared: &Shared) -> Result<LinkSocket, Failure> {
    match timeout(shared.config.welcome_timeout, shared.connector.connect()).await {
        Ok(socket) => Ok(socket?),
        Err(_) => Err(Failure::ConnectTimeout),
    }
}
