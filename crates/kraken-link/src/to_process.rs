//! Records from the sidecar to the process.

use bytes::Bytes;

use crate::record::{self, Body};
use crate::wire::{Put, Reader};
use crate::{LinkError, Record};

/// What the sidecar tells the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToProcess {
    /// The first record of a link.
    Hello {
        /// The sidecar's [`VERSION`](crate::VERSION).
        version: u16,
        /// The secret that both sides know.
        key: Bytes,
    },
    /// A client wants to open a WebSocket. Answered by `Accept` or `Refuse`.
    Open {
        /// A number of the sidecar's choice, never 0, never used before on this link.
        connection: u32,
        /// What the client's request said.
        handshake: Handshake,
    },
    /// A binary message of a client.
    Binary {
        /// The client.
        connection: u32,
        /// The message.
        payload: Bytes,
    },
    /// A text message of a client: UTF-8, though this crate doesn't check it.
    Text {
        /// The client.
        connection: u32,
        /// The message.
        payload: Bytes,
    },
    /// A client is gone. Also sent for a connection that the process closed.
    Closed {
        /// The client.
        connection: u32,
        /// The close code, 0 if the connection was lost without one.
        code: u16,
    },
    /// Answers `Mark`: all that was sent to a client before has been written to its socket.
    Marked {
        /// The client.
        connection: u32,
    },
    /// An HTTP request. Answered by `Response`.
    Request {
        /// A number of the sidecar's choice.
        id: u32,
        /// The method, upper case.
        method: String,
        /// The path, not decoded.
        path: String,
        /// The query, without `?`, not decoded.
        query: Option<String>,
        /// Names in lower case, and values.
        headers: Vec<(String, String)>,
        /// The IP address of the client as text, empty if it isn't known.
        remote: String,
        /// The body.
        body: Bytes,
    },
    /// The sidecar is about to leave: the process stores what it has, then answers `Drained`.
    Drain,
    /// Whether there is a media engine has changed; at the start of a link there is none.
    EngineUp {
        /// Whether there is.
        is_up: bool,
    },
    /// A message of the media engine.
    Engine {
        /// The message, of at most [`MAX_ENGINE_MESSAGE`](crate::MAX_ENGINE_MESSAGE) bytes.
        payload: Bytes,
    },
}

/// What the request of a WebSocket handshake said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handshake {
    /// The path, not decoded.
    pub path: String,
    /// The query, without `?`, not decoded.
    pub query: Option<String>,
    /// The `Origin` header, which only browsers are bound to send truthfully.
    pub origin: Option<String>,
    /// The token of the `Authorization: Bearer` header.
    pub bearer: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The IP address of the client as text, empty if it isn't known.
    pub remote: String,
}

const HELLO: u8 = 0x01;
const OPEN: u8 = 0x02;
const BINARY: u8 = 0x03;
const TEXT: u8 = 0x04;
const CLOSED: u8 = 0x05;
const REQUEST: u8 = 0x06;
const DRAIN: u8 = 0x07;
const MARKED: u8 = 0x08;
const ENGINE_UP: u8 = 0x09;
const ENGINE: u8 = 0x0A;

impl Record for ToProcess {
    fn encode(&self, out: &mut Vec<u8>) {
        record::encode(self, out);
    }

    fn encoded_len(&self) -> usize {
        record::encoded_len(self)
    }

    fn decode(kind: u8, body: Bytes) -> Result<Self, LinkError> {
        let mut body = Reader(body);
        let record = match kind {
            HELLO => {
                return Ok(Self::Hello {
                    version: body.u16()?,
                    key: body.rest(),
                });
            }
            BINARY => {
                return Ok(Self::Binary {
                    connection: body.u32()?,
                    payload: body.rest(),
                });
            }
            TEXT => {
                return Ok(Self::Text {
                    connection: body.u32()?,
                    payload: body.rest(),
                });
            }
            ENGINE => {
                return Ok(Self::Engine {
                    payload: body.engine_message()?,
                });
            }
            REQUEST => {
                return Ok(Self::Request {
                    id: body.u32()?,
                    method: body.string()?,
                    path: body.string()?,
                    query: body.optional()?,
                    headers: body.headers()?,
                    remote: body.string()?,
                    body: body.rest(),
                });
            }
            OPEN => Self::Open {
                connection: body.u32()?,
                handshake: Handshake {
                    path: body.string()?,
                    query: body.optional()?,
                    origin: body.optional()?,
                    bearer: body.optional()?,
                    user_agent: body.optional()?,
                    remote: body.string()?,
                },
            },
            CLOSED => Self::Closed {
                connection: body.u32()?,
                code: body.u16()?,
            },
            MARKED => Self::Marked {
                connection: body.u32()?,
            },
            DRAIN => Self::Drain,
            ENGINE_UP => Self::EngineUp {
                is_up: body.flag()?,
            },
            unknown => return Err(LinkError::UnknownKind(unknown)),
        };
        body.finish(kind)?;
        Ok(record)
    }
}

impl Body for ToProcess {
    fn kind(&self) -> u8 {
        match self {
            Self::Hello { .. } => HELLO,
            Self::Open { .. } => OPEN,
            Self::Binary { .. } => BINARY,
            Self::Text { .. } => TEXT,
            Self::Closed { .. } => CLOSED,
            Self::Request { .. } => REQUEST,
            Self::Marked { .. } => MARKED,
            Self::Drain => DRAIN,
            Self::EngineUp { .. } => ENGINE_UP,
            Self::Engine { .. } => ENGINE,
        }
    }

    fn put<P: Put>(&self, out: &mut P) {
        match self {
            Self::Hello { version, key } => {
                out.put_u16(*version);
                out.put(key);
            }
            Self::Open {
                connection,
                handshake,
            } => {
                out.put_u32(*connection);
                out.put_string(&handshake.path);
                out.put_optional(handshake.query.as_deref());
                out.put_optional(handshake.origin.as_deref());
                out.put_optional(handshake.bearer.as_deref());
                out.put_optional(handshake.user_agent.as_deref());
                out.put_string(&handshake.remote);
            }
            Self::Binary {
                connection,
                payload,
            }
            | Self::Text {
                connection,
                payload,
            } => {
                out.put_u32(*connection);
                out.put(payload);
            }
            Self::Closed { connection, code } => {
                out.put_u32(*connection);
                out.put_u16(*code);
            }
            Self::Request {
                id,
                method,
                path,
                query,
                headers,
                remote,
                body,
            } => {
                out.put_u32(*id);
                out.put_string(method);
                out.put_string(path);
                out.put_optional(query.as_deref());
                out.put_headers(headers);
                out.put_string(remote);
                out.put(body);
            }
            Self::Marked { connection } => out.put_u32(*connection),
            Self::Drain => {}
            Self::EngineUp { is_up } => out.put_u8(u8::from(*is_up)),
            Self::Engine { payload } => out.put(payload),
        }
    }
}
