//! What an [`Sfu`](crate::Sfu) is told at its start.

use std::net::SocketAddr;
use std::time::Duration;

/// Where peers reach the SFU, and how much it takes.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// UDP addresses that peers are told, best first.
    pub udp: Vec<SocketAddr>,
    /// TCP addresses that peers are told, best first.
    pub tcp: Vec<SocketAddr>,
    /// Bounds on what peers may use.
    pub limits: Limits,
    /// When peers count as gone.
    pub patience: Patience,
}

/// Bounds on memory and work.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Peers in all rooms together.
    pub peers: usize,
    /// Peers that have joined, but have not connected yet. Joining costs a client one request, so
    /// a flood of them must not take the memory of all peers.
    pub connecting: usize,
    /// Peers in one room.
    pub peers_per_room: usize,
    /// Audio and video tracks that one peer may publish.
    pub tracks_per_peer: usize,
    /// Videos that one peer of a call is sent at a time. Of more, those of who spoke last win.
    pub videos_per_peer: usize,
    /// Bytes of one session description.
    pub sdp_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            peers: 4_000,
            connecting: 500,
            peers_per_room: 200,
            tracks_per_peer: 4,
            videos_per_peer: 25,
            sdp_bytes: 512 * 1024,
        }
    }
}

/// How long a peer may be silent.
///
/// A connected browser sends something at least every 2.5 s, one with a microphone every 20 ms.
#[derive(Debug, Clone)]
pub struct Patience {
    /// After this long without a packet, a peer's tracks are withdrawn. They come back with it.
    pub quiet: Duration,
    /// After this long without a packet, a peer is closed.
    pub gone: Duration,
    /// A peer that has not connected this long after it was published is closed.
    pub connecting: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(3_500),
            gone: Duration::from_secs(15),
            connecting: Duration::from_secs(30),
        }
    }
}
