//! What processes send to clients, or wish they hadn't.

use std::time::Duration;

use bytes::Bytes;

use super::HttpServer;
use super::channels::{Outgoing, Pushed, Waiting};
use super::wire::{Action, Error, MessageType, Wrapped};
use crate::hazard::Hazard;
use crate::id::ProcessId;
use crate::kernel::Kernel;
use crate::message::Blob;

/// The longest payload of a ping or pong, in bytes.
const CONTROL_FRAME: usize = 125;
/// How long a process is blocked at a socket whose queue is full. A real node
/// blocks for as long as the client doesn't read, and all sockets with it.
const PATIENCE: Duration = Duration::from_secs(1);

impl HttpServer {
    pub(super) fn push(
        &self,
        kernel: &Kernel,
        process: &ProcessId,
        channel_id: u32,
        message_type: MessageType,
        bytes: Bytes,
    ) -> Result<(), Error> {
        let outgoing = match message_type {
            MessageType::Text => Outgoing::Text(bytes),
            MessageType::Binary => Outgoing::Binary(bytes),
            MessageType::Ping | MessageType::Pong if bytes.len() > CONTROL_FRAME => {
                return Err(Error::WsPingPongTooLong);
            }
            MessageType::Ping => Outgoing::Ping(bytes),
            MessageType::Pong => Outgoing::Pong(bytes),
            MessageType::Close => {
                kernel.hazards.record(Hazard::PushedClose {
                    process: process.clone(),
                    channel_id,
                });
                return Ok(());
            }
        };
        let waiting = match self.channels.push(process, channel_id, outgoing) {
            Pushed::Queued => return Ok(()),
            Pushed::NotFound => return Err(Error::WsChannelNotFound),
            Pushed::Full(waiting) => waiting,
        };
        match wait_for_room(kernel, waiting) {
            Some(true) => Ok(()),
            Some(false) => Err(Error::WsChannelNotFound),
            None => {
                self.channels.remove(channel_id);
                kernel.hazards.record(Hazard::FullSocketQueue {
                    process: process.clone(),
                    channel_id,
                });
                Ok(())
            }
        }
    }

    pub(super) fn close(
        &self,
        kernel: &Kernel,
        process: &ProcessId,
        channel_id: u32,
    ) -> Result<(), Error> {
        match self.channels.owner(channel_id) {
            None => Ok(()),
            Some(owner) if owner != *process => Err(Error::WsChannelNotFound),
            Some(_) => {
                kernel.hazards.record(Hazard::ClosedOpenChannel {
                    process: process.clone(),
                    channel_id,
                });
                self.channels.remove(channel_id);
                Ok(())
            }
        }
    }
}

pub(super) fn payload(blob: &Option<Blob>) -> Result<Bytes, Error> {
    blob.as_ref()
        .map(|blob| blob.bytes.clone())
        .ok_or(Error::NoBlob)
}

/// Wraps a message to an extension in MessagePack.
pub(super) fn wrap(id: u64, kind: Wrapped, blob: &[u8]) -> Result<Bytes, Error> {
    rmp_serde::to_vec_named(&Action::WebSocketExtPushData {
        id,
        kinode_message_type: kind,
        blob: blob.to_vec(),
    })
    .map(Bytes::from)
    .map_err(|_| Error::MalformedRequest)
}

/// Blocks the process while the queue of a socket is full, as a client that
/// reads makes room soon. Gives `None` if it doesn't, and `Some(false)` if the
/// socket ends.
fn wait_for_room(kernel: &Kernel, waiting: Waiting) -> Option<bool> {
    if tokio::runtime::Handle::try_current().is_ok() {
        // Not the thread of a process: it can't block.
        return None;
    }
    kernel
        .runtime
        .block_on(async { tokio::time::timeout(PATIENCE, waiting.send()).await })
        .ok()
}
