//! The public handle, and the state that all parts share.

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use parking_lot::RwLock;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use crate::attempts::Attempts;
use crate::engine::EngineConnector;
use crate::metrics::{Levels, Metrics};
use crate::session::Session;
use crate::{GatewayConfig, LinkConnector, LinkStatus, forward, handshake, life, link, server};

/// The gateway: a link to the process on one side, clients on the other.
///
/// Clones are handles to the same gateway.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// The state that all parts share.
pub(crate) struct Shared {
    pub(crate) config: GatewayConfig,
    pub(crate) connector: Arc<dyn LinkConnector>,
    pub(crate) engine: Option<Arc<dyn EngineConnector>>,
    pub(crate) status: watch::Sender<LinkStatus>,
    pub(crate) stopping: watch::Sender<bool>,
    /// One permit per TCP connection.
    pub(crate) connections: Arc<Semaphore>,
    /// One permit per byte of larger bodies.
    pub(crate) bodies: Semaphore,
    /// Handshakes per address, unless there may be any number.
    pub(crate) attempts: Option<Attempts>,
    pub(crate) metrics: Arc<Metrics>,
    session: RwLock<Option<Arc<Session>>>,
}

impl Gateway {
    /// A gateway that reaches the process through this connector once [`run`](Self::run) runs.
    pub fn new(config: GatewayConfig, connector: Arc<dyn LinkConnector>) -> Self {
        Self::assemble(config, connector, None)
    }

    /// The same, with a media engine for the process.
    pub fn with_engine(
        config: GatewayConfig,
        connector: Arc<dyn LinkConnector>,
        engine: Arc<dyn EngineConnector>,
    ) -> Self {
        Self::assemble(config, connector, Some(engine))
    }

    fn assemble(
        config: GatewayConfig,
        connector: Arc<dyn LinkConnector>,
        engine: Option<Arc<dyn EngineConnector>>,
    ) -> Self {
        let connections = config.max_connections.min(Semaphore::MAX_PERMITS);
        // Less than one body would never have room.
        let bodies = config.max_bodies.max(config.max_body);
        let attempts = match config.handshakes_per_minute {
            0 => None,
            per_minute => Some(Attempts::new(per_minute, Instant::now())),
        };
        let shared = Shared {
            config,
            connector,
            engine,
            status: watch::Sender::new(LinkStatus::Connecting),
            stopping: watch::Sender::new(false),
            connections: Arc::new(Semaphore::new(connections)),
            bodies: Semaphore::new(bodies.min(Semaphore::MAX_PERMITS)),
            attempts,
            metrics: Arc::default(),
            session: RwLock::new(None),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Keeps the link up: connects, reconnects with growing pauses, and moves what comes over it.
    /// Ends after [`shutdown`](Self::shutdown).
    pub async fn run(&self) {
        link::run(&self.shared).await;
    }

    /// Answers every path and method. Meant to be served by [`serve`](Self::serve), maybe together
    /// with other routes, which take precedence.
    pub fn router(&self) -> Router {
        Router::new()
            .fallback(answer)
            .with_state(self.shared.clone())
    }

    /// Serves a router, with this gateway's limits for connections, until
    /// [`shutdown`](Self::shutdown).
    pub fn serve(
        &self,
        listener: TcpListener,
        router: Router,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        server::serve(self.shared.clone(), listener, router)
    }

    /// The state of the link, now and from now on.
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.shared.status.subscribe()
    }

    /// Stops: no new connections, every client closed with 1012, everything stored by the process.
    /// Returns when that is done, or when one of them takes too long.
    pub async fn shutdown(&self) {
        self.shared.stopping.send_replace(true);
        let config = &self.shared.config;
        let mut status = self.shared.status.subscribe();
        if *status.borrow() != LinkStatus::Connecting {
            let limit = life::CLOSING_TIME + config.drain_timeout + life::CLOSING_TIME;
            let stopped = status.wait_for(|status| *status == LinkStatus::Stopped);
            if timeout(limit, stopped).await.is_err() {
                tracing::warn!("the link did not stop in time");
            }
        }
        // Lets close frames reach their clients.
        let all = u32::try_from(config.max_connections).unwrap_or(u32::MAX);
        let gone = self.shared.connections.acquire_many(all);
        if timeout(life::CLOSING_TIME, gone).await.is_err() {
            tracing::debug!("some clients did not close in time");
        }
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl Shared {
    /// The link, if the process has let the gateway in.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        if self.is_stopping() {
            return None;
        }
        self.session.read().clone()
    }

    pub(crate) fn set_session(&self, session: Option<Arc<Session>>) {
        *self.session.write() = session;
    }

    /// The gateway's own metrics, as text.
    pub(crate) async fn render_metrics(&self) -> String {
        let mut levels = Levels {
            is_linked: false,
            link_queue: 0,
            outboxes: 0,
        };
        if let Some(session) = self.session() {
            levels = Levels {
                is_linked: true,
                link_queue: session.queued(),
                outboxes: session.backlog().await,
            };
        }
        self.metrics.render(levels)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until the gateway stops.
    pub(crate) async fn stopped(&self) {
        // Fails only if the sender is gone, which `self` owns.
        let _ = self
            .stopping
            .subscribe()
            .wait_for(|stopping| *stopping)
            .await;
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if handshake::is_upgrade(&request) {
        handshake::open(&shared, request).await
    } else {
        let response = forward::forward(&shared, request).await;
        shared.metrics.answer(response.status());
        response
    }
}
