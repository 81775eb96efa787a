//! Extensions in the same program: WebSockets without a socket.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::bindings::{normalize, relative};
use super::channels::{QUEUE, Queue};
use super::feed::Feed;
use super::websocket::gone;
use super::wire::MessageType;
use crate::kernel::Kernel;

/// The far end of an extension WebSocket. To the process it is one: it hears
/// WebSocketOpen, then a WebSocketPush of type Binary for each message sent, and
/// WebSocketClose when this is dropped.
///
/// The process may push 100 messages that aren't received yet. One more blocks
/// it; after a second that is a [`Hazard`](crate::Hazard) and ends the
/// connection. So always receive.
#[derive(Debug)]
pub struct Extension {
    /// Sends to the process. Waits while 100 messages are on their way.
    pub sender: mpsc::Sender<Bytes>,
    /// Receives what the process pushes, until the node ends the connection.
    pub receiver: mpsc::Receiver<Bytes>,
}

/// Connects to a path that a process has bound for extensions.
pub(crate) async fn connect(kernel: &Arc<Kernel>, path: &str) -> anyhow::Result<Extension> {
    let path = normalize(path);
    let server = &kernel.http_server;
    let binding = server.bindings.read().socket(path);
    let binding = binding
        .filter(|binding| binding.extension)
        .ok_or_else(|| anyhow::anyhow!("no process has bound {path} for extensions"))?;
    let path = relative(path, &binding.process).into_owned();

    let (sender, mut from_extension) = mpsc::channel(QUEUE);
    let (messages, receiver) = mpsc::channel(QUEUE);
    let (pings, mut pinged) = mpsc::channel(QUEUE);
    let to_extension = messages.clone();
    let queue = Queue::Extension { messages, pings };
    let (channel_id, removed) = server.channels.add(binding.process.clone(), queue);
    let feed = Feed::new(kernel.clone(), binding.process, channel_id);
    feed.open(&path).await;

    tokio::spawn(async move {
        let relay = async {
            loop {
                tokio::select! {
                    message = from_extension.recv() => match message {
                        Some(bytes) => feed.push_of_extension(MessageType::Binary, bytes).await,
                        None => break,
                    },
                    Some(bytes) = pinged.recv() => feed.push(MessageType::Pong, bytes).await,
                }
            }
        };
        tokio::select! {
            () = relay => {}
            () = to_extension.closed() => {}
            () = gone(removed) => {}
        }
        drop(to_extension);
        feed.kernel().http_server.channels.remove(channel_id);
        feed.closed().await;
    });
    Ok(Extension { sender, receiver })
}
