//! All behaviour of Kraken, as a value that takes the time and an event and gives effects.
//!
//! There is no clock, socket, thread, file or randomness in here. A host
//! 1. makes a [`Core`] with a seed for its secrets, and the settings that it saved last,
//! 2. hands it every [`Event`] with the time, and carries out the [`Effect`]s in their order,
//! 3. calls [`Core::handle_timeout`] when [`Core::next_timeout`] has come,
//! 4. calls [`Core::catch_up`] when it has done all that, which is a *turn*,
//! 5. hands in no more frames while [`Core::is_congested`], only storage's answers.
//!
//! One host is the Kinode process; another is the simulation.

mod alarm;
mod api;
mod auth;
mod call;
pub mod close;
mod connect;
mod connections;
mod direct;
pub mod doc;
#[doc(hidden)]
pub mod fuzz;
mod grant;
mod ids;
mod limits;
mod log;
mod metrics;
mod origin;
mod pages;
mod registry;
mod settings;
mod signal;
mod storage;
pub mod store;
mod ticket;
mod timers;
mod token;
mod visits;

pub use alarm::Alarm;
pub use api::{HttpRequest, HttpResponse, Way};
pub use auth::{SetupReply, SetupRequest};
pub use connect::Handshake;
pub use direct::Push;
pub use ids::{
    AppId, ChannelId, ConnectionId, RequestId, RoomId, RoomName, StorageId, StoreName, Timestamp,
    TopicId,
};
pub use limits::{AppLimitSettings, AppLimits, LimitSettings, Limits};
pub use settings::Settings;
pub use storage::{
    DocumentOperation, StorageOperation, StorageReply, StorageRequest, StoreOperation,
};
pub use store::StoreSetup;

