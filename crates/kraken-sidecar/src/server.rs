//! Accepts TCP connections and speaks HTTP on them.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

use crate::gateway::Shared;

/// Bytes of a request head.
const MAX_HEAD: usize = 64 * 1024;

/// Bytes of a request that are buffered at a time.
const MAX_BUFFER: usize = 2 * MAX_HEAD;

/// Headers of a request.
const MAX_HEADERS: usize = 100;

/// The pause after an error of `accept`, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Counts a TCP connection until the last clone is dropped.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPermit {
    _permit: Arc<OwnedSemaphorePermit>,
}

pub(crate) async fn serve(
    shared: Arc<Shared>,
    listener: TcpListener,
    router: Router,
) -> io::Result<()> {
    loop {
        let accepted = tokio::select! {
            accepted = accept(&shared, &listener) => accepted,
            () = shared.stopped() => return Ok(()),
        };
        match accepted {
            Ok((stream, address, permit)) => {
                tokio::spawn(converse(
                    shared.clone(),
                    stream,
                    address,
                    router.clone(),
                    permit,
                ));
            }
            Err(error) => {
                tracing::warn!(%error, "can't accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn accept(
    shared: &Shared,
    listener: &TcpListener,
) -> io::Result<(TcpStream, SocketAddr, ConnectionPermit)> {
    let permit = shared
        .connections
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // An IPv4 client of an IPv6 socket is known by its IPv4 address.
                let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                // Edits are small and can't wait for more. Fails only on a dead connection.
                let _ = stream.set_nodelay(true);
                return Ok((
                    stream,
                    address,
                    ConnectionPermit {
                        _permit: Arc::new(permit),
                    },
                ));
            }
            // The client has given up before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Serves the requests of one TCP connection, until a WebSocket takes it over.
async fn converse(
    shared: Arc<Shared>,
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    permit: ConnectionPermit,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(shared.config.write_timeout));
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        request.extensions_mut().insert(permit.clone());
        let response = router.clone().call(request);
        async move {
            let Ok(response) = response.await;
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.config.head_timeout)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shared.stopped() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::trace!(%error, "HTTP connection failed");
    }
}

/// HTTP as far as it is bounded by sizes.
pub(crate) fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_BUFFER)
        .max_header_size(MAX_HEAD)
        .max_headers(MAX_HEADERS);
    http
}
