//! What a process hears of one WebSocket.

use std::sync::Arc;

use bytes::Bytes;

use super::wire::{Action, Event, MessageType, Wrapped};
use crate::id::{ProcessId, random_id};
use crate::kernel::Kernel;
use crate::message::{Blob, Envelope, Message, Request, Response};

/// MessagePack of a map with one entry begins with this: what an extension
/// wraps its messages in.
const WRAPPED: u8 = 0x81;

/// Sends the events of one channel. The JSON of its pushes is encoded once.
pub(super) struct Feed {
    kernel: Arc<Kernel>,
    process: ProcessId,
    channel_id: u32,
    binary: Bytes,
    text: Bytes,
}

impl Feed {
    pub(super) fn new(kernel: Arc<Kernel>, process: ProcessId, channel_id: u32) -> Self {
        Self {
            binary: body(channel_id, MessageType::Binary),
            text: body(channel_id, MessageType::Text),
            kernel,
            process,
            channel_id,
        }
    }

    pub(super) fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    pub(super) async fn open(&self, path: &str) {
        let event = Event::WebSocketOpen {
            path,
            channel_id: self.channel_id,
        };
        self.send(self.notice(event.to_body())).await;
    }

    pub(super) async fn push(&self, message_type: MessageType, bytes: Bytes) {
        let body = match message_type {
            MessageType::Binary => self.binary.clone(),
            MessageType::Text => self.text.clone(),
            MessageType::Ping | MessageType::Pong | MessageType::Close => {
                body(self.channel_id, message_type)
            }
        };
        self.send(self.notice(body).with_blob(bytes)).await;
    }

    /// Passes on a message of an extension. One that is wrapped becomes the
    /// request or response that it says; any other is a push, bytes untouched.
    pub(super) async fn push_of_extension(&self, message_type: MessageType, bytes: Bytes) {
        if bytes.first() == Some(&WRAPPED) {
            match rmp_serde::from_slice(&bytes) {
                Ok(Action::WebSocketExtPushData {
                    id,
                    kinode_message_type,
                    blob,
                }) => {
                    let envelope = self.unwrapped(id, kinode_message_type, message_type, blob);
                    self.send(envelope).await;
                    return;
                }
                Ok(_) => {
                    tracing::warn!(process = %self.process, "unexpected message of an extension");
                    return;
                }
                Err(_) => {}
            }
        }
        self.push(message_type, bytes).await;
    }

    pub(super) async fn closed(&self) {
        let event = Event::WebSocketClose(self.channel_id);
        self.send(self.notice(event.to_body())).await;
    }

    fn unwrapped(
        &self,
        id: u64,
        kind: Wrapped,
        message_type: MessageType,
        blob: Vec<u8>,
    ) -> Envelope {
        let body = body(self.channel_id, message_type);
        Envelope {
            id: match id {
                0 => random_id(),
                id => id,
            },
            source: self.kernel.http_server.id.clone(),
            target: self.process.clone(),
            rsvp: None,
            message: match kind {
                Wrapped::Request => Message::Request(Request {
                    body,
                    ..Request::default()
                }),
                Wrapped::Response => Message::Response(Response {
                    body,
                    ..Response::default()
                }),
            },
            blob: Some(Blob {
                mime: None,
                bytes: blob.into(),
            }),
        }
    }

    fn notice(&self, body: Bytes) -> Envelope {
        Envelope::notice(
            self.kernel.http_server.id.clone(),
            self.process.clone(),
            body,
        )
    }

    async fn send(&self, envelope: Envelope) {
        self.kernel.send(envelope).await;
    }
}

fn body(channel_id: u32, message_type: MessageType) -> Bytes {
    Event::WebSocketPush {
        channel_id,
        message_type,
    }
    .to_body()
}
