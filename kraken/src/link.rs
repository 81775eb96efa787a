//! The sidecar's end of the link, as this process sees it.

use kinode_process_lib::LazyLoadBlob;
use kinode_process_lib::http::server::{WsMessageType, send_ws_push};
use kraken_core::{ConnectionId, Effect, RequestId};
use kraken_link::{Endpoint, ToProcess, ToSidecar};
use std::collections::BTreeSet;

/// Bytes that may wait for the sidecar before no more of its records are taken. A single record's
/// answers may go beyond.
const MAX_QUEUED: usize = 4 << 20;

/// One channel to a sidecar, from its opening to its end.
pub(crate) struct Session {
    /// Tells this session's connections from those of others.
    number: u32,
    channel: u32,
    pub(crate) endpoint: Endpoint<ToSidecar, ToProcess>,
    /// Whether the sidecar has shown its key.
    pub(crate) welcomed: bool,
    connections: BTreeSet<u32>,
}

impl Session {
    pub(crate) fn new(number: u32, channel: u32) -> Self {
        Self {
            number,
            channel,
            endpoint: Endpoint::process(),
            welcomed: false,
            connections: BTreeSet::new(),
        }
    }

    pub(crate) fn channel(&self) -> u32 {
        self.channel
    }

    pub(crate) fn is_on(&self, channel: u32) -> bool {
        self.channel == channel
    }

    /// Whether there is room for the answers to another record.
    pub(crate) fn has_room(&self) -> bool {
        self.endpoint.queued() < MAX_QUEUED
    }

    /// The core's name of a connection of this session.
    pub(crate) fn connection(&self, connection: u32) -> ConnectionId {
        ConnectionId(self.global(connection))
    }

    /// The core's name of a request of this session.
    pub(crate) fn request(&self, id: u32) -> RequestId {
        RequestId(self.global(id))
    }

    pub(crate) fn opened(&mut self, connection: u32) {
        self.connections.insert(connection);
    }

    pub(crate) fn closed(&mut self, connection: u32) {
        self.connections.remove(&connection);
    }

    /// The connections that end with this session.
    pub(crate) fn into_connections(self) -> impl Iterator<Item = ConnectionId> {
        let number = self.number;
        let global = move |connection| ConnectionId(join(number, connection));
        self.connections.into_iter().map(global)
    }

    /// Queues an effect for the sidecar, if it concerns this session.
    pub(crate) fn carry_out(&mut self, effect: Effect) {
        if let Some(record) = self.record(effect) {
            self.endpoint.queue(&record);
        }
    }

    /// Sends what the sidecar takes now.
    pub(crate) fn flush(&mut self) {
        while let Some(frame) = self.endpoint.poll_frame() {
            push(self.channel, frame);
        }
    }

    /// Tells the sidecar to start anew, after everything queued before.
    pub(crate) fn reset(&mut self, reason: &str) {
        let reason = reason.to_owned();
        self.endpoint.queue(&ToSidecar::Reset { reason });
        self.flush();
    }

    fn record(&self, effect: Effect) -> Option<ToSidecar> {
        Some(match effect {
            Effect::Accept { connection, limits } => ToSidecar::Accept {
                connection: self.local(connection.0)?,
                max_message: limits.message_bytes,
                too_large: limits.too_large,
                overflow: limits.overflow,
                messages_per_second: limits.messages_per_second,
                bytes_per_second: limits.bytes_per_second,
                too_fast: limits.too_fast,
            },
            Effect::Refuse {
                connection,
                status,
                code,
                reason,
            } => ToSidecar::Refuse {
                connection: self.local(connection.0)?,
                status,
                code,
                reason,
            },
            Effect::Send {
                connection,
                message,
            } => ToSidecar::Binary {
                connection: self.local(connection.0)?,
                payload: message,
            },
            Effect::SendText {
                connection,
                message,
            } => ToSidecar::Text {
                connection: self.local(connection.0)?,
                payload: message,
            },
            Effect::Subscribe { connection, topic } => ToSidecar::Subscribe {
                connection: self.local(connection.0)?,
                topic: topic.0,
            },
            Effect::Unsubscribe { connection, topic } => ToSidecar::Unsubscribe {
                connection: self.local(connection.0)?,
                topic: topic.0,
            },
            Effect::Mark { connection } => ToSidecar::Mark {
                connection: self.local(connection.0)?,
            },
            Effect::PublishText {
                topic,
                except,
                message,
            } => ToSidecar::PublishText {
                topic: topic.0,
                except: self.except(except),
                payload: message,
            },
            Effect::Publish {
                topic,
                except,
                message,
            } => ToSidecar::Publish {
                topic: topic.0,
                except: self.except(except),
                payload: message,
            },
            Effect::Close {
                connection,
                code,
                reason,
            } => ToSidecar::Close {
                connection: self.local(connection.0)?,
                code,
                reason,
            },
            Effect::Respond { request, response } => ToSidecar::Response {
                id: self.local(request.0)?,
                status: response.status,
                headers: response.headers,
                body: response.body,
            },
            Effect::Engine(payload) => ToSidecar::Engine { payload },
            Effect::Drained => ToSidecar::Drained,
            Effect::Push { .. }
            | Effect::ResetLink
            | Effect::Save(_)
            | Effect::Store(_)
            | Effect::Warn(_) => return None,
        })
    }

    /// Who doesn't get a publication, as the sidecar knows it.
    fn except(&self, except: Option<ConnectionId>) -> u32 {
        except.and_then(|except| self.local(except.0)).unwrap_or(0)
    }

    fn global(&self, local: u32) -> u64 {
        join(self.number, local)
    }

    fn local(&self, global: u64) -> Option<u32> {
        (global >> 32 == u64::from(self.number)).then_some(global as u32)
    }
}

fn join(session: u32, local: u32) -> u64 {
    u64::from(session) << 32 | u64::from(local)
}

/// Tells whoever is on `channel` to start anew.
pub(crate) fn reset(channel: u32, reason: &str) {
    let mut endpoint = Endpoint::process();
    endpoint.queue(&ToSidecar::Reset {
        reason: reason.to_owned(),
    });
    while let Some(frame) = endpoint.poll_frame() {
        push(channel, frame);
    }
}

fn push(channel: u32, frame: Vec<u8>) {
    let blob = LazyLoadBlob {
        mime: None,
        bytes: frame,
    };
    send_ws_push(channel, WsMessageType::Binary, blob);
}
