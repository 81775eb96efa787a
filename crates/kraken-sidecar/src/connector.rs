//! How the gateway reaches the process.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use tokio::sync::mpsc;

/// One channel to the process: whole frames, in order, in both directions.
///
/// Dropping it closes the channel; a closed half means that the other side is gone.
#[derive(Debug)]
pub struct LinkSocket {
    /// Frames to the process.
    pub sender: mpsc::Sender<Bytes>,
    /// Frames from the process. The gateway always reads them without delay.
    pub receiver: mpsc::Receiver<Bytes>,
}

/// Opens channels to the process, one after the other.
pub trait LinkConnector: Send + Sync + 'static {
    /// Opens a channel. The gateway drops the former one first, and calls again, after a pause, when
    /// this fails or the channel closes.
    fn connect(&self) -> ConnectFuture<'_>;
}

/// The future of [`LinkConnector::connect`].
pub type ConnectFuture<'a> =
    Pin<Box<dyn Future<Output = Result<LinkSocket, ConnectError>> + Send + 'a>>;

/// Why there is no channel to the process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address of the node isn't a WebSocket address.
    #[error("`{0}` is not an address like ws://127.0.0.1:8080")]
    Address(String),
    /// Nothing listens at the address of the node.
    #[error("the Kinode node at {address} is not reachable, is it running? {source}")]
    Unreachable {
        /// The address of the node.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The node has no such process, or the process isn't ready yet.
    #[error(
        "the Kinode node at {address} answers {status}: is the package kraken:template.os installed and running?"
    )]
    NotInstalled {
        /// The address of the node.
        address: String,
        /// The HTTP status.
        status: u16,
    },
    /// The node doesn't let this machine in: extensions are for its own machine only.
    #[error(
        "the Kinode node at {address} answers {status}: the sidecar has to run on the node's machine"
    )]
    Forbidden {
        /// The address of the node.
        address: String,
        /// The HTTP status.
        status: u16,
    },
    /// Something else than a node listens there.
    #[error("what listens at {address} is not a Kinode node: {problem}")]
    NotANode {
        /// The address of the node.
        address: String,
        /// Why.
        problem: String,
    },
    /// Anything else.
    #[error("no way to the process: {0}")]
    Failed(String),
}
