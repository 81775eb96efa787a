//! Time, network and faults.

use crate::{Client, Storage};
use bytes::Bytes;
use fastrand::Rng;
use kraken_core::doc::message;
use kraken_core::{
    Config, ConnectionId, Core, Durability, Effect, Event, Handshake, HttpRequest, HttpResponse,
    Limits, RequestId, RoomName, SetupRequest, StorageReply, StorageRequest, Timestamp, TopicId,
};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// The token that opens every room of the world.
pub const MASTER_TOKEN: &str = "master";
/// The token that changes what is registered.
pub const ADMIN_TOKEN: &str = "admin";
/// The page that clients come from unless they are told otherwise.
const ORIGIN: &str = "http://localhost:3000";

/// How far ahead of the world's start nothing can be left to do, in milliseconds.
const SETTLED_BY: u64 = 120_000;

/// Names a client of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(usize);

/// What goes wrong, and how often.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Longest delay of a message, in milliseconds.
    pub delay: u64,
    /// Longest time that storage takes, in milliseconds.
    pub storage_delay: u64,
    /// Share of storage requests that fail, half of them after they were carried out.
    pub storage_failures: f64,
}

/// Something that is under way.
enum Delivery {
    ToCore(ConnectionId, Bytes),
    ToClient(ConnectionId, Bytes),
    Opened(ConnectionId),
    Closed(ConnectionId),
    ClosedByCore(ConnectionId, u16),
    Storage(StorageRequest, bool),
}

struct Connection {
    client: ClientId,
    topics: BTreeSet<TopicId>,
    accepted: bool,
    /// When the last message of each direction arrives: none overtakes another.
    up: Timestamp,
    down: Timestamp,
}

struct Participant {
    client: Client,
    room: String,
    token: String,
    origin: Option<String>,
    refusals: Vec<(u16, String)>,
    connection: Option<ConnectionId>,
    closes: Vec<u16>,
    raw: Option<Vec<Bytes>>,
}

/// A process, its storage, and clients.
pub struct World {
    /// What survives the process.
    pub storage: Storage,
    /// What goes wrong.
    pub faults: Faults,
    /// What happened, for whoever reads a failure.
    pub log: Vec<String>,
    /// The random numbers of this world.
    pub rng: Rng,
    core: Core,
    config: Config,
    now: Timestamp,
    started: Timestamp,
    under_way: BTreeMap<(Timestamp, u64), Delivery>,
    deliveries: u64,
    connections: BTreeMap<ConnectionId, Connection>,
    last_connection: u64,
    participants: Vec<Participant>,
    warnings: usize,
    turns: usize,
    responses: Vec<HttpResponse>,
    drained: bool,
    /// Write-first: checked at each delivery.
    storage_holds_what_is_relayed: bool,
}

