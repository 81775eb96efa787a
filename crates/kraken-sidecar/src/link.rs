//! Keeps a link to the process up.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use kraken_link::{LinkError, VERSION};
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use crate::gateway::Shared;
use crate::life::live;
use crate::{ConnectError, LinkSocket, LinkStatus};

/// Why the link is down.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("can't read the link key in {}: {source}", path.display())]
    Key {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the Kraken process did not take the connection in time")]
    ConnectTimeout,
    #[error("the Kraken process refuses this sidecar: {0}")]
    Refused(String),
    #[error(
        "the Kraken process speaks version {0} of the link, this sidecar version {VERSION}: they have to be of the same release"
    )]
    Version(u16),
    #[error("the process did not answer the hello in time")]
    NoWelcome,
    #[error("the process sent something else than a welcome")]
    Unwelcome,
    #[error("the Kraken process has ended the link: {0}")]
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
    let mut number = 0u64;
    while !shared.is_stopping() {
        number += 1;
        let failure = tokio::select! {
            result = connect(shared) => match result {
                Ok((key, socket)) => {
                    let span = tracing::debug_span!("link", number);
                    live(shared, key, socket).instrument(span).await
                }
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
    let down = LinkStatus::Down(failure.to_string().into());
    let is_news = shared.status.send_if_modified(|status| {
        let is_news = *status != down;
        *status = down;
        is_news
    });
    if is_news {
        tracing::warn!("no link to the Kraken process: {failure}; trying again");
    } else {
        tracing::debug!("still no link to the Kraken process: {failure}");
    }
}

/// A new channel, and the key to open it with.
async fn connect(shared: &Shared) -> Result<(Bytes, LinkSocket), Failure> {
    let key = shared.config.key.read().await?;
    match timeout(shared.config.welcome_timeout, shared.connector.connect()).await {
        Ok(socket) => Ok((key, socket?)),
        Err(_) => Err(Failure::ConnectTimeout),
    }
}
