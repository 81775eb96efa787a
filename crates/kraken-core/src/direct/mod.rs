//! The direct way in: sockets of the node's own HTTP server.
//!
//! What a gateway does natively is done here for a few sockets: fan-out, bounds, refusals. Two
//! things are different, since either would hang the node for everybody: a socket is never
//! closed by the process, and never has more than a window of unread pushes under way. Whoever is
//! refused, breaks a rule or stalls is told why in its own protocol, and ignored from then on.
//!
//! - At `/t/<ticket>/doc/<room>` a socket speaks y-protocols, as at the gateway, at
//!   `/t/<ticket>/ws/<store>` and `/t/<ticket>/signal/<store>` as SDS clients do.
//! - At `/` it speaks JSON ([`envelope`]), and may have several rooms open.

mod budget;
mod envelope;
mod outbox;

use crate::api::Way;
use crate::grant::{Grant, Refusal};
use crate::ids::{ChannelId, ConnectionId, Timestamp, TopicId};
use crate::{ConnectionLimits, Core, Effect, Handshake, Secrets, call, close, connect, doc};
use budget::Budget;
use bytes::Bytes;
use envelope::{Envelope, Said};
use kraken_call::{FromClient, ToClient};
use outbox::Outbox;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One WebSocket message, to or from a client of the node's HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// A binary message.
    Binary(Bytes),
    /// A text message.
    Text(Bytes),
    /// A ping. Only pushed to clients; the node answers theirs.
    Ping(Bytes),
    /// The answer to a ping. Only comes from clients.
    Pong(Bytes),
}

/// Marks the connections that are named here, so that they are nobody else's.
const OWN: u64 = 1 << 63;
/// Rooms that one socket may have open.
const MOST_ROOMS: usize = 32;
/// What a socket may do before it is let in.
const STRANGER: ConnectionLimits = ConnectionLimits {
    message_bytes: 16 << 10,
    too_large: close::TOO_LARGE,
    overflow: close::SLOW,
    messages_per_second: 10,
    bytes_per_second: 16 << 10,
    too_fast: close::TOO_FAST,
};

const STALLED: Refusal = Refusal::new(
    429,
    "stalled",
    "what was sent wasn't read for too long; open a new socket",
);
const TOO_LARGE: Refusal = Refusal::new(413, "too_large", "a message larger than is allowed");
const TOO_FAST: Refusal = Refusal::new(
    429,
    "too_fast",
    "more messages or bytes a second than are allowed",
);
const NO_TICKET: Refusal = Refusal::new(
    401,
    "ticket_required",
    "the first room that a socket opens takes a ticket",
);
const ROOM_IS_OPEN: Refusal = Refusal::new(409, "room_is_open", "the room is open on this socket");
const TOO_MANY_ROOMS: Refusal =
    Refusal::new(429, "too_many_rooms", "a socket may have 32 rooms open");

/// All sockets of the node's HTTP server.
#[derive(Default)]
pub(crate) struct Direct {
    channels: BTreeMap<ChannelId, Channel>,
    lines: BTreeMap<ConnectionId, Line>,
    topics: BTreeMap<TopicId, BTreeSet<ConnectionId>>,
    last: u64,
}

/// One socket.
struct Channel {
    speech: Speech,
    outbox: Outbox,
    limits: ConnectionLimits,
    budget: Budget,
    /// Whether it is ignored.
    is_mute: bool,
}

/// How a socket talks.
enum Speech {
    /// In y-protocols, about one room.
    Protocol(ConnectionId),
    /// As SDS clients do, about one store.
    Store(ConnectionId),
    /// In JSON, about many.
    Envelopes {
        rooms: BTreeMap<String, ConnectionId>,
        /// What its ticket allows.
        grant: Option<Grant>,
    },
}

/// A connection's place.
struct Line {
    channel: ChannelId,
    /// Its name for the room, if it talks in envelopes.
    room: Option<String>,
}

/// What a socket wants of the core.
enum Wanted {
    Open {
        connection: ConnectionId,
        room: String,
        ticket: Option<String>,
    },
    Binary(ConnectionId, Bytes),
    Text(ConnectionId, Bytes),
    Signal(ConnectionId, Map<String, Value>),
    Call(ConnectionId, Result<FromClient, ToClient>),
    Left(ConnectionId),
}

