//! TCP connections for media, until it is known whose they are.

use super::Shared;
use crate::worker::NewStream;
use kraken_sfu::asked_for;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections that may wait for their first frame at a time.
const MOST_UNKNOWN: usize = 512;
/// How long one may wait.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of the first frame, which is a connectivity check.
const LONGEST_CHECK: usize = 1_500;
/// The pause after an error of `accept`, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the engine stops. `announced` is the address that clients know.
pub(super) async fn accept(
    shared: Arc<Shared>,
    listener: std::net::TcpListener,
    announced: SocketAddr,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "can't accept media by TCP");
            return;
        }
    };
    let unknown = Arc::new(Semaphore::new(MOST_UNKNOWN));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stopped() => return,
        };
        let (stream, source) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "can't accept a media connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Too many strangers: the newest goes.
        let Ok(permit) = unknown.clone().try_acquire_owned() else {
            continue;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            let introduced = timeout(PATIENCE, introduce(&shared, stream, source, announced));
            if !matches!(introduced.await, Ok(Ok(()))) {
                tracing::trace!("a media connection didn't say whose it is");
            }
            drop(permit);
        });
    }
}

/// Reads the first frame, and gives the connection to the worker for which it asks.
async fn introduce(
    shared: &Shared,
    mut stream: TcpStream,
    source: SocketAddr,
    destination: SocketAddr,
) -> io::Result<()> {
    let length = usize::from(stream.read_u16().await?);
    if length > LONGEST_CHECK {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut read = vec![0; length + 2];
    read[..2].copy_from_slice(&u16::try_from(length).unwrap_or(0).to_be_bytes());
    stream.read_exact(&mut read[2..]).await?;
    let name = asked_for(&read[2..]).ok_or(io::ErrorKind::InvalidData)?;
    let worker = shared.directory.worker(&name);
    let worker = worker.and_then(|worker| shared.worker(worker));
    let worker = worker.ok_or(io::ErrorKind::NotFound)?;
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let adopted = worker.adopt(NewStream {
        stream,
        source,
        destination,
        read,
    });
    adopted.map_err(|_| io::ErrorKind::WouldBlock.into())
}
