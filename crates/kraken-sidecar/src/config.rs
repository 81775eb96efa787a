//! What can be set.

use std::time::Duration;

use ipnet::IpNet;

use crate::LinkKey;

/// Limits and times of a gateway. The defaults suit a public server.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The secret that the process expects in `Hello`.
    pub key: LinkKey,
    /// TCP connections at a time, WebSockets included. Further ones wait in the listen queue.
    pub max_connections: usize,
    /// WebSocket handshakes and HTTP requests that wait for the process at a time, each. Further
    /// ones get 503.
    pub max_pending: usize,
    /// Bytes that wait for one client, not counting what is being written to it, and not the
    /// largest message. A client with more is closed.
    pub max_outbox: usize,
    /// Bytes that wait for the process. The last message may pass this by its own size. While
    /// there are more, clients aren't read.
    pub max_link_queue: usize,
    /// Whose `X-Forwarded-For` is believed: the networks of the proxies in front of the gateway.
    pub trusted_proxies: Vec<IpNet>,
    /// WebSocket handshakes a minute that one IPv4 address or IPv6 /64 gets to the process; as many
    /// at once. Further ones get 429. 0 for any number. This machine has no limit.
    pub handshakes_per_minute: u32,
    /// How long a client may stay over the rates of its `Accept`. Until then it is only read more
    /// slowly, then it is closed.
    pub throttle_timeout: Duration,
    /// The largest body of a forwarded HTTP request, in bytes. A larger one gets 413.
    pub max_body: usize,
    /// Bytes of larger bodies that arrive at a time, of all clients together. Who finds no room gets
    /// 503 when its body is late; bodies of up to [`SMALL_BODY`](crate::SMALL_BODY) always have it.
    pub max_bodies: usize,
    /// How long the head of an HTTP request may take.
    pub head_timeout: Duration,
    /// How long the process may take to answer a WebSocket handshake. Then it gets 503.
    pub handshake_timeout: Duration,
    /// How long the process may take to answer an HTTP request, and how long its body may take to
    /// arrive. Then it gets 504, or 408.
    pub request_timeout: Duration,
    /// How long a client may take nothing of what is written to it. Then its TCP connection is
    /// dropped.
    pub write_timeout: Duration,
    /// How often a client is pinged. One from which nothing came for a whole interval after a ping
    /// is dropped.
    pub ping_interval: Duration,
    /// How long a client may take to read what is left for it and to answer a close frame. Then
    /// its TCP connection is dropped.
    pub close_timeout: Duration,
    /// How long the process may take to let the gateway in.
    pub welcome_timeout: Duration,
    /// How often the process hears something, so that a restarted one can say that it was.
    pub heartbeat: Duration,
    /// The pause before the second attempt to reach the process. It doubles up to
    /// [`max_backoff`](Self::max_backoff).
    pub min_backoff: Duration,
    /// The longest pause between attempts to reach the process.
    pub max_backoff: Duration,
    /// How long the process may take, at shutdown, to store what it has.
    pub drain_timeout: Duration,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            key: LinkKey::default(),
            max_connections: 131_072,
            max_pending: 1024,
            max_outbox: 16 * 1024 * 1024,
            max_link_queue: 4 * 1024 * 1024,
            trusted_proxies: Vec::new(),
            handshakes_per_minute: 600,
            throttle_timeout: Duration::from_secs(60),
            max_body: 1024 * 1024,
            max_bodies: 64 * 1024 * 1024,
            head_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(60),
            ping_interval: Duration::from_secs(25),
            close_timeout: Duration::from_secs(5),
            welcome_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(2),
            min_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(5),
        }
    }
}
