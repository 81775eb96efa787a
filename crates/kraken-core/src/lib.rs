//! All behaviour of Kraken, as a value that takes the time and an event and gives effects.
//!
//! There is no clock, socket, thread, file or randomness in here. A host
//! 1. makes a [`Core`] with the randomness it needs,
//! 2. hands it every [`Event`] with the time, and carries out the [`Effect`]s in their order,
//! 3. calls [`Core::handle_timeout`] when [`Core::next_timeout`] has come,
//! 4. hands in no more frames while [`Core::is_congested`], only storage's answers.
//!
//! One host is the Kinode process; another is the simulation.

mod api;
mod auth;
pub mod close;
mod connect;
pub mod doc;
#[doc(hidden)]
pub mod fuzz;
mod ids;
mod limits;
mod storage;
mod timers;

pub use api::{HttpRequest, HttpResponse};
pub use auth::{Credentials, SetupReply, SetupRequest, TokenHash};
pub use connect::Handshake;
pub use ids::{AppId, ConnectionId, RequestId, RoomId, RoomName, StorageId, Timestamp, TopicId};
pub use limits::Limits;
pub use storage::{StorageOperation, StorageReply, StorageRequest};

use bytes::Bytes;
use connect::Outcome;
use doc::Documents;
use serde::{Deserialize, Serialize};
use yrs::ClientID;

/// When an update is relayed, and what a crash can cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// At once; it is written within [`doc::WRITE_WINDOW`] and what writing takes. A crash loses
    /// at most that, and clients that are still open bring even that back.
    #[default]
    RelayFirst,
    /// Once it is stored, to its writer as well: the echo means "saved". A crash loses nothing
    /// that anybody but its writer has seen.
    WriteFirst,
}

/// What a [`Core`] is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bounds.
    pub limits: Limits,
    /// How documents are kept.
    pub durability: Durability,
    /// Who may do what.
    pub credentials: Credentials,
    /// Names this core as a Yjs client. Random, so that it is nobody else's.
    pub client: ClientID,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client wants a WebSocket: answered by [`Effect::Accept`] or [`Effect::Refuse`].
    Opened {
        /// Its name from now on.
        connection: ConnectionId,
        /// What it asked for.
        handshake: Handshake,
    },
    /// A client sent a binary message.
    Binary {
        /// Who sent it.
        connection: ConnectionId,
        /// The message.
        message: Bytes,
    },
    /// A client sent a text message.
    Text {
        /// Who sent it.
        connection: ConnectionId,
        /// The message.
        message: Bytes,
    },
    /// A connection is gone.
    Closed {
        /// Which.
        connection: ConnectionId,
    },
    /// An HTTP request: answered by one [`Effect::Respond`].
    Request {
        /// Its name.
        request: RequestId,
        /// What is asked.
        http: HttpRequest,
    },
    /// Storage answered an [`Effect::Store`].
    Stored {
        /// Which request.
        id: StorageId,
        /// The answer.
        reply: StorageReply,
    },
    /// The host is about to stop: everything is to be written, then [`Effect::Drained`] follows.
    Drain,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Let a connection in.
    Accept {
        /// Which.
        connection: ConnectionId,
        /// The bounds that its host keeps.
        limits: ConnectionLimits,
    },
    /// Answer a handshake with an HTTP status.
    Refuse {
        /// Which.
        connection: ConnectionId,
        /// HTTP status.
        status: u16,
        /// For people.
        reason: String,
    },
    /// Send one binary message.
    Send {
        /// To whom.
        connection: ConnectionId,
        /// One WebSocket message.
        message: Bytes,
    },
    /// From here on a connection gets what is published on a topic.
    Subscribe {
        /// Who. A connection that closes leaves its topics.
        connection: ConnectionId,
        /// To what.
        topic: TopicId,
    },
    /// Send one binary message to all subscribers of a topic, or all but one.
    Publish {
        /// To whose subscribers.
        topic: TopicId,
        /// Who doesn't get it.
        except: Option<ConnectionId>,
        /// One WebSocket message.
        message: Bytes,
    },
    /// Close a connection.
    Close {
        /// Which.
        connection: ConnectionId,
        /// WebSocket close code: [`close`].
        code: u16,
        /// For people; at most 123 bytes.
        reason: String,
    },
    /// Answer an HTTP request.
    Respond {
        /// Which.
        request: RequestId,
        /// The answer.
        response: HttpResponse,
    },
    /// Ask storage: answered by [`Event::Stored`].
    Store(StorageRequest),
    /// Everything is written.
    Drained,
    /// Tell the operator.
    Warn(String),
}