use api::Questions;
use auth::{Secrets, TokenHash};
use bytes::Bytes;
use call::{Calls, Saying};
use connect::Wish;
use connections::{Connections, Expelled};
use direct::Direct;
use doc::{Allowance, Documents, Policy};
use grant::{Grant, Refusal};
use kraken_call::{FromClient, FromEngine, ToClient};
use metrics::Counters;
use pages::Pages;
use serde::{Deserialize, Serialize};
use signal::Signals;
use std::collections::BTreeMap;
use store::{Pass, Purpose, Stores};
use ticket::Tickets;
use visits::Visits;
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
    /// Bounds, where the settings don't say otherwise.
    pub limits: Limits,
    /// What the last core saved; `None` at the very first start.
    pub settings: Option<Settings>,
    /// Random bytes, of which all secrets are made: from a source that nobody can guess.
    pub seed: [u8; 32],
    /// The web UI's files by their paths, `index.html` for one; compressed ones beside them, as
    /// `index.html.gz`. None if there is no web UI.
    pub pages: BTreeMap<String, Bytes>,
    /// The time.
    pub now: Timestamp,
    /// A stopwatch in microseconds, of which only differences count: so long may a turn integrate
    /// what documents have recorded.
    pub stopwatch: fn() -> u64,
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
    /// A connection has been written all that was sent to it before an [`Effect::Mark`].
    Marked {
        /// Which.
        connection: ConnectionId,
    },
    /// A connection is gone.
    Closed {
        /// Which.
        connection: ConnectionId,
    },
    /// A client opened a socket of the node's own HTTP server, which tells nothing but its path.
    ChannelOpened {
        /// The node's name for it.
        channel: ChannelId,
        /// Path as sent, below the process's.
        path: String,
    },
    /// Something came from such a client. Channels that aren't known are ignored.
    ChannelPush {
        /// Which.
        channel: ChannelId,
        /// What.
        push: Push,
    },
    /// Such a client is gone.
    ChannelClosed {
        /// Which.
        channel: ChannelId,
    },
    /// Whether a sidecar is linked has changed.
    Link {
        /// Whether one is.
        is_up: bool,
    },
    /// Whether there is a media engine has changed. At the start of a link there is none.
    EngineUp {
        /// Whether there is.
        is_up: bool,
    },
    /// The media engine says something: [`kraken_call::FromEngine`] as JSON.
    Engine(Bytes),
    /// An HTTP request: answered by one [`Effect::Respond`]; at once, unless it came through a
    /// gateway and the media engine has to be asked.
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
        /// For programs.
        code: String,
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
    /// Send one text message. In a document's room only to a connection that has sent text
    /// itself.
    SendText {
        /// To whom.
        connection: ConnectionId,
        /// One WebSocket message, of UTF-8.
        message: Bytes,
    },
    /// From here on a connection gets what is published on a topic.
    Subscribe {
        /// Who. A connection that closes leaves its topics.
        connection: ConnectionId,
        /// To what.
        topic: TopicId,
    },
    /// A connection doesn't get what is published on a topic any more.
    Unsubscribe {
        /// Who.
        connection: ConnectionId,
        /// What.
        topic: TopicId,
    },
    /// Say when all that was sent to a connection before has been written to its socket:
    /// answered by [`Event::Marked`], unless it closes.
    Mark {
        /// Which.
        connection: ConnectionId,
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
    /// Likewise, one text message.
    PublishText {
        /// To whose subscribers.
        topic: TopicId,
        /// Who doesn't get it.
        except: Option<ConnectionId>,
        /// One WebSocket message, of UTF-8.
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
    /// Push something to a client of the node's own HTTP server. Such a client is never closed,
    /// since that would hang the node.
    Push {
        /// Which.
        channel: ChannelId,
        /// What.
        push: Push,
    },
    /// Keep these, so that they are there when the process starts again.
    Save(Box<Settings>),
    /// End the link: its key is another now.
    ResetLink,
    /// Answer an HTTP request.
    Respond {
        /// Which.
        request: RequestId,
        /// The answer.
        response: HttpResponse,
    },
    /// Tell the media engine something: [`kraken_call::ToEngine`] as JSON.
    Engine(Bytes),
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
    /// Messages a second that it may send in the long run.
    pub messages_per_second: u32,
    /// Bytes a second, likewise.
    pub bytes_per_second: u32,
    /// Close code when it sends more for a minute without a break.
    pub too_fast: u16,
}

/// Kraken's behaviour.
pub struct Core {
    limits: Limits,
    settings: Settings,
    secrets: Secrets,
    tickets: Tickets,
    connections: Connections,
    documents: Documents,
    stores: Stores,
    signals: Signals,
    calls: Calls,
    questions: Questions,
    visits: Visits,
    direct: Direct,
    counters: Counters,
    pages: Pages,
    effects: Vec<Effect>,
    started: Timestamp,
    is_linked: bool,
    /// Whether the sidecar is still linked by the key that was.
    is_link_key_new: bool,
    is_draining: bool,
}

impl Core {
    /// A core without connections or rooms.
    pub fn new(config: Config) -> Self {
        let Config {
            limits,
            settings,
            seed,
            pages,
            now,
            stopwatch,
        } = config;
        let mut secrets = Secrets::new(seed);
        let settings = Settings::start(settings, now, &mut secrets);
        // 32 random bits, as Yjs has them.
        let client = ClientID::new(secrets.number().into());
        let mut core = Self {
            limits,
            secrets,
            tickets: Tickets::default(),
            connections: Connections::default(),
            documents: Documents::new(limits, client, Allowance::new(stopwatch)),
            stores: Stores::default(),
            signals: Signals::default(),
            calls: Calls::default(),
            questions: Questions::default(),
            visits: Visits::default(),
            direct: Direct::default(),
            counters: Counters::default(),
            pages: Pages::new(pages),
            effects: vec![Effect::Save(Box::new(settings.clone()))],
            settings,
            started: now,
            is_linked: false,
            is_link_key_new: false,
            is_draining: false,
        };
        core.apply_settings(now);
        let is_leaving = core.settings.registry.iter().filter(|app| app.is_leaving);
        for app in is_leaving.map(|app| app.id.clone()).collect::<Vec<_>>() {
            core.documents.remove_app(&app, now, &mut core.effects);
        }
        core
    }

    /// Takes an event.
    pub fn handle(&mut self, now: Timestamp, event: Event) {
        let before = self.effects.len();
        self.take(now, event);
        self.carry_direct(before, now);
    }

    /// Does everything whose time has come.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let before = self.effects.len();
        self.documents.handle_timeout(now, &mut self.effects);
        self.stores.handle_timeout(now, &mut self.effects);
        let expelled = self.connections.expire(&self.settings.registry, now);
        self.expel(expelled, now);
        let over = self.visits.expire(&self.settings.registry, now);
        self.end_visits(over);
        self.expire_questions(now);
        self.carry_direct(before, now);
    }

    /// When [`Core::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let timeouts = [
            self.documents.next_timeout(),
            self.stores.next_timeout(),
            self.connections.next_timeout(),
            self.questions.next_timeout(),
            self.visits.next_timeout(),
        ];
        timeouts.into_iter().flatten().min()
    }

    /// Ends a turn, once its effects have been carried out: brings what has been relayed into its
    /// documents, which nobody waits for yet. What takes long goes on in the turns after this one,
    /// of which the next is due at once.
    pub fn catch_up(&mut self, now: Timestamp) {
        let before = self.effects.len();
        self.documents.catch_up(now, &mut self.effects);
        self.drain_if_idle();
        self.carry_direct(before, now);
    }

    /// What is to be done, in order.
    pub fn drain_effects(&mut self) -> std::vec::Drain<'_, Effect> {
        self.effects.drain(..)
    }

    /// Whether storage is so far behind that no frames may be handed in.
    pub fn is_congested(&self) -> bool {
        self.documents.is_congested() || self.stores.is_congested()
    }

    /// Whether storage has answered everything, and nothing waits for it. Looks at every room.
    pub fn is_idle(&self) -> bool {
        self.documents.is_idle() && self.stores.is_idle()
    }

    /// Whether `key` is what a sidecar has to show. Takes the same time either way.
    pub fn is_link_key(&self, key: &str) -> bool {
        self.settings.is_link_key(key)
    }

    /// Takes over what the owner's machine says; what is wrong with it if it can't be.
    pub fn set_up(&mut self, request: &SetupRequest, now: Timestamp) -> Result<SetupReply, String> {
        if let Some(limits) = &request.limits {
            limits.check()?;
        }
        if let Some(stores) = &request.stores {
            stores.check()?;
        }
        let before = self.effects.len();
        if let Some(limits) = &request.limits {
            self.settings.limits = limits.clone();
        }
        if let Some(stores) = &request.stores {
            self.set_up_stores(stores.clone(), now);
        }
        if let Some(durability) = request.durability {
            self.settings.durability = durability;
        }
        let credentials = &mut self.settings.credentials;
        let last_master = credentials.master.clone();
        let reply = credentials.set_up(request, &mut self.secrets);
        self.credentials_changed(last_master.as_ref(), now);
        self.save(now);
        self.carry_direct(before, now);
        Ok(reply)
    }

    /// Lets nobody stay whom the last master token let in, if it is another now.
    fn credentials_changed(&mut self, last_master: Option<&TokenHash>, now: Timestamp) {
        if self.settings.credentials.master.as_ref() != last_master {
            let expelled = self.connections.without_master();
            self.expel(expelled, now);
            let over = self.visits.without_master();
            self.end_visits(over);
        }
    }

    fn take(&mut self, now: Timestamp, event: Event) {
        match event {
            Event::Opened {
                connection,
                handshake,
            } => self.opened(connection, &handshake, Way::Gateway, now),
            Event::Binary {
                connection,
                message,
            } => self.binary(connection, message, now),
            Event::Text {
                connection,
                message,
            } => self.text(connection, message),
            Event::Marked { connection } => {
                self.stores.marked(connection, now, &mut self.effects);
            }
            Event::Closed { connection } => self.left(connection, now),
            Event::ChannelOpened { channel, path } => self.channel_opened(channel, &path, now),
            Event::ChannelPush { channel, push } => self.channel_push(channel, push, now),
            Event::ChannelClosed { channel } => self.channel_closed(channel, now),
            Event::Link { is_up } => {
                self.is_linked = is_up;
                if !is_up {
                    self.engine_changed(false);
                }
            }
            Event::EngineUp { is_up } => self.engine_changed(is_up),
            Event::Engine(message) => self.engine_said(&message, now),
            Event::Request { request, http } => {
                self.counters.requests += 1;
                self.respond(request, &http, now);
                if std::mem::take(&mut self.is_link_key_new) {
                    self.effects.push(Effect::ResetLink);
                }
            }
            Event::Stored { id, reply } => self.stored(id, reply, now),
            Event::Drain => {
                self.is_draining = true;
                self.documents.flush(now, &mut self.effects);
                self.stores.flush(now, &mut self.effects);
                self.drain_if_idle();
            }
        }
    }

    fn opened(
        &mut self,
        connection: ConnectionId,
        handshake: &Handshake,
        way: Way,
        now: Timestamp,
    ) {
        let admitted = Wish::of(handshake).and_then(|wish| match wish {
            Wish::Document { room, proof } => {
                let Self {
                    settings, tickets, ..
                } = self;
                let grant = connect::check(&proof, way, settings, tickets, now)?;
                let (grant, room) = self.admit(grant, room)?;
                self.let_in(connection, grant, room, now);
                Ok(())
            }
            Wish::Store {
                store,
                purpose,
                proof,
            } => {
                let Self {
                    settings, tickets, ..
                } = self;
                let pass = connect::check_store(&proof, &store, way, settings, tickets, now)?;
                self.stores.check_space(purpose, &store)?;
                self.let_into_store(connection, purpose, pass, now);
                Ok(())
            }
        });
        let Err(refusal) = admitted else {
            return;
        };
        self.counters.refused(&refusal);
        let reason = refusal.message.to_owned();
        if !handshake.is_browser() {
            return self.effects.push(Effect::Refuse {
                connection,
                status: refusal.status,
                code: refusal.code.to_owned(),
                reason,
            });
        }
        let limits = self.limits.app;
        self.effects.extend([
            accept(connection, &limits),
            Effect::Close {
                connection,
                code: refusal.close_code(),
                reason,
            },
        ]);
    }

    /// Whether the bearer of a grant may join a room now.
    fn admit(&self, grant: Grant, room: RoomName) -> Result<(Grant, RoomId), Refusal> {
        connect::check_room(&grant, &room)?;
        let app = grant.app.clone();
        let room = RoomId { app, room };
        self.documents.check_space(&room)?;
        Ok((grant, room))
    }

    fn let_in(&mut self, connection: ConnectionId, grant: Grant, room: RoomId, now: Timestamp) {
        self.counters.accepted += 1;
        let limits = self.policy(&room.app).limits;
        self.effects.push(accept(connection, &limits));
        let access = grant.access;
        self.connections
            .add(connection, grant, &self.settings.registry);
        self.documents
            .join(connection, room, access, now, &mut self.effects);
    }

    /// Lets somebody into a store, or in and out again: that is how SDS clients are told.
    fn let_into_store(
        &mut self,
        connection: ConnectionId,
        purpose: Purpose,
        pass: Result<Pass, Refusal>,
        now: Timestamp,
    ) {
        let limits = self.stores.connection_limits();
        self.effects.push(Effect::Accept { connection, limits });
        match pass {
            Ok(pass) => {
                self.counters.accepted += 1;
                self.stores
                    .join(connection, purpose, pass, now, &mut self.effects);
            }
            Err(refusal) => {
                self.counters.refused(&refusal);
                self.effects.push(Effect::Close {
                    connection,
                    code: match refusal.status {
                        403 => close::SDS_FORBIDDEN,
                        _ => close::SDS_UNAUTHORIZED,
                    },
                    reason: refusal.message.to_owned(),
                });
            }
        }
    }

    fn binary(&mut self, connection: ConnectionId, message: Bytes, now: Timestamp) {
        self.counters.messages += 1;
        self.counters.message_bytes += message.len() as u64;
        match self.stores.has(connection) {
            true => self
                .stores
                .binary(connection, message, now, &mut self.effects),
            false => self
                .documents
                .frame(connection, message, now, &mut self.effects),
        }
    }

    fn text(&mut self, connection: ConnectionId, message: Bytes) {
        self.counters.messages += 1;
        self.counters.message_bytes += message.len() as u64;
        let Some(room) = self.documents.topic_of(connection) else {
            return self.stores.text(connection, message, &mut self.effects);
        };
        match call::parse(&message) {
            Some(said) => self.call(connection, said),
            None => self
                .signals
                .text(room, connection, &message, &mut self.effects),
        }
    }

    /// Takes what somebody says about the call of its room, or tells it what is wrong with that.
    fn call(&mut self, connection: ConnectionId, said: Result<FromClient, ToClient>) {
        let message = match said {
            Ok(message) => message,
            Err(refusal) => return self.effects.push(call::tell(connection, refusal)),
        };
        let room = self.documents.room_of(connection);
        let grant = self.connections.grant(connection);
        if let (Some(room), Some(grant)) = (room, grant) {
            let saying = Saying {
                connection,
                room,
                grant,
                limits: self.policy(&room.app).limits.call(),
                message,
            };
            self.calls.say(saying, &mut self.effects);
        }
    }

    fn engine_changed(&mut self, is_there: bool) {
        self.calls.set_engine(is_there, &mut self.effects);
        self.drop_questions();
    }

    fn engine_said(&mut self, message: &[u8], now: Timestamp) {
        match serde_json::from_slice(message) {
            Ok(FromEngine::Tell { member, message }) => {
                let connection = ConnectionId(member);
                self.calls.tell(connection, message, &mut self.effects);
            }
            Ok(FromEngine::Answer { request, answer }) => {
                self.engine_answered(request, answer, now);
            }
            Err(error) => {
                let warning = format!("the media engine isn't understood: {error}");
                self.effects.push(Effect::Warn(warning));
            }
        }
    }

    fn left(&mut self, connection: ConnectionId, now: Timestamp) {
        self.connections.remove(connection);
        self.documents.leave(connection, now);
        self.stores.leave(connection, now);
        self.signals.leave(connection, &mut self.effects);
        self.calls.leave(connection, &mut self.effects);
    }

    /// Closes connections that have been taken out of the grants.
    fn expel(&mut self, expelled: Vec<Expelled>, now: Timestamp) {
        for Expelled {
            connection,
            code,
            reason,
        } in expelled
        {
            self.documents.leave(connection, now);
            self.signals.leave(connection, &mut self.effects);
            self.calls.leave(connection, &mut self.effects);
            self.effects.push(Effect::Close {
                connection,
                code,
                reason: reason.to_owned(),
            });
        }
    }

    fn stored(&mut self, id: StorageId, reply: StorageReply, now: Timestamp) {
        match self.stores.has_asked(id) {
            true => self.stores.stored(id, reply, now, &mut self.effects),
            false => self.documents.stored(id, reply, now, &mut self.effects),
        }
        let removed = self.documents.take_removed();
        if !removed.is_empty() {
            for app in &removed {
                self.settings.registry.remove(app);
            }
            self.save(now);
        }
        self.drain_if_idle();
    }

    /// Puts the settings into force, and keeps them.
    fn save(&mut self, now: Timestamp) {
        self.apply_settings(now);
        self.effects
            .push(Effect::Save(Box::new(self.settings.clone())));
    }

    /// Changes how stores are served, also for who is in them. To be saved after.
    fn set_up_stores(&mut self, setup: StoreSetup, now: Timestamp) {
        let last = std::mem::replace(&mut self.settings.stores.setup, setup);
        let setup = &self.settings.stores.setup;
        if (&last.secret, &last.issuer) != (&setup.secret, &setup.issuer) {
            let is_by_token = |pass: &Pass| pass.token.is_some();
            self.stores.expel(is_by_token, now, &mut self.effects);
        }
        if last.persist != setup.persist {
            self.stores.restart(now, &mut self.effects);
        }
    }

    /// Closes those in stores whose tokens have been revoked.
    fn expel_from_stores(&mut self, now: Timestamp) {
        let revocations = &self.settings.stores.revocations;
        let is_void = |pass: &Pass| pass.is_void(revocations, now);
        self.stores.expel(is_void, now, &mut self.effects);
    }

    fn is_storage_failing(&self) -> bool {
        self.documents.is_storage_failing() || self.stores.is_storage_failing()
    }

    fn apply_settings(&mut self, now: Timestamp) {
        let limits = self.limits.with(&self.settings.limits);
        let setup = &self.settings.stores.setup;
        let stores = store::Policy {
            limits: limits.app,
            durability: self.settings.durability,
            persist: setup.persist,
            store_bytes: setup.store_bytes,
            retention_days: setup.retention_days,
        };
        self.stores.set_policy(stores, &limits, now);
        self.documents.set_limits(limits);
        let active = self.settings.registry.iter().filter(|app| !app.is_leaving);
        let policies = active.map(|app| (app.id.clone(), self.policy(&app.id)));
        self.documents.set_policies(policies.collect());
    }

    /// How an app is served.
    fn policy(&self, app: &AppId) -> Policy {
        let server = self.limits.with(&self.settings.limits).app;
        let profile = self.settings.registry.get(app).map(|app| &app.profile);
        let durability = profile.and_then(|profile| profile.durability);
        Policy {
            limits: profile.map_or(server, |profile| server.with(&profile.limits)),
            durability: durability.unwrap_or(self.settings.durability),
        }
    }

    fn drain_if_idle(&mut self) {
        if self.is_draining && self.documents.is_stored() && self.stores.is_stored() {
            self.is_draining = false;
            self.effects.push(Effect::Drained);
        }
    }
}

fn accept(connection: ConnectionId, limits: &AppLimits) -> Effect {
    Effect::Accept {
        connection,
        limits: ConnectionLimits {
            message_bytes: limits.message_bytes,
            too_large: close::TOO_LARGE,
            overflow: close::SLOW,
            messages_per_second: limits.messages_per_second,
            bytes_per_second: limits.bytes_per_second,
            too_fast: close::TOO_FAST,
        },
    }
}