impl Core {
    pub(crate) fn channel_opened(&mut self, channel: ChannelId, path: &str, now: Timestamp) {
        if path.trim_end_matches('/').is_empty() {
            self.direct.add(channel, Speech::envelopes(), now);
            return;
        }
        let connection = self.direct.next_connection();
        let speech = match connect::is_store_path(path) {
            true => Speech::Store(connection),
            false => Speech::Protocol(connection),
        };
        self.direct.add(channel, speech, now);
        self.direct.add_line(connection, channel, None);
        let handshake = Handshake {
            path: path.to_owned(),
            ..Handshake::default()
        };
        self.opened(connection, &handshake, Way::Node, now);
    }

    pub(crate) fn channel_push(&mut self, channel: ChannelId, push: Push, now: Timestamp) {
        for wanted in self.direct.receive(channel, push, now) {
            match wanted {
                Wanted::Open {
                    connection,
                    room,
                    ticket,
                } => self.open_line(connection, channel, &room, ticket.as_deref(), now),
                Wanted::Binary(connection, message) => self.binary(connection, message, now),
                Wanted::Text(connection, message) => self.text(connection, message),
                Wanted::Signal(connection, signal) => self.signal(connection, signal),
                Wanted::Call(connection, said) => {
                    self.counters.messages += 1;
                    self.call(connection, said);
                }
                Wanted::Left(connection) => self.left(connection, now),
            }
        }
        let marked = self
            .direct
            .flush(channel, &mut self.secrets, &mut self.effects);
        for connection in marked {
            self.stores.marked(connection, now, &mut self.effects);
        }
    }

    pub(crate) fn channel_closed(&mut self, channel: ChannelId, now: Timestamp) {
        for connection in self.direct.remove(channel) {
            self.left(connection, now);
        }
    }

    /// Takes the effects from `start` on that concern sockets of the node, and makes pushes of
    /// them.
    pub(crate) fn carry_direct(&mut self, start: usize, now: Timestamp) {
        for effect in &self.effects[start..] {
            if let Effect::Close { code, .. } = effect {
                self.counters.closed(*code);
            }
        }
        if self.direct.channels.is_empty() {
            return;
        }
        let effects = self.effects.split_off(start);
        let mut touched = BTreeSet::new();
        let mut gone = Vec::new();
        for effect in effects {
            if let Some(effect) = self.direct.carry(effect, &mut touched, &mut gone) {
                self.effects.push(effect);
            }
        }
        let mut marked = Vec::new();
        for channel in touched {
            let reached = self
                .direct
                .flush(channel, &mut self.secrets, &mut self.effects);
            marked.extend(reached);
        }
        if gone.is_empty() && marked.is_empty() {
            return;
        }
        // Others hear of it, who may be sockets of the node as well.
        let start = self.effects.len();
        for connection in gone {
            self.left(connection, now);
        }
        for connection in marked {
            self.stores.marked(connection, now, &mut self.effects);
        }
        self.carry_direct(start, now);
    }

    fn signal(&mut self, connection: ConnectionId, signal: Map<String, Value>) {
        self.counters.messages += 1;
        if let Some(room) = self.documents.topic_of(connection) {
            self.signals
                .signal(room, connection, signal, &mut self.effects);
        }
    }

    fn open_line(
        &mut self,
        connection: ConnectionId,
        channel: ChannelId,
        room: &str,
        ticket: Option<&str>,
        now: Timestamp,
    ) {
        let grant = match ticket {
            Some(ticket) => {
                let proof = connect::Proof::Ticket(ticket);
                connect::check(&proof, Way::Node, &self.settings, &mut self.tickets, now)
            }
            None => self
                .direct
                .grant(channel)
                .ok_or(NO_TICKET)
                .and_then(|grant| {
                    self.settings.registry.check(&grant, now)?;
                    Ok(grant)
                }),
        };
        let admitted = grant.and_then(|grant| {
            self.direct.set_grant(channel, &grant);
            self.admit(grant, connect::room_of_text(room)?)
        });
        match admitted {
            Ok((grant, room)) => self.let_in(connection, grant, room, now),
            Err(refusal) => {
                self.counters.refused(&refusal);
                self.effects.push(refuse(connection, &refusal));
            }
        }
    }
}

impl Direct {
    fn add(&mut self, channel: ChannelId, speech: Speech, now: Timestamp) {
        let fresh = Channel {
            speech,
            outbox: Outbox::default(),
            limits: STRANGER,
            budget: Budget::new(now),
            is_mute: false,
        };
        self.channels.insert(channel, fresh);
    }

