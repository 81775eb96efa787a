//! The media engine beside the gateway. Its messages and those for it travel over the link, and
//! mean nothing to the gateway.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kraken_link::MAX_ENGINE_MESSAGE;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, sleep_until};

use crate::session::Session;

/// How long the gateway waits before it asks for an engine again.
const PAUSE: Duration = Duration::from_secs(1);

/// One channel to an engine: whole messages, in order, in both directions.
///
/// Dropping it closes the channel; a closed half means that the other side is gone.
#[derive(Debug)]
pub struct EngineSocket {
    /// Messages for the engine. One that doesn't take them is left.
    pub sender: mpsc::Sender<Bytes>,
    /// Messages of the engine, of at most [`MAX_ENGINE_MESSAGE`] bytes. They wait while the process
    /// is behind.
    pub receiver: mpsc::Receiver<Bytes>,
}

/// Opens channels to an engine, one after the other.
pub trait EngineConnector: Send + Sync + 'static {
    /// Opens a channel, unless there is no engine now. The gateway drops the former one first.
    /// Each link to the process has a channel of its own.
    fn connect(&self) -> Option<EngineSocket>;
}

/// The engine, as one link sees it.
pub(crate) struct Line {
    connector: Option<Arc<dyn EngineConnector>>,
    socket: Option<EngineSocket>,
    /// When an engine is to be asked for.
    at: Instant,
}

/// What has become of an engine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    Up,
    Down,
    Said(Bytes),
}

impl Line {
    pub(crate) fn new(connector: Option<Arc<dyn EngineConnector>>) -> Self {
        Self {
            connector,
            socket: None,
            at: Instant::now(),
        }
    }

    /// Asks for an engine; whether there is one.
    pub(crate) fn connect(&mut self) -> bool {
        let connector = self.connector.as_ref();
        self.socket = connector.and_then(|connector| connector.connect());
        self.at = Instant::now() + PAUSE;
        self.socket.is_some()
    }

    /// Hands the engine a message; whether it is still there. What is for none is dropped: the
    /// process hears that it has gone.
    #[must_use]
    pub(crate) fn send(&mut self, message: Bytes) -> bool {
        let Some(socket) = &self.socket else {
            return true;
        };
        match socket.sender.try_send(message) {
            Ok(()) => return true,
            Err(TrySendError::Full(_)) => tracing::warn!("the media engine takes no messages"),
            Err(TrySendError::Closed(_)) => tracing::warn!("the media engine has gone"),
        }
        self.socket = None;
        false
    }

    /// Waits for news, and for room to tell the process. To be dropped at any time.
    pub(crate) async fn next(&mut self, session: &Session) -> News {
        loop {
            let Some(socket) = &mut self.socket else {
                match self.connector {
                    Some(_) => sleep_until(self.at).await,
                    None => pending().await,
                }
                if self.connect() {
                    return News::Up;
                }
                continue;
            };
            session.room().await;
            match socket.receiver.recv().await {
                Some(message) if message.len() <= MAX_ENGINE_MESSAGE => return News::Said(message),
                Some(message) => {
                    let bytes = message.len();
                    tracing::warn!(bytes, "a message of the media engine is too large");
                }
                None => {
                    tracing::warn!("the media engine has gone");
                    self.socket = None;
                    return News::Down;
                }
            }
        }
    }
}
