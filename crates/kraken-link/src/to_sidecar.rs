//! Records from the process to the sidecar.

use bytes::Bytes;

use crate::record::{self, Body};
use crate::wire::{Put, Reader};
use crate::{LinkError, Record};

/// What the process tells the sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToSidecar {
    /// Answers `Hello`: the key was right.
    Welcome {
        /// The process's [`VERSION`](crate::VERSION).
        version: u16,
    },
    /// Lets a client in, under these limits.
    Accept {
        /// The client.
        connection: u32,
        /// The largest message it may send, in bytes.
        max_message: u32,
        /// The close code if it sends a larger one.
        too_large: u16,
        /// The close code if it reads so slowly that its outgoing queue overflows.
        overflow: u16,
        /// How many messages a second it may send in the long run, 0 for any number.
        messages_per_second: u32,
        /// How many bytes of messages a second it may send in the long run, 0 for any number.
        bytes_per_second: u32,
        /// The close code if it stays over either of them.
        too_fast: u16,
    },
    /// Answers a handshake with an HTTP status.
    Refuse {
        /// The client.
        connection: u32,
        /// The status, 400 to 599.
        status: u16,
        /// Why, for the client's program.
        code: String,
        /// Why, for people.
        reason: String,
    },
    /// Closes a connection, after everything sent to it before.
    Close {
        /// The client.
        connection: u32,
        /// The close code.
        code: u16,
        /// Why, for the client.
        reason: String,
    },
    /// A binary message for a client.
    Binary {
        /// The client.
        connection: u32,
        /// The message.
        payload: Bytes,
    },
    /// A text message for a client: UTF-8, though this crate doesn't check it.
    Text {
        /// The client.
        connection: u32,
        /// The message.
        payload: Bytes,
    },
    /// Makes a client get what is published to a topic.
    Subscribe {
        /// The client.
        connection: u32,
        /// A number of the process's choice.
        topic: u32,
    },
    /// Undoes `Subscribe`.
    Unsubscribe {
        /// The client.
        connection: u32,
        /// The topic.
        topic: u32,
    },
    /// A binary message for every subscriber of a topic but one.
    Publish {
        /// The topic.
        topic: u32,
        /// The client that doesn't get it, 0 if all do.
        except: u32,
        /// The message.
        payload: Bytes,
    },
    /// Likewise, a text message: UTF-8, though this crate doesn't check it.
    PublishText {
        /// The topic.
        topic: u32,
        /// The client that doesn't get it, 0 if all do.
        except: u32,
        /// The message.
        payload: Bytes,
    },
    /// Asks for `Marked` once all that was sent to a client before has been written to its socket.
    Mark {
        /// The client.
        connection: u32,
    },
    /// Answers a `Request`.
    Response {
        /// The number of the request.
        id: u32,
        /// The HTTP status.
        status: u16,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// Answers `Drain`: everything is stored.
    Drained,
    /// A message for the media engine.
    Engine {
        /// The message, of at most [`MAX_ENGINE_MESSAGE`](crate::MAX_ENGINE_MESSAGE) bytes.
        payload: Bytes,
    },
    /// The process doesn't know this link any more, or refuses it: the sidecar starts anew.
    Reset {
        /// Why, for the log.
        reason: String,
    },
}

const WELCOME: u8 = 0x41;
const ACCEPT: u8 = 0x42;
const REFUSE: u8 = 0x43;
const CLOSE: u8 = 0x44;
const BINARY: u8 = 0x45;
const TEXT: u8 = 0x46;
const SUBSCRIBE: u8 = 0x47;
const UNSUBSCRIBE: u8 = 0x48;
const PUBLISH: u8 = 0x49;
const RESPONSE: u8 = 0x4A;
const DRAINED: u8 = 0x4B;
const RESET: u8 = 0x4C;
const PUBLISH_TEXT: u8 = 0x4D;
const MARK: u8 = 0x4E;
const ENGINE: u8 = 0x4F;

impl Record for ToSidecar {
    fn encode(&self, out: &mut Vec<u8>) {
        record::encode(self, out);
    }

    fn encoded_len(&self) -> usize {
        record::encoded_len(self)
    }

