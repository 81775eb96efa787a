//! The way to the process through a Kinode node: an extension WebSocket.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use kraken_link::MAX_FRAME;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::{ConnectError, ConnectFuture, LinkConnector, LinkSocket};

/// Where the process listens for its sidecar, on any node.
pub const LINK_PATH: &str = "/kraken:kraken:template.os/link";

/// Frames between the socket and the gateway. More than the process has in flight, so that the
/// socket is read even while the gateway is busy: a node blocks on an extension that doesn't read.
const CHANNEL_CAPACITY: usize = 128;

/// Reaches the process through a node at an address like `ws://127.0.0.1:8080`.
#[derive(Debug, Clone)]
pub struct WebSocketConnector {
    address: String,
}

impl WebSocketConnector {
    /// A connector for the node at this address, with or without a slash at the end.
    pub fn new(address: &str) -> Result<Self, ConnectError> {
        let address = address.trim_end_matches('/');
        match address.strip_prefix("ws://") {
            Some(authority) if !authority.is_empty() && !authority.contains('/') => Ok(Self {
                address: address.to_owned(),
            }),
            _ => Err(ConnectError::Address(address.to_owned())),
        }
    }

    async fn open(&self) -> Result<LinkSocket, ConnectError> {
        let url = format!("{}{LINK_PATH}", self.address);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let (socket, _) = connect_async_with_config(url, Some(config), true)
            .await
            .map_err(|error| self.explain(error))?;

        let (sender, from_gateway) = mpsc::channel(CHANNEL_CAPACITY);
        let (to_gateway, receiver) = mpsc::channel(CHANNEL_CAPACITY);
        tokio::spawn(pump(socket, from_gateway, to_gateway));
        Ok(LinkSocket { sender, receiver })
    }

    fn explain(&self, error: Error) -> ConnectError {
        let address = self.address.clone();
        match error {
            Error::Io(source) => ConnectError::Unreachable { address, source },
            Error::Http(response) => match response.status().as_u16() {
                status @ (401 | 403) => ConnectError::Forbidden { address, status },
                status => ConnectError::NotInstalled { address, status },
            },
            Error::Url(_) | Error::HttpFormat(_) => ConnectError::Address(address),
            Error::Protocol(_) | Error::ConnectionClosed => ConnectError::NotANode {
                address,
                problem: error.to_string(),
            },
            other => ConnectError::Failed(other.to_string()),
        }
    }
}

impl LinkConnector for WebSocketConnector {
    fn connect(&self) -> ConnectFuture<'_> {
        Box::pin(self.open())
    }
}

/// Moves frames both ways until either side is gone.
async fn pump(
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    mut from_gateway: mpsc::Receiver<Bytes>,
    to_gateway: mpsc::Sender<Bytes>,
) {
    let (mut sink, mut stream) = socket.split();
    let write = async {
        while let Some(frame) = from_gateway.recv().await {
            sink.feed(Message::Binary(frame)).await?;
            while let Ok(frame) = from_gateway.try_recv() {
                sink.feed(Message::Binary(frame)).await?;
            }
            sink.flush().await?;
        }
        sink.close().await
    };
    let read = async {
        while let Some(message) = stream.next().await {
            match message? {
                Message::Binary(frame) => {
                    // The copy lets the socket use its buffer again, whoever keeps a payload.
                    let frame = Bytes::copy_from_slice(&frame);
                    if to_gateway.send(frame).await.is_err() {
                        break;
                    }
                }
                Message::Close(_) => break,
                Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
        Ok::<(), Error>(())
    };
    let result = tokio::select! {
        result = write => result,
        result = read => result,
    };
    if let Err(error) = result {
        tracing::debug!(%error, "link socket failed");
    }
}

#[cfg(test)]
mod tests {
    use super::WebSocketConnector;

    #[test]
    fn only_plain_websocket_addresses_are_taken() {
        for good in ["ws://127.0.0.1:8080", "ws://localhost:1/"] {
            assert!(WebSocketConnector::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost:8080",
            "http://localhost",
            "ws://",
            "ws://a/b",
        ] {
            assert!(WebSocketConnector::new(bad).is_err(), "{bad}");
        }
    }
}