thread_local! {
    /// What the stopwatch shows, and by how much each look at it puts it forward.
    static STOPWATCH: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

fn stopwatch() -> u64 {
    let (shown, step) = STOPWATCH.get();
    STOPWATCH.set((shown + step, step));
    shown + step
}

impl World {
    /// A world in which nothing goes wrong, and integration takes no time.
    pub fn new(seed: u64, durability: Durability, limits: Limits) -> Self {
        STOPWATCH.set((0, 0));
        let now = Timestamp(1_000_000);
        let config = Config {
            limits,
            settings: None,
            seed: [1; 32],
            pages: Default::default(),
            stopwatch,
            now,
        };
        let mut world = Self {
            storage: Storage::default(),
            faults: Faults::default(),
            log: vec![format!("seed {seed}")],
            rng: Rng::with_seed(seed),
            core: Core::new(config.clone()),
            config,
            now,
            started: now,
            under_way: BTreeMap::new(),
            deliveries: 0,
            connections: BTreeMap::new(),
            last_connection: 0,
            participants: Vec::new(),
            warnings: 0,
            turns: 0,
            responses: Vec::new(),
            drained: false,
            storage_holds_what_is_relayed: durability == Durability::WriteFirst,
        };
        world.set_up(durability);
        world
    }

    fn set_up(&mut self, durability: Durability) {
        let request = SetupRequest {
            master_token: Some(MASTER_TOKEN.to_owned()),
            admin_token: Some(ADMIN_TOKEN.to_owned()),
            durability: Some(durability),
            ..SetupRequest::default()
        };
        let done = self.core.set_up(&request, self.now);
        assert!(done.is_ok(), "{done:?}");
        self.carry_out();
    }

    /// Lets each slice of an update take so many microseconds of the process's time.
    pub fn slow_down(&mut self, microseconds: u64) {
        STOPWATCH.set((0, microseconds));
    }

    /// A client of `room`, not connected.
    pub fn client(&mut self, room: &str) -> ClientId {
        let id = ClientId(self.participants.len());
        self.participants.push(Participant {
            client: Client::new(id.0 as u64 + 1),
            room: room.to_owned(),
            token: MASTER_TOKEN.to_owned(),
            origin: Some(ORIGIN.to_owned()),
            refusals: Vec::new(),
            connection: None,
            closes: Vec::new(),
            raw: None,
        });
        id
    }

    /// A client of `room` that is connecting.
    pub fn joined(&mut self, room: &str) -> ClientId {
        let id = self.client(room);
        self.connect(id);
        id
    }

    /// A connection of `room` that only collects what it is sent.
    pub fn raw(&mut self, room: &str) -> ClientId {
        let id = self.joined(room);
        self.participants[id.0].raw = Some(Vec::new());
        id
    }

    /// What a raw connection was sent since the last call.
    pub fn received(&mut self, id: ClientId) -> Vec<Bytes> {
        let raw = self.participants[id.0].raw.as_mut();
        raw.map(std::mem::take).unwrap_or_default()
    }

    /// A client's state.
    pub fn state(&mut self, id: ClientId) -> &mut Client {
        &mut self.participants[id.0].client
    }

    /// The codes with which the process closed a client's connections.
    pub fn closes(&self, id: ClientId) -> &[u16] {
        &self.participants[id.0].closes
    }

    /// Whether a client is connected.
    pub fn is_connected(&self, id: ClientId) -> bool {
        self.participants[id.0].connection.is_some()
    }

    /// Everybody.
    pub fn clients(&self) -> impl Iterator<Item = ClientId> + use<> {
        (0..self.participants.len()).map(ClientId)
    }

    /// How often the process warned its operator.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// How many turns the process has had.
    pub fn turns(&self) -> usize {
        self.turns
    }

    /// Storage requests under way.
    pub fn storage_under_way(&self) -> usize {
        let is_storage = |delivery: &&Delivery| matches!(delivery, Delivery::Storage(..));
        self.under_way.values().filter(is_storage).count()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Opens a client's connection.
    pub fn connect(&mut self, id: ClientId) {
        if self.is_connected(id) {
            return;
        }
        self.last_connection += 1;
        let connection = ConnectionId(self.last_connection);
        self.participants[id.0].connection = Some(connection);
        self.connections.insert(
            connection,
            Connection {
                client: id,
                topics: BTreeSet::new(),
                accepted: false,
                up: self.now,
                down: self.now,
            },
        );
        let at = self.arrival_up(connection);
        self.deliver(at, Delivery::Opened(connection));
        self.log
            .push(format!("{} {id:?} connects as {connection:?}", self.now.0));
    }

    /// From its next connection on, a client shows this token and comes from a page of this
    /// origin.
    pub fn present(&mut self, id: ClientId, token: &str, origin: Option<&str>) {
        let participant = &mut self.participants[id.0];
        participant.token = token.to_owned();
        participant.origin = origin.map(str::to_owned);
    }

    /// The status and code of each handshake of a client that was refused.
    pub fn refusals(&self, id: ClientId) -> &[(u16, String)] {
        &self.participants[id.0].refusals
    }

    /// Asks the API, as the owner.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> HttpResponse {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path, None),
        };
        let authorization = format!("Bearer {ADMIN_TOKEN}");
        let http = HttpRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            headers: vec![("authorization".to_owned(), authorization)],
            body: body.to_owned().into(),
            ..HttpRequest::default()
        };
        let request = RequestId(1);
        self.core.handle(self.now, Event::Request { request, http });
        self.carry_out();
        self.responses.pop().expect("an answer, at once")
    }

    /// Breaks a client's connection: what is under way is lost.
    pub fn disconnect(&mut self, id: ClientId) {
        let participant = &mut self.participants[id.0];
        let Some(connection) = participant.connection.take() else {
            return;
        };
        participant.client.disconnected();
        let at = self.arrival_up(connection);
        self.under_way
            .retain(|_, delivery| !delivery.is_of(connection));
        self.connections.remove(&connection);
        self.deliver(at, Delivery::Closed(connection));
        self.log.push(format!("{} {id:?} disconnects", self.now.0));
    }

    /// Sends a frame, if the client is connected.
    pub fn send(&mut self, id: ClientId, frame: Bytes) {
        let Some(connection) = self.participants[id.0].connection else {
            return;
        };
        if self
            .connections
            .get(&connection)
            .is_some_and(|connection| connection.accepted)
        {
            let at = self.arrival_up(connection);
            self.deliver(at, Delivery::ToCore(connection, frame));
        }
    }

    /// Lets a client insert text.
    pub fn insert(&mut self, id: ClientId, at: u32, what: &str) {
        let frame = self.state(id).insert(at, what);
        self.send(id, frame);
    }

    /// Lets a client remove text.
    pub fn remove(&mut self, id: ClientId, at: u32, count: u32) {
        if let Some(frame) = self.state(id).remove(at, count) {
            self.send(id, frame);
        }
    }

    /// Lets a client announce itself.
    pub fn announce(&mut self, id: ClientId, state: &str) {
        let frame = self.state(id).announce(state);
        self.send(id, frame);
    }

    /// Kills the process and starts it anew. What storage was doing is done or not.
    pub fn crash(&mut self) {
        self.log.push(format!("{} crash", self.now.0));
        let under_way = std::mem::take(&mut self.under_way);
        for delivery in under_way.into_values() {
            if let Delivery::Storage(request, _) = delivery
                && self.rng.bool()
            {
                self.storage.carry_out(&request);
            }
        }
        self.connections.clear();
        for participant in &mut self.participants {
            participant.connection = None;
            participant.client.disconnected();
        }
        self.config.now = self.now;
        self.core = Core::new(self.config.clone());
        self.carry_out();
    }

    /// Tells the process to write everything, and waits until it has.
    pub fn drain(&mut self) {
        self.drained = false;
        self.core.handle(self.now, Event::Drain);
        self.carry_out();
        let deadline = self.now.after(SETTLED_BY);
        while !self.drained {
            assert!(self.now < deadline, "never drained");
            self.advance(1);
        }
    }

    /// Lets `millis` pass.
    pub fn advance(&mut self, millis: u64) {
        let until = self.now.after(millis);
        while let Some(at) = self.next_moment().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = until;
    }

    /// Lets time pass until nothing is under way and everything is written.
    pub fn settle(&mut self) {
        let deadline = self.now.after(SETTLED_BY);
        loop {
            self.advance(100);
            let timers = self.core.next_timeout();
            let idle = timers.is_none_or(|at| at > self.now.after(100));
            if self.under_way.is_empty() && idle && self.core.is_idle() {
                return;
            }
            assert!(self.now < deadline, "never settles");
        }
    }

    /// Milliseconds since the world began.
    pub fn age(&self) -> u64 {
        self.now.since(self.started)
    }

    /// Rooms in memory, as `/health` tells it.
    pub fn rooms_in_memory(&mut self) -> u64 {
        let http = kraken_core::HttpRequest {
            method: "GET".to_owned(),
            path: "/health".to_owned(),
            ..Default::default()
        };
        let request = RequestId(1);
        self.core.handle(self.now, Event::Request { request, http });
        let mut rooms = None;
        for effect in self.core.drain_effects() {
            if let Effect::Respond { response, .. } = effect {
                let body = String::from_utf8_lossy(&response.body).into_owned();
                let tail = body.split("\"rooms\":").nth(1).unwrap_or_default();
                let digits: String = tail.chars().take_while(char::is_ascii_digit).collect();
                rooms = digits.parse().ok();
            }
        }
        rooms.expect("health tells the rooms")
    }

    fn next_moment(&self) -> Option<Timestamp> {
        let delivery = self.under_way.keys().next().map(|(at, _)| *at);
        let timer = self.core.next_timeout();
        match (delivery, timer) {
            (Some(delivery), Some(timer)) => Some(delivery.min(timer)),
            (one, other) => one.or(other),
        }
    }

    fn step(&mut self) {
        while let Some(entry) = self.under_way.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let delivery = entry.remove();
            self.arrive(delivery);
            self.carry_out();
        }
        self.core.handle_timeout(self.now);
        self.carry_out();
        self.core.catch_up(self.now);
        self.turns += 1;
        self.carry_out();
    }

    fn arrive(&mut self, delivery: Delivery) {
        let now = self.now;
        match delivery {
            Delivery::Opened(connection) => {
                let Some(open) = self.connections.get(&connection) else {
                    return;
                };
                let Participant {
                    room,
                    token,
                    origin,
                    ..
                } = &self.participants[open.client.0];
                let handshake = Handshake {
                    path: format!("/doc/{room}"),
                    query: Some(format!("token={token}")),
                    origin: origin.clone(),
                    ..Handshake::default()
                };
                self.core.handle(
                    now,
                    Event::Opened {
                        connection,
                        handshake,
                    },
                );
            }
            Delivery::Closed(connection) => self.core.handle(now, Event::Closed { connection }),
            Delivery::ToCore(connection, message) => {
                self.core.handle(
                    now,
                    Event::Binary {
                        connection,
                        message,
                    },
                );
            }
            Delivery::ToClient(connection, frame) => self.reach_client(connection, &frame),
            Delivery::ClosedByCore(connection, code) => {
                if let Some(open) = self.connections.remove(&connection) {
                    let participant = &mut self.participants[open.client.0];
                    participant.connection = None;
                    participant.closes.push(code);
                    participant.client.disconnected();
                    self.log
                        .push(format!("{} {connection:?} closed {code}", now.0));
                }
            }
            Delivery::Storage(request, fails) => {
                let id = request.id;
                let reply = match fails {
                    true => {
                        if self.rng.bool() {
                            self.storage.carry_out(&request);
                        }
                        StorageReply::Failed {
                            reason: "a fault".to_owned(),
                        }
                    }
                    false => self.storage.carry_out(&request),
                };
                self.core.handle(now, Event::Stored { id, reply });
            }
        }
    }

    fn reach_client(&mut self, connection: ConnectionId, frame: &Bytes) {
        let Some(open) = self.connections.get(&connection) else {
            return;
        };
        let id = open.client;
        let participant = &mut self.participants[id.0];
        if let Some(raw) = &mut participant.raw {
            raw.push(frame.clone());
            return;
        }
        if self.storage_holds_what_is_relayed
            && let [0, 2, ..] = frame[..]
        {
            let room = RoomName::parse(&participant.room).expect("a room's name");
            let update = message::Reader::new(&frame[2..])
                .var_bytes()
                .expect("an update");
            assert!(
                self.storage.holds(&room, update),
                "relayed before it was stored"
            );
        }
        let answers = participant.client.receive(frame);
        for answer in answers {
            self.send(id, answer);
        }
    }

    fn carry_out(&mut self) {
        let effects: Vec<_> = self.core.drain_effects().collect();
        for effect in effects {
            match effect {
                Effect::Accept { connection, .. } => self.accepted(connection),
                Effect::Refuse {
                    connection,
                    status,
                    code,
                    ..
                } => {
                    if let Some(refused) = self.connections.remove(&connection) {
                        let participant = &mut self.participants[refused.client.0];
                        participant.connection = None;
                        participant.refusals.push((status, code));
                    }
                }
                Effect::Send {
                    connection,
                    message,
                } => self.send_down(connection, message),
                Effect::Subscribe { connection, topic } => {
                    if let Some(open) = self.connections.get_mut(&connection) {
                        open.topics.insert(topic);
                    }
                }
                Effect::Publish {
                    topic,
                    except,
                    message,
                } => {
                    let subscribers: Vec<_> = self
                        .connections
                        .iter()
                        .filter(|(id, open)| open.topics.contains(&topic) && Some(**id) != except)
                        .map(|(id, _)| *id)
                        .collect();
                    for connection in subscribers {
                        self.send_down(connection, message.clone());
                    }
                }
                Effect::Close {
                    connection, code, ..
                } => {
                    let at = self.arrival_down(connection);
                    self.deliver(at, Delivery::ClosedByCore(connection, code));
                }
                Effect::Save(settings) => self.config.settings = Some(*settings),
                Effect::Respond { response, .. } => self.responses.push(response),
                // For SDS stores, which are tried by themselves.
                Effect::Unsubscribe { .. } | Effect::Mark { .. } | Effect::PublishText { .. } => {}
                // For calls, likewise.
                Effect::Engine(_) => {}
                Effect::ResetLink | Effect::Push { .. } | Effect::SendText { .. } => {}
                Effect::Store(request) => {
                    let at = self.now.after(self.rng.u64(0..=self.faults.storage_delay));
                    let fails = self.rng.f64() < self.faults.storage_failures;
                    self.deliver(at, Delivery::Storage(request, fails));
                }
                Effect::Drained => self.drained = true,
                Effect::Warn(text) => {
                    self.warnings += 1;
                    self.log.push(format!("{} {text}", self.now.0));
                }
            }
        }
    }

    fn accepted(&mut self, connection: ConnectionId) {
        let Some(open) = self.connections.get_mut(&connection) else {
            return;
        };
        open.accepted = true;
        let id = open.client;
        let participant = &mut self.participants[id.0];
        if participant.raw.is_none() {
            for frame in participant.client.connected() {
                self.send(id, frame);
            }
        }
    }

    fn send_down(&mut self, connection: ConnectionId, message: Bytes) {
        if self.connections.contains_key(&connection) {
            let at = self.arrival_down(connection);
            self.deliver(at, Delivery::ToClient(connection, message));
        }
    }

    fn deliver(&mut self, at: Timestamp, delivery: Delivery) {
        self.deliveries += 1;
        self.under_way.insert((at, self.deliveries), delivery);
    }

    fn arrival_up(&mut self, connection: ConnectionId) -> Timestamp {
        let at = self.now.after(self.rng.u64(0..=self.faults.delay));
        match self.connections.get_mut(&connection) {
            Some(open) => {
                open.up = open.up.max(at);
                open.up
            }
            None => at,
        }
    }

    fn arrival_down(&mut self, connection: ConnectionId) -> Timestamp {
        let at = self.now.after(self.rng.u64(0..=self.faults.delay));
        match self.connections.get_mut(&connection) {
            Some(open) => {
                open.down = open.down.max(at);
                open.down
            }
            None => at,
        }
    }
}

impl Delivery {
    fn is_of(&self, connection: ConnectionId) -> bool {
        match self {
            Self::ToCore(of, _)
            | Self::ToClient(of, _)
            | Self::Opened(of)
            | Self::Closed(of)
            | Self::ClosedByCore(of, _) => *of == connection,
            Self::Storage(..) => false,
        }
    }
}
