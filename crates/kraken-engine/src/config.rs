//! What an engine is told at its start.

use kraken_sfu::{Limits, Patience};
use std::net::IpAddr;
use std::path::PathBuf;

/// How an engine reaches the world, and how much it takes.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where media comes in. At least one.
    pub addresses: Vec<Address>,
    /// The UDP port for media on all addresses; 0 lets the system choose.
    pub udp_port: u16,
    /// The TCP port for media on all addresses, for clients whose network lets no UDP through;
    /// 0 lets the system choose.
    pub tcp_port: u16,
    /// How many threads route media. A room is on one of them.
    pub workers: usize,
    /// Bounds on what peers may use, for each worker.
    pub limits: Limits,
    /// When peers count as gone.
    pub patience: Patience,
    /// The HTTP API.
    pub rpc: RpcConfig,
    /// The TURN server that clients are told, if there is one.
    pub turn: Option<TurnConfig>,
    /// Where recordings go; none are made if it isn't said.
    pub recordings: Option<RecordingConfig>,
}

/// An address of this machine, and the one by which clients know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Where the engine listens.
    pub bind: IpAddr,
    /// What clients are told. Another one than `bind` only behind a 1:1 NAT.
    pub announced: IpAddr,
}

/// The HTTP API.
#[derive(Debug, Clone)]
pub struct RpcConfig {
    /// Who shows this key may see everything, and who shows the key of a room that is made from
    /// it may see the sessions in that room.
    pub key: Option<String>,
    /// Whether `list` shows the session of each peer to everybody, as the original does. Whoever
    /// knows a session can speak for its peer.
    pub list_shows_sessions: bool,
    /// Bytes of one request.
    pub body_bytes: usize,
    /// HTTP connections at a time.
    pub connections: usize,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            key: None,
            list_shows_sessions: false,
            body_bytes: 1024 * 1024,
            connections: 4_096,
        }
    }
}

/// A TURN server that shares a secret with the engine, such as coturn with `static-auth-secret`.
#[derive(Clone)]
pub struct TurnConfig {
    /// Its address, as in `turn:turn.example.com:3478`.
    pub host: String,
    /// The shared secret.
    pub secret: String,
}

impl std::fmt::Debug for TurnConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("TurnConfig");
        shown.field("host", &self.host).finish_non_exhaustive()
    }
}

/// Where recordings go, and how much room they may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingConfig {
    /// A folder for recordings, of which each has a folder in it. No other engine may use it.
    pub folder: PathBuf,
    /// Bytes after which a recording ends.
    pub most_bytes: u64,
    /// Bytes that stay free on the disk: when there are fewer, all recordings end.
    pub least_free: u64,
}

impl RecordingConfig {
    /// Recordings of at most 16 GiB each that leave 1 GiB of the disk free.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            most_bytes: 16 << 30,
            least_free: 1 << 30,
        }
    }
}

/// The monitor that an engine belongs to.
#[derive(Clone)]
pub struct MonitorLink {
    /// The monitor's address, as in `http://10.0.0.1:7000`.
    pub monitor: String,
    /// What engines and monitor know, and nobody else.
    pub key: String,
    /// The engine's own address, by which the monitor reaches its JSON-RPC.
    pub engine: String,
}
