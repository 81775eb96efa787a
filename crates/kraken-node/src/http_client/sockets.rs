//! The WebSockets that processes have opened, each under a number of their own
//! choice.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::http::Uri;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::request::valid;
use super::wire::{Error, Event, MessageType, Reply};
use crate::hazard::Hazard;
use crate::id::ProcessId;
use crate::kernel::Kernel;
use crate::message::{Blob, Envelope, Message as NodeMessage, Request};

/// How many sockets there may be at a time. A real node has no limit.
const SOCKETS: usize = 1_024;
/// How long a server may take to accept. A real node waits for ever.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// How long a server may not read. A real node waits for ever.
const PATIENCE: Duration = Duration::from_secs(1);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Sink = SplitSink<Stream, Message>;
/// A process, and its number for the socket.
type Key = (ProcessId, u32);

#[derive(Default)]
pub(super) struct Sockets(Mutex<HashMap<Key, Socket>>);

struct Socket {
    sink: Arc<tokio::sync::Mutex<Sink>>,
    listener: AbortHandle,
}

/// Where what a socket says goes to.
struct Listener {
    kernel: Weak<Kernel>,
    sockets: Arc<Sockets>,
    key: Key,
    /// Every event has the id of the request that opened the socket.
    id: u64,
    source: ProcessId,
}

impl Sockets {
    /// Connects to a server. What it says may reach the process before the answer
    /// to this does, under the same id.
    pub(super) async fn open(
        self: &Arc<Self>,
        kernel: &Arc<Kernel>,
        envelope: &Envelope,
        url: String,
        headers: &HashMap<String, String>,
        channel_id: u32,
    ) -> Result<Reply, Error> {
        if url.parse::<Uri>().is_err() {
            return Err(Error::BadUrl { url });
        }
        let Ok(mut request) = url.as_str().into_client_request() else {
            return Err(Error::WsOpenFailed { url });
        };
        request.headers_mut().extend(valid(headers));
        if self.0.lock().len() >= SOCKETS {
            return Err(Error::WsOpenFailed { url });
        }
        let stream = match tokio::time::timeout(OPEN_WITHIN, connect_async(request)).await {
            Ok(Ok((stream, _))) => stream,
            Ok(Err(error)) => {
                tracing::debug!(url, %error, "can't open a socket");
                return Err(Error::WsOpenFailed { url });
            }
            Err(_) => return Err(Error::WsOpenFailed { url }),
        };
        let (sink, stream) = stream.split();
        let key = (owner(envelope), channel_id);
        let listener = Listener {
            kernel: Arc::downgrade(kernel),
            sockets: self.clone(),
            key: key.clone(),
            id: envelope.id,
            source: envelope.target.clone(),
        };
        // One that has this number is closed, and hears of it as if it were this.
        if let Some(old) = self.get(&key) {
            close(&old).await;
        }
        let mut sockets = self.0.lock();
        let socket = Socket {
            sink: Arc::new(tokio::sync::Mutex::new(sink)),
            listener: tokio::spawn(listener.listen(stream)).abort_handle(),
        };
        sockets.insert(key, socket);
        Ok(Reply::WebSocketAck)
    }

    pub(super) async fn push(
        &self,
        kernel: &Kernel,
        envelope: &Envelope,
        channel_id: u32,
        message_type: MessageType,
        blob: Option<Blob>,
    ) -> Result<Reply, Error> {
        let key = (owner(envelope), channel_id);
        let sink = self
            .get(&key)
            .ok_or(Error::WsPushUnknownChannel { channel_id })?;
        let bytes = || blob.map(|blob| blob.bytes).ok_or(Error::WsPushNoBlob);
        let message = match message_type {
            MessageType::Text => {
                let text = Utf8Bytes::try_from(bytes()?).map_err(|_| Error::WsPushBadText)?;
                Message::Text(text)
            }
            MessageType::Binary => Message::Binary(bytes()?),
            MessageType::Ping => Message::Ping(Bytes::new()),
            MessageType::Pong => Message::Pong(Bytes::new()),
            MessageType::Close => Message::Close(None),
        };
        let sent = async { sink.lock().await.send(message).await };
        // That it failed is told by the listener.
        if tokio::time::timeout(PATIENCE, sent).await.is_err() {
            self.drop_socket(&key);
            kernel.hazards.record(Hazard::BlockedClientSocket {
                process: key.0,
                channel_id,
            });
        }
        Ok(Reply::WebSocketAck)
    }

    /// Says good-bye to a server. The process hears of it when the server has
    /// said so too.
    pub(super) async fn close(&self, envelope: &Envelope, channel_id: u32) -> Result<Reply, Error> {
        let key = (owner(envelope), channel_id);
        let removed = self.0.lock().remove(&key);
        let socket = removed.ok_or(Error::WsCloseFailed { channel_id })?;
        close(&socket.sink).await;
        Ok(Reply::WebSocketAck)
    }

    pub(super) fn clear(&self) {
        for (_, socket) in self.0.lock().drain() {
            socket.listener.abort();
        }
    }

    fn get(&self, key: &Key) -> Option<Arc<tokio::sync::Mutex<Sink>>> {
        self.0.lock().get(key).map(|socket| socket.sink.clone())
    }

    fn drop_socket(&self, key: &Key) {
        if let Some(socket) = self.0.lock().remove(key) {
            socket.listener.abort();
        }
    }
}

impl Listener {
    async fn listen(self, mut stream: SplitStream<Stream>) {
        while let Some(message) = stream.next().await {
            let (message_type, blob) = match message {
                Ok(Message::Text(text)) => {
                    (MessageType::Text, Some(blob("text/plain", text.into())))
                }
                Ok(Message::Binary(bytes)) => (
                    MessageType::Binary,
                    Some(blob("application/octet-stream", bytes)),
                ),
                Ok(Message::Ping(_)) => (MessageType::Ping, None),
                Ok(Message::Pong(_)) => (MessageType::Pong, None),
                Ok(Message::Frame(_)) => continue,
                Ok(Message::Close(_)) | Err(_) => {
                    self.sockets.0.lock().remove(&self.key);
                    let channel_id = self.key.1;
                    self.tell(&Event::WebSocketClose { channel_id }, None).await;
                    return;
                }
            };
            // After the process has closed it, only the end is told.
            if self.sockets.0.lock().contains_key(&self.key) {
                let event = Event::WebSocketPush {
                    channel_id: self.key.1,
                    message_type,
                };
                self.tell(&event, blob).await;
            }
        }
    }

    async fn tell(&self, event: &Event, blob: Option<Blob>) {
        let Some(kernel) = self.kernel.upgrade() else {
            return;
        };
        let envelope = Envelope {
            id: self.id,
            source: self.source.clone(),
            target: self.key.0.clone(),
            rsvp: None,
            message: NodeMessage::Request(Request {
                body: serde_json::to_vec(event).unwrap_or_default().into(),
                ..Request::default()
            }),
            blob,
        };
        kernel.send(envelope).await;
    }
}

/// Who hears of what comes of a request.
fn owner(envelope: &Envelope) -> ProcessId {
    envelope.rsvp.as_ref().unwrap_or(&envelope.source).clone()
}

async fn close(sink: &tokio::sync::Mutex<Sink>) {
    // A server that is gone or doesn't read needs no good-bye.
    let _ = tokio::time::timeout(PATIENCE, async { sink.lock().await.close().await }).await;
}

fn blob(mime: &str, bytes: Bytes) -> Blob {
    Blob {
        mime: Some(mime.to_owned()),
        bytes,
    }
}