/// The bounds that a connection's host keeps for the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Bytes of its largest message.
    pub message_bytes: u32,
    /// Close code when it sends a larger one.
    pub too_large: u16,
    /// Close code when it doesn't read what it is sent.
    pub overflow: u16,
}

/// Kraken's behaviour.
pub struct Core {
    limits: Limits,
    credentials: Credentials,
    documents: Documents,
    effects: Vec<Effect>,
    draining: bool,
}

impl Core {
    /// A core without connections or rooms.
    pub fn new(config: Config) -> Self {
        Self {
            limits: config.limits,
            credentials: config.credentials,
            documents: Documents::new(config.limits, config.durability, config.client),
            effects: Vec::new(),
            draining: false,
        }
    }

    /// Takes an event.
    pub fn handle(&mut self, now: Timestamp, event: Event) {
        let Self {
            documents, effects, ..
        } = self;
        match event {
            Event::Opened {
                connection,
                handshake,
            } => self.opened(connection, &handshake, now),
            Event::Binary {
                connection,
                message,
            } => documents.frame(connection, message, now, effects),
            // Nothing on a document's socket speaks text yet; it is ignored.
            Event::Text { .. } => {}
            Event::Closed { connection } => documents.leave(connection, now),
            Event::Request { request, http } => {
                let response = api::respond(&http, documents, &self.credentials);
                effects.push(Effect::Respond { request, response });
            }
            Event::Stored { id, reply } => {
                documents.stored(id, reply, now, effects);
                self.drain_if_idle();
            }
            Event::Drain => {
                self.draining = true;
                documents.flush(effects);
                self.drain_if_idle();
            }
        }
    }

    /// Does everything whose time has come.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.documents.handle_timeout(now, &mut self.effects);
    }

    /// When [`Core::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.documents.next_timeout()
    }

    /// What is to be done, in order.
    pub fn drain_effects(&mut self) -> std::vec::Drain<'_, Effect> {
        self.effects.drain(..)
    }

    /// Whether storage is so far behind that no frames may be handed in.
    pub fn is_congested(&self) -> bool {
        self.documents.is_congested()
    }

    /// Whether storage has answered everything, and nothing waits for it. Looks at every room.
    pub fn is_idle(&self) -> bool {
        self.documents.is_idle()
    }

    /// Changes who may do what. Connections that are open stay.
    pub fn set_credentials(&mut self, credentials: Credentials) {
        self.credentials = credentials;
    }

    /// Changes how documents are kept, from the next update on.
    pub fn set_durability(&mut self, durability: Durability) {
        self.documents.set_durability(durability);
    }

    fn opened(&mut self, connection: ConnectionId, handshake: &Handshake, now: Timestamp) {
        let accept = Effect::Accept {
            connection,
            limits: ConnectionLimits {
                message_bytes: self.limits.message_bytes,
                too_large: close::TOO_LARGE,
                overflow: close::SLOW,
            },
        };
        match connect::decide(handshake, &self.credentials) {
            Outcome::Document(room) => {
                self.effects.push(accept);
                self.documents
                    .join(connection, room, now, &mut self.effects);
            }
            Outcome::Refuse { status, reason } => self.effects.push(Effect::Refuse {
                connection,
                status,
                reason,
            }),
            Outcome::AcceptAndClose { code, reason } => self.effects.extend([
                accept,
                Effect::Close {
                    connection,
                    code,
                    reason,
                },
            ]),
        }
    }

    fn drain_if_idle(&mut self) {
        if self.draining && self.documents.is_stored() {
            self.draining = false;
            self.effects.push(Effect::Drained);
        }
    }
}
