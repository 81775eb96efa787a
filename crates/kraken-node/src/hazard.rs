//! What a process did that would hang or crash a real node.

use std::fmt;

use parking_lot::Mutex;

use crate::id::ProcessId;

/// How many hazards are kept; later ones are only logged.
const KEPT: usize = 1_000;

/// Something that a real node of version 1.0.0 doesn't survive. This one does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hazard {
    /// The process closed an open WebSocket. It deadlocks the HTTP server of a
    /// real node. Here the socket is closed.
    ClosedOpenChannel {
        /// Who did it.
        process: ProcessId,
        /// The socket.
        channel_id: u32,
    },
    /// The process pushed a message of type Close. It crashes the HTTP server of
    /// a real node. Here it does nothing.
    PushedClose {
        /// Who did it.
        process: ProcessId,
        /// The socket.
        channel_id: u32,
    },
    /// The process pushed to a socket whose queue of 100 was full, and the client
    /// read nothing for a second. It blocks the HTTP server of a real node, often
    /// for good. Here the socket is dropped.
    FullSocketQueue {
        /// Who did it.
        process: ProcessId,
        /// The socket.
        channel_id: u32,
    },
    /// The process pushed to a WebSocket that it had opened itself, and the
    /// server read nothing for a second. It blocks the HTTP client of a real
    /// node, for everybody. Here the socket is dropped.
    BlockedClientSocket {
        /// Who did it.
        process: ProcessId,
        /// The socket.
        channel_id: u32,
    },
    /// The process awaited a response while its mailbox was full: the node's
    /// event loop is stuck at that mailbox, and the response behind it.
    AwaitedWithFullMailbox {
        /// Who did it.
        process: ProcessId,
        /// Who was to respond.
        target: ProcessId,
    },
    /// The process asked for 10,000 answers without receiving in between. It
    /// deadlocks with the event loop of a real node. Here the answer is lost.
    OverfilledOwnMailbox {
        /// Who did it.
        process: ProcessId,
    },
    /// The process waited too long for room in another one's mailbox, and the
    /// message was dropped.
    StuckSending {
        /// Who did it.
        process: ProcessId,
        /// Whose mailbox was full.
        target: ProcessId,
    },
    /// The process isn't public, and relies on what its manifest grants. A real
    /// node answers it until it reboots; from then on it may not, and the process
    /// never binds a path. Here it is answered.
    NotPublic {
        /// Whose manifest it is.
        process: ProcessId,
    },
    /// The process has more requests under way than a service takes; one was
    /// dropped. A real node would collect them without a bound.
    TooManyRequests {
        /// Who did it.
        process: ProcessId,
        /// The service.
        target: ProcessId,
    },
}

impl fmt::Display for Hazard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedOpenChannel {
                process,
                channel_id,
            } => write!(formatter, "{process} closed the open channel {channel_id}"),
            Self::PushedClose {
                process,
                channel_id,
            } => write!(formatter, "{process} pushed Close to channel {channel_id}"),
            Self::FullSocketQueue {
                process,
                channel_id,
            } => write!(
                formatter,
                "{process} pushed to channel {channel_id}, whose queue was full"
            ),
            Self::BlockedClientSocket {
                process,
                channel_id,
            } => write!(
                formatter,
                "{process} pushed to its own channel {channel_id}, and the server didn't read"
            ),
            Self::AwaitedWithFullMailbox { process, target } => write!(
                formatter,
                "{process} awaited a response of {target} while its mailbox was full"
            ),
            Self::OverfilledOwnMailbox { process } => write!(
                formatter,
                "{process} overfilled its own mailbox with answers"
            ),
            Self::StuckSending { process, target } => write!(
                formatter,
                "{process} was stuck at the full mailbox of {target}"
            ),
            Self::NotPublic { process } => write!(
                formatter,
                "{process} isn't public, and won't be answered after a reboot"
            ),
            Self::TooManyRequests { process, target } => write!(
                formatter,
                "{process} has too many requests under way at {target}"
            ),
        }
    }
}

/// The hazards seen so far.
#[derive(Default)]
pub(crate) struct Hazards(Mutex<Vec<Hazard>>);

impl Hazards {
    pub(crate) fn record(&self, hazard: Hazard) {
        tracing::error!(%hazard, "a real node would not survive this");
        let mut seen = self.0.lock();
        if seen.len() < KEPT {
            seen.push(hazard);
        }
    }

    pub(crate) fn seen(&self) -> Vec<Hazard> {
        self.0.lock().clone()
    }
}
