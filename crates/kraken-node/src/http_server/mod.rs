//! `http-server:distro:sys`: paths bound by processes, and the WebSockets
//! connected to them.
//!
//! This part handles what processes ask for, on their threads. It waits only for
//! a client that reads too slowly, and not for long.
//! What clients send comes in through [`router()`] and [`extension`].

mod bindings;
mod channels;
mod extension;
mod feed;
mod http;
mod login;
mod push;
mod router;
mod rpc;
mod websocket;
mod wire;

use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;

use self::bindings::{Access, Bindings, HttpBinding, SocketBinding};
use self::channels::Channels;
use self::http::PendingRequests;
use self::login::Login;
use self::push::{payload, wrap};
use self::wire::{Action, Error, MessageType, to_json};
use crate::id::ProcessId;
use crate::kernel::Kernel;
use crate::message::{Envelope, Message};

pub use self::extension::Extension;
pub(crate) use self::extension::connect;
pub(crate) use self::router::{is_own, router};

pub(crate) struct HttpServer {
    id: ProcessId,
    bindings: RwLock<Bindings>,
    channels: Channels,
    pending: PendingRequests,
    login: Login,
}

impl HttpServer {
    pub(crate) fn start(
        our: &str,
        home: &Path,
        login_secret: Option<String>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            id: ProcessId::system("http-server"),
            bindings: RwLock::default(),
            channels: Channels::default(),
            pending: PendingRequests::default(),
            login: Login::open(our, home, login_secret)?,
        })
    }

    /// The secret that logs in, also the value of the cookie.
    pub(crate) fn login_secret(&self) -> &str {
        self.login.secret()
    }

    /// The name of the cookie of those who are logged in.
    pub(crate) fn cookie_name(&self) -> &str {
        self.login.cookie_name()
    }

    /// Drops every WebSocket.
    pub(crate) fn stop(&self) {
        self.channels.clear();
    }

    /// Handles a message of a process, on the thread of the process.
    pub(crate) fn handle(&self, kernel: &Arc<Kernel>, envelope: Envelope) {
        let request = match &envelope.message {
            Message::Response(_) => return self.pending.answer(envelope),
            Message::Request(request) => request,
        };
        let action = match serde_json::from_slice(&request.body) {
            Ok(action) => action,
            Err(error) => {
                tracing::warn!(source = %envelope.source, %error, "malformed request to the HTTP server");
                return answer(kernel, &envelope, Err(Error::MalformedRequest));
            }
        };
        let answered_by_extension = matches!(action, Action::WebSocketExtPushOutgoing { .. });
        let result = self.act(kernel, &envelope, action);
        if result.is_err() || !answered_by_extension {
            answer(kernel, &envelope, result);
        }
    }

    fn act(&self, kernel: &Arc<Kernel>, envelope: &Envelope, action: Action) -> Result<(), Error> {
        let source = &envelope.source;
        match action {
            Action::WebSocketPush {
                channel_id,
                message_type,
            } => {
                let bytes = payload(&envelope.blob)?;
                self.push(kernel, source, channel_id, message_type, bytes)
            }
            Action::WebSocketExtPushOutgoing {
                channel_id,
                message_type,
                desired_reply_type,
            } => {
                let blob = payload(&envelope.blob)?;
                if message_type != MessageType::Binary {
                    return Err(Error::NoBlob);
                }
                let bytes = wrap(envelope.id, desired_reply_type, &blob)?;
                self.push(kernel, source, channel_id, message_type, bytes)
            }
            Action::WebSocketExtPushData { .. } => Err(Error::MalformedRequest),
            Action::WebSocketClose(channel_id) => self.close(kernel, source, channel_id),
            Action::Bind {
                path,
                authenticated,
                local_only,
                cache,
            } => {
                let access = match authenticated {
                    true => Access::LoggedIn,
                    false => Access::Everybody,
                };
                self.bind(envelope, &path, access, local_only, cache)
            }
            Action::SecureBind { path, cache } => {
                let access = Access::secure(source);
                self.bind(envelope, &path, access, false, cache)
            }
            Action::Unbind { path } => {
                self.bindings.write().unbind(source, &path);
                Ok(())
            }
            Action::WebSocketBind {
                path,
                authenticated,
                extension,
            } => {
                let access = match authenticated {
                    true => Access::LoggedIn,
                    false => Access::Everybody,
                };
                self.bind_socket(source, &path, access, extension)
            }
            Action::WebSocketSecureBind { path, extension } => {
                self.bind_socket(source, &path, Access::secure(source), extension)
            }
            Action::WebSocketUnbind { path } => {
                self.bindings.write().unbind_socket(source, &path);
                Ok(())
            }
        }
    }

    fn bind(
        &self,
        envelope: &Envelope,
        path: &str,
        access: Access,
        local_only: bool,
        cache: bool,
    ) -> Result<(), Error> {
        let process = &envelope.source;
        if !process.may_bind() {
            return Err(Error::InvalidSourceProcess);
        }
        let content = match (cache, &envelope.blob) {
            (false, _) => None,
            (true, None) => return Err(Error::NoBlob),
            (true, Some(blob)) => Some(blob.clone()),
        };
        let mut bindings = self.bindings.write();
        bindings.bind(process, path, |path| HttpBinding {
            process: process.clone(),
            path,
            access,
            local_only,
            content,
        });
        Ok(())
    }

    fn bind_socket(
        &self,
        process: &ProcessId,
        path: &str,
        access: Access,
        extension: bool,
    ) -> Result<(), Error> {
        if !process.may_bind() {
            return Err(Error::InvalidSourceProcess);
        }
        let binding = SocketBinding {
            process: process.clone(),
            access,
            extension,
        };
        self.bindings.write().bind_socket(process, path, binding);
        Ok(())
    }
}

/// Answers if somebody waits for it. A real node answers errors always, but the
/// kernel then throws away what nobody waits for.
fn answer(kernel: &Arc<Kernel>, envelope: &Envelope, result: Result<(), Error>) {
    if envelope.expects_response() {
        kernel.answer(envelope.answer(to_json(&result), None));
    } else if let Err(error) = result {
        tracing::debug!(source = %envelope.source, ?error, "the HTTP server refused a request");
    }
}