    fn next_connection(&mut self) -> ConnectionId {
        self.last += 1;
        ConnectionId(OWN | self.last)
    }

    fn add_line(&mut self, connection: ConnectionId, channel: ChannelId, room: Option<String>) {
        self.lines.insert(connection, Line { channel, room });
    }

    /// Forgets a socket; the connections that end with it.
    fn remove(&mut self, channel: ChannelId) -> Vec<ConnectionId> {
        let Some(channel) = self.channels.remove(&channel) else {
            return Vec::new();
        };
        let connections = channel.speech.connections();
        for &connection in &connections {
            self.remove_line(connection);
        }
        connections
    }

    fn remove_line(&mut self, connection: ConnectionId) {
        self.lines.remove(&connection);
        self.topics.retain(|_, members| {
            members.remove(&connection);
            !members.is_empty()
        });
    }

    fn grant(&self, channel: ChannelId) -> Option<Grant> {
        match &self.channels.get(&channel)?.speech {
            Speech::Envelopes { grant, .. } => grant.clone(),
            Speech::Protocol(_) | Speech::Store(_) => None,
        }
    }

    fn set_grant(&mut self, channel: ChannelId, new: &Grant) {
        if let Some(channel) = self.channels.get_mut(&channel)
            && let Speech::Envelopes { grant, .. } = &mut channel.speech
        {
            *grant = Some(new.clone());
        }
    }

    /// Takes what a client sent.
    fn receive(&mut self, id: ChannelId, push: Push, now: Timestamp) -> Vec<Wanted> {
        let Some(channel) = self.channels.get_mut(&id) else {
            // A socket from before this process was started: what it has unread isn't known, so
            // nothing may be pushed to it.
            return Vec::new();
        };
        let is_text = matches!(push, Push::Text(_));
        let message = match push {
            Push::Pong(payload) => {
                channel.outbox.read(&payload);
                return Vec::new();
            }
            Push::Binary(message) | Push::Text(message) if !channel.is_mute => message,
            Push::Binary(_) | Push::Text(_) | Push::Ping(_) => return Vec::new(),
        };
        if message.len() > channel.limits.message_bytes as usize {
            return self.mute(id, &TOO_LARGE);
        }
        if !channel.budget.spend(message.len(), &channel.limits, now) {
            return self.mute(id, &TOO_FAST);
        }
        match &channel.speech {
            Speech::Protocol(connection) | Speech::Store(connection) => match is_text {
                true => vec![Wanted::Text(*connection, message)],
                false => vec![Wanted::Binary(*connection, message)],
            },
            Speech::Envelopes { .. } => self.said(id, &message),
        }
    }

    fn said(&mut self, id: ChannelId, message: &[u8]) -> Vec<Wanted> {
        match Said::parse(message) {
            Ok(Said::Open { room, ticket }) => self.open(id, room, ticket),
            Ok(Said::Sync { room, data } | Said::Awareness { room, data }) => {
                match (self.connection(id, &room), envelope::decode(&data)) {
                    (Some(connection), Some(message)) => {
                        vec![Wanted::Binary(connection, message)]
                    }
                    (None, _) => self.complain(id, Some(&room), &envelope::NOT_OPEN),
                    (_, None) => self.complain(id, Some(&room), &envelope::NOT_BASE64),
                }
            }
            Ok(Said::Signal { room, signal }) => match self.connection(id, &room) {
                Some(connection) => vec![Wanted::Signal(connection, signal)],
                None => self.complain(id, Some(&room), &envelope::NOT_OPEN),
            },
            Ok(Said::Call { room, call }) => match self.connection(id, &room) {
                Some(connection) => {
                    let said = call::parse_value(call, message.len());
                    vec![Wanted::Call(connection, said)]
                }
                None => self.complain(id, Some(&room), &envelope::NOT_OPEN),
            },
            Ok(Said::Close { room }) => match self.connection(id, &room) {
                Some(connection) => {
                    self.forget_room(id, &room);
                    vec![Wanted::Left(connection)]
                }
                None => self.complain(id, Some(&room), &envelope::NOT_OPEN),
            },
            Err(refusal) => self.complain(id, None, &refusal),
        }
    }