    fn decode(kind: u8, body: Bytes) -> Result<Self, LinkError> {
        let mut body = Reader(body);
        let record = match kind {
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
            PUBLISH => {
                let (topic, except) = (body.u32()?, body.u32()?);
                return Ok(Self::Publish {
                    topic,
                    except,
                    payload: body.rest(),
                });
            }
            PUBLISH_TEXT => {
                let (topic, except) = (body.u32()?, body.u32()?);
                return Ok(Self::PublishText {
                    topic,
                    except,
                    payload: body.rest(),
                });
            }
            ENGINE => {
                return Ok(Self::Engine {
                    payload: body.engine_message()?,
                });
            }
            RESPONSE => {
                return Ok(Self::Response {
                    id: body.u32()?,
                    status: body.u16()?,
                    headers: body.headers()?,
                    body: body.rest(),
                });
            }
            WELCOME => Self::Welcome {
                version: body.u16()?,
            },
            ACCEPT => Self::Accept {
                connection: body.u32()?,
                max_message: body.u32()?,
                too_large: body.u16()?,
                overflow: body.u16()?,
                messages_per_second: body.u32()?,
                bytes_per_second: body.u32()?,
                too_fast: body.u16()?,
            },
            REFUSE => Self::Refuse {
                connection: body.u32()?,
                status: body.u16()?,
                code: body.string()?,
                reason: body.string()?,
            },
            CLOSE => Self::Close {
                connection: body.u32()?,
                code: body.u16()?,
                reason: body.string()?,
            },
            SUBSCRIBE => Self::Subscribe {
                connection: body.u32()?,
                topic: body.u32()?,
            },
            UNSUBSCRIBE => Self::Unsubscribe {
                connection: body.u32()?,
                topic: body.u32()?,
            },
            MARK => Self::Mark {
                connection: body.u32()?,
            },
            DRAINED => Self::Drained,
            RESET => Self::Reset {
                reason: body.string()?,
            },
            unknown => return Err(LinkError::UnknownKind(unknown)),
        };
        body.finish(kind)?;
        Ok(record)
    }
}

impl Body for ToSidecar {
    fn kind(&self) -> u8 {
        match self {
            Self::Welcome { .. } => WELCOME,
            Self::Accept { .. } => ACCEPT,
            Self::Refuse { .. } => REFUSE,
            Self::Close { .. } => CLOSE,
            Self::Binary { .. } => BINARY,
            Self::Text { .. } => TEXT,
            Self::Subscribe { .. } => SUBSCRIBE,
            Self::Unsubscribe { .. } => UNSUBSCRIBE,
            Self::Publish { .. } => PUBLISH,
            Self::PublishText { .. } => PUBLISH_TEXT,
            Self::Mark { .. } => MARK,
            Self::Response { .. } => RESPONSE,
            Self::Drained => DRAINED,
            Self::Engine { .. } => ENGINE,
            Self::Reset { .. } => RESET,
        }
    }

    fn put<P: Put>(&self, out: &mut P) {
        match self {
            Self::Welcome { version } => out.put_u16(*version),
            Self::Accept {
                connection,
                max_message,
                too_large,
                overflow,
                messages_per_second,
                bytes_per_second,
                too_fast,
            } => {
                out.put_u32(*connection);
                out.put_u32(*max_message);
                out.put_u16(*too_large);
                out.put_u16(*overflow);
                out.put_u32(*messages_per_second);
                out.put_u32(*bytes_per_second);
                out.put_u16(*too_fast);
            }
            Self::Refuse {
                connection,
                status,
                code,
                reason,
            } => {
                out.put_u32(*connection);
                out.put_u16(*status);
                out.put_string(code);
                out.put_string(reason);
            }
            Self::Close {
                connection,
                code,
                reason,
            } => {
                out.put_u32(*connection);
                out.put_u16(*code);
                out.put_string(reason);
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
            Self::Subscribe { connection, topic } | Self::Unsubscribe { connection, topic } => {
                out.put_u32(*connection);
                out.put_u32(*topic);
            }
            Self::Publish {
                topic,
                except,
                payload,
            }
            | Self::PublishText {
                topic,
                except,
                payload,
            } => {
                out.put_u32(*topic);
                out.put_u32(*except);
                out.put(payload);
            }
            Self::Response {
                id,
                status,
                headers,
                body,
            } => {
                out.put_u32(*id);
                out.put_u16(*status);
                out.put_headers(headers);
                out.put(body);
            }
            Self::Mark { connection } => out.put_u32(*connection),
            Self::Drained => {}
            Self::Engine { payload } => out.put(payload),
            Self::Reset { reason } => out.put_string(reason),
        }
    }
}
