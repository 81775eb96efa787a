//! What engines tell the monitor every second.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How an engine is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heartbeat {
    /// The address of its JSON-RPC, which is also its name: `http://10.0.0.5:7000`.
    pub(crate) engine: String,
    /// It gets no new rooms.
    pub(crate) is_draining: bool,
    /// The share of the last second that its busiest worker worked, from 0 to 1.
    pub(crate) worked: f64,
    /// Peers that are there.
    pub(crate) peers: u64,
    /// Peers that it takes.
    pub(crate) most_peers: u64,
    /// Packets that it has sent on since its start.
    pub(crate) packets_out: u64,
    /// Peers that left or vanished since its start.
    pub(crate) peers_closed: u64,
    /// Rooms that became empty since its start.
    pub(crate) rooms_closed: u64,
    /// Its rooms.
    pub(crate) rooms: BTreeSet<String>,
}

/// What the monitor answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Instruction {
    /// Whether the engine is to be drained. It remembers that for the next monitor.
    pub(crate) is_draining: bool,
}

impl Heartbeat {
    /// How much of what it can take it has: by work or by peers, whichever is nearer to its end.
    pub(crate) fn load(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share of some thousands")]
        let crowd = self.peers as f64 / self.most_peers.max(1) as f64;
        self.worked.max(crowd)
    }
}