    fn open(&mut self, id: ChannelId, room: String, ticket: Option<String>) -> Vec<Wanted> {
        let connection = self.next_connection();
        let Some(Channel {
            speech: Speech::Envelopes { rooms, .. },
            ..
        }) = self.channels.get_mut(&id)
        else {
            return Vec::new();
        };
        if rooms.contains_key(&room) {
            return self.complain(id, Some(&room), &ROOM_IS_OPEN);
        }
        if rooms.len() >= MOST_ROOMS {
            return self.complain(id, Some(&room), &TOO_MANY_ROOMS);
        }
        rooms.insert(room.clone(), connection);
        self.add_line(connection, id, Some(room.clone()));
        vec![Wanted::Open {
            connection,
            room,
            ticket,
        }]
    }

    fn connection(&self, channel: ChannelId, room: &str) -> Option<ConnectionId> {
        match &self.channels.get(&channel)?.speech {
            Speech::Envelopes { rooms, .. } => rooms.get(room).copied(),
            Speech::Protocol(_) | Speech::Store(_) => None,
        }
    }

    fn forget_room(&mut self, channel: ChannelId, room: &str) {
        if let Some(Channel {
            speech: Speech::Envelopes { rooms, .. },
            ..
        }) = self.channels.get_mut(&channel)
            && let Some(connection) = rooms.remove(room)
        {
            self.remove_line(connection);
        }
    }

    fn complain(&mut self, id: ChannelId, room: Option<&str>, refusal: &Refusal) -> Vec<Wanted> {
        let error = Envelope::Error {
            room,
            code: refusal.code,
            message: refusal.message,
        };
        let Some(channel) = self.channels.get_mut(&id) else {
            return Vec::new();
        };
        match channel.outbox.queue(error.encode()) {
            true => Vec::new(),
            false => self.mute(id, &STALLED),
        }
    }

    /// Tells a socket why it is ignored from now on; the connections that end with that.
    fn mute(&mut self, id: ChannelId, why: &Refusal) -> Vec<Wanted> {
        let Some(channel) = self.channels.get_mut(&id) else {
            return Vec::new();
        };
        let connections = channel.speech.connections();
        channel.say_goodbye(why.code, why.message);
        for &connection in &connections {
            self.remove_line(connection);
        }
        connections.into_iter().map(Wanted::Left).collect()
    }

    /// Carries out an effect that concerns sockets of the node, and gives back what concerns
    /// others. `gone` are the connections that end with it.
    fn carry(
        &mut self,
        effect: Effect,
        touched: &mut BTreeSet<ChannelId>,
        gone: &mut Vec<ConnectionId>,
    ) -> Option<Effect> {
        match effect {
            Effect::Accept { connection, limits } if is_own(connection) => {
                let line = self.lines.get(&connection)?;
                let channel = self.channels.get_mut(&line.channel)?;
                channel.limits = limits;
                if let Some(room) = &line.room {
                    touched.insert(line.channel);
                    let open = Envelope::Open { room }.encode();
                    self.queue(connection, open, gone);
                }
            }
            Effect::Refuse {
                connection,
                code,
                reason,
                ..
            } if is_own(connection) => {
                let envelope = Envelope::refusal(&code, &reason);
                self.end(connection, envelope, (&code, &reason), touched);
                gone.push(connection);
            }
            Effect::Close {
                connection,
                code,
                reason,
            } if is_own(connection) => {
                let envelope = Envelope::closing(code, &reason);
                let code = code.to_string();
                self.end(connection, envelope, (&code, &reason), touched);
                gone.push(connection);
            }
            Effect::Send {
                connection,
                message,
            } if is_own(connection) => {
                let line = self.lines.get(&connection)?;
                touched.insert(line.channel);
                let push = line.binary(&message);
                self.queue(connection, push, gone);
            }
            Effect::SendText {
                connection,
                message,
            } if is_own(connection) => {
                let line = self.lines.get(&connection)?;
                touched.insert(line.channel);
                let push = line.text(&message);
                self.queue(connection, push, gone);
            }
            Effect::Mark { connection } if is_own(connection) => {
                let line = self.lines.get(&connection)?;
                touched.insert(line.channel);
                let channel = self.channels.get_mut(&line.channel)?;
                channel.outbox.mark(connection);
            }
            Effect::Unsubscribe { connection, topic } if is_own(connection) => {
                if let Some(members) = self.topics.get_mut(&topic) {
                    members.remove(&connection);
                }
            }
            Effect::Subscribe { connection, topic } if is_own(connection) => {
                if self.lines.contains_key(&connection) {
                    self.topics.entry(topic).or_default().insert(connection);
                }
            }
            Effect::Publish {
                topic,
                except,
                message,
            } => {
                let push = |line: &Line| line.binary(&message);
                self.publish(topic, except, push, touched, gone);
                return Some(Effect::Publish {
                    topic,
                    except,
                    message,
                });
            }
            Effect::PublishText {
                topic,
                except,
                message,
            } => {
                let push = |line: &Line| line.text(&message);
                self.publish(topic, except, push, touched, gone);
                return Some(Effect::PublishText {
                    topic,
                    except,
                    message,
                });
            }
            effect => return Some(effect),
        }
        None
    }

