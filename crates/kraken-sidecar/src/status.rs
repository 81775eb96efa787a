//! Whether the process is there.

use std::sync::Arc;

/// The state of the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkStatus {
    /// No attempt has ended yet.
    Connecting,
    /// The process has let the gateway in.
    Up,
    /// The last attempt failed, or the link broke. Further attempts follow.
    Down(Arc<str>),
    /// The gateway was shut down.
    Stopped,
}
