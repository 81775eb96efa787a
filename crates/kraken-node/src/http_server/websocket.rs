//! WebSockets of clients.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;

use super::bindings::SocketBinding;
use super::channels::{Outgoing, QUEUE, Queue, Removed, Slot};
use super::feed::Feed;
use super::wire::MessageType;
use crate::kernel::Kernel;

/// The largest message and frame that a client may send, in bytes.
pub(super) const MESSAGE: usize = 64 << 20;
pub(super) const FRAME: usize = 16 << 20;
/// How long the rest of a removed socket's queue may take to send.
const FAREWELL: Duration = Duration::from_secs(1);

/// Carries messages both ways until the socket ends. It outlives restarts of
/// its process.
pub(super) async fn serve(
    kernel: Arc<Kernel>,
    socket: WebSocket,
    binding: SocketBinding,
    path: String,
    _slot: Slot,
) {
    let (sink, stream) = socket.split();
    let (sender, queue) = mpsc::channel(QUEUE);
    let channels = &kernel.http_server.channels;
    let (channel_id, removed) = channels.add(binding.process.clone(), Queue::Socket(sender));
    tracing::debug!(process = %binding.process, channel_id, "socket opened");
    let mut writer = tokio::spawn(write(sink, queue));

    let feed = Feed::new(kernel.clone(), binding.process, channel_id);
    feed.open(&path).await;
    tokio::select! {
        () = read(stream, &feed, binding.extension) => {}
        _ = &mut writer => {}
        () = gone(removed) => {}
    }
    channels.remove(channel_id);
    feed.closed().await;

    if !writer.is_finished() && tokio::time::timeout(FAREWELL, &mut writer).await.is_err() {
        writer.abort();
    }
    tracing::debug!(channel_id, "socket closed");
}

async fn read(mut stream: SplitStream<WebSocket>, feed: &Feed, extension: bool) {
    while let Some(Ok(message)) = stream.next().await {
        let (message_type, bytes) = match message {
            Message::Text(text) => (MessageType::Text, Bytes::from(text)),
            Message::Binary(bytes) => (MessageType::Binary, bytes),
            Message::Ping(bytes) => (MessageType::Ping, bytes),
            Message::Pong(bytes) => (MessageType::Pong, bytes),
            Message::Close(frame) => {
                let reason = frame.map(|frame| Bytes::from(frame.reason));
                (MessageType::Close, reason.unwrap_or_default())
            }
        };
        match extension {
            true => feed.push_of_extension(message_type, bytes).await,
            false => feed.push(message_type, bytes).await,
        }
    }
}

async fn write(mut sink: SplitSink<WebSocket, Message>, mut queue: mpsc::Receiver<Outgoing>) {
    while let Some(outgoing) = queue.recv().await {
        // What is queued goes out together.
        let mut next = Some(outgoing);
        while let Some(outgoing) = next {
            if sink.feed(encode(outgoing)).await.is_err() {
                return;
            }
            next = queue.try_recv().ok();
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
    // A failure means that the client is gone already.
    let _ = sink.close().await;
}

fn encode(outgoing: Outgoing) -> Message {
    match outgoing {
        Outgoing::Text(bytes) => Message::Text(match Utf8Bytes::try_from(bytes.clone()) {
            Ok(text) => text,
            Err(_) => String::from_utf8_lossy(&bytes).into_owned().into(),
        }),
        Outgoing::Binary(bytes) => Message::Binary(bytes),
        Outgoing::Ping(bytes) => Message::Ping(bytes),
        Outgoing::Pong(bytes) => Message::Pong(bytes),
    }
}

/// Resolves when the channel has been removed.
pub(super) async fn gone(removed: Removed) {
    let _ = removed.await;
}