    fn publish(
        &mut self,
        topic: TopicId,
        except: Option<ConnectionId>,
        push: impl Fn(&Line) -> Push,
        touched: &mut BTreeSet<ChannelId>,
        gone: &mut Vec<ConnectionId>,
    ) {
        let members = self.topics.get(&topic).cloned().unwrap_or_default();
        for connection in members {
            if Some(connection) != except
                && let Some(line) = self.lines.get(&connection)
            {
                touched.insert(line.channel);
                let push = push(line);
                self.queue(connection, push, gone);
            }
        }
    }

    fn queue(&mut self, connection: ConnectionId, push: Push, gone: &mut Vec<ConnectionId>) {
        let Some(line) = self.lines.get(&connection) else {
            return;
        };
        let id = line.channel;
        if let Some(channel) = self.channels.get_mut(&id)
            && !channel.outbox.queue(push)
        {
            let left = self.mute(id, &STALLED);
            gone.extend(left.into_iter().filter_map(|wanted| match wanted {
                Wanted::Left(connection) => Some(connection),
                _ => None,
            }));
        }
    }

    /// Ends one connection: the whole socket if it speaks y-protocols, one room if it doesn't.
    fn end(
        &mut self,
        connection: ConnectionId,
        envelope: impl FnOnce(&str) -> Push,
        (code, reason): (&str, &str),
        touched: &mut BTreeSet<ChannelId>,
    ) {
        let Some(Line { channel: id, room }) = self.lines.get(&connection) else {
            return;
        };
        let (id, room) = (*id, room.clone());
        touched.insert(id);
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        match room {
            // What doesn't fit any more is told at the next overflow.
            Some(room) => {
                channel.outbox.queue(envelope(&room));
                self.forget_room(id, &room);
            }
            None => {
                channel.say_goodbye(code, reason);
                self.remove_line(connection);
            }
        }
    }

    /// Pushes what a socket's window takes; the connections whose mark has been reached.
    fn flush(
        &mut self,
        id: ChannelId,
        secrets: &mut Secrets,
        effects: &mut Vec<Effect>,
    ) -> Vec<ConnectionId> {
        match self.channels.get_mut(&id) {
            Some(channel) => channel.outbox.flush(secrets, |push| {
                effects.push(Effect::Push { channel: id, push });
            }),
            None => Vec::new(),
        }
    }
}

impl Line {
    /// A binary message, in the way that the socket talks.
    fn binary(&self, message: &Bytes) -> Push {
        match &self.room {
            Some(room) => Envelope::message(room, message).encode(),
            None => Push::Binary(message.clone()),
        }
    }

    /// A text message, likewise.
    fn text(&self, message: &Bytes) -> Push {
        Push::Text(match &self.room {
            Some(room) => envelope::of_room(room, message),
            None => message.clone(),
        })
    }
}

impl Channel {
    /// The last thing that a socket is told.
    fn say_goodbye(&mut self, code: &str, reason: &str) {
        self.is_mute = true;
        let goodbye = match &self.speech {
            Speech::Protocol(_) => Push::Binary(doc::message::permission_denied(reason)),
            Speech::Store(_) | Speech::Envelopes { .. } => Envelope::Error {
                room: None,
                code,
                message: reason,
            }
            .encode(),
        };
        self.outbox.replace(goodbye);
    }
}

impl Speech {
    fn envelopes() -> Self {
        Self::Envelopes {
            rooms: BTreeMap::new(),
            grant: None,
        }
    }

    fn connections(&self) -> Vec<ConnectionId> {
        match self {
            Self::Protocol(connection) | Self::Store(connection) => vec![*connection],
            Self::Envelopes { rooms, .. } => rooms.values().copied().collect(),
        }
    }
}

fn is_own(connection: ConnectionId) -> bool {
    connection.0 & OWN != 0
}

fn refuse(connection: ConnectionId, refusal: &Refusal) -> Effect {
    Effect::Refuse {
        connection,
        status: refusal.status,
        code: refusal.code.to_owned(),
        reason: refusal.message.to_owned(),
    }
}
