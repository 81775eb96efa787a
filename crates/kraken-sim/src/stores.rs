//! A core with one SDS store, its clients, and storage that answers when it is told to.

use crate::Storage;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use fastrand::Rng;
use hmac::{Hmac, Mac};
use kraken_core::{
    Config, ConnectionId, Core, Durability, Effect, Event, Handshake, Limits, Settings,
    SetupRequest, StorageReply, StorageRequest, StoreSetup, Timestamp, TopicId,
};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};

const SECRET: &str = "a secret of at least 32 characters";
const START: Timestamp = Timestamp(1_700_000_000_000);

/// The types of frames.
pub mod kind {
    /// A change of the store.
    pub const PATCH: u8 = 1;
    /// A value.
    pub const VALUE: u8 = 2;
    /// A question for a value.
    pub const REQ_VALUE: u8 = 3;
    /// Presence.
    pub const PRESENCE: u8 = 4;
    /// A part of a value.
    pub const CHUNK: u8 = 5;
    /// A question for everything.
    pub const SYNC_REQ: u8 = 6;
}
use kind::{CHUNK, PATCH, SYNC_REQ, VALUE};

/// A core with one store, its clients, and what they have seen.
pub struct StoreWorld {
    /// The random numbers of this world.
    pub rng: Rng,
    core: Core,
    settings: Option<Settings>,
    storage: Storage,
    durability: Durability,
    now: Timestamp,
    /// Storage requests that aren't answered.
    pub asked: Vec<StorageRequest>,
    /// Who is connected.
    pub clients: BTreeMap<ConnectionId, StoreClient>,
    topics: BTreeMap<TopicId, BTreeSet<ConnectionId>>,
    /// Clients that have taken all that they were sent, and didn't say so.
    pub marks: Vec<ConnectionId>,
    last: u64,
    /// Whether storage fails now and then.
    pub has_faults: bool,
    /// What happened, for whoever reads a failure.
    pub log: Vec<String>,
}

/// Somebody with a connection.
#[derive(Default)]
pub struct StoreClient {
    /// All that it sent.
    pub sent: Vec<Bytes>,
    /// All that it was sent.
    pub received: Vec<Bytes>,
    /// The code that it was closed with, or the status that refused it.
    pub closed: Option<u16>,
    /// Whether it asked to be synced, and gets things again.
    pub asked: bool,
}

impl StoreWorld {
    /// A world in which chance is this seed.
    pub fn new(seed: u64, durability: Durability) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut storage = Storage::default();
        storage.page = rng.usize(1..5);
        let mut world = Self {
            rng,
            core: core(None),
            settings: None,
            storage,
            durability,
            now: START,
            asked: Vec::new(),
            clients: BTreeMap::new(),
            topics: BTreeMap::new(),
            marks: Vec::new(),
            last: 0,
            has_faults: true,
            log: Vec::new(),
        };
        world.set_up();
        world
    }

    fn set_up(&mut self) {
        let request = SetupRequest {
            durability: Some(self.durability),
            stores: Some(StoreSetup {
                secret: Some(SECRET.to_owned()),
                persist: true,
                ..StoreSetup::default()
            }),
            ..SetupRequest::default()
        };
        self.core.set_up(&request, self.now).unwrap();
        self.carry_out();
    }

    fn handle(&mut self, event: Event) {
        self.core.handle(self.now, event);
        self.carry_out();
    }

    /// Somebody who may write comes.
    pub fn join(&mut self) -> ConnectionId {
        self.knock("/ws/notes", &token("notes"))
    }

    /// Somebody comes with a token.
    pub fn knock(&mut self, path: &str, token: &str) -> ConnectionId {
        self.last += 1;
        let connection = ConnectionId(self.last);
        self.clients.insert(connection, StoreClient::default());
        let handshake = Handshake {
            path: path.to_owned(),
            query: Some(format!("token={token}")),
            ..Handshake::default()
        };
        self.handle(Event::Opened {
            connection,
            handshake,
        });
        connection
    }

    /// Somebody goes.
    pub fn leave(&mut self, connection: ConnectionId) {
        self.clients.remove(&connection);
        self.marks.retain(|marked| *marked != connection);
        for members in self.topics.values_mut() {
            members.remove(&connection);
        }
        self.handle(Event::Closed { connection });
    }

    /// Somebody sends a message.
    pub fn send(&mut self, connection: ConnectionId, message: Vec<u8>) {
        let message = Bytes::from(message);
        let client = self.clients.get_mut(&connection).unwrap();
        client.asked |= message[0] == SYNC_REQ;
        client.sent.push(message.clone());
        self.handle(Event::Binary {
            connection,
            message,
        });
    }

    /// The process dies: what storage was asked may be done or not.
    pub fn crash(&mut self) {
        self.log.push(format!("{} crash", self.now.0));
        for request in std::mem::take(&mut self.asked) {
            if self.rng.bool() {
                self.storage.carry_out(&request);
            }
        }
        self.clients.clear();
        self.topics.clear();
        self.marks.clear();
        self.core = core(self.settings.take());
        self.set_up();
    }

    /// Storage answers one of the requests, or fails.
    pub fn answer(&mut self, index: usize) {
        let request = self.asked.remove(index);
        let reply = match self.rng.u8(..) {
            0..8 if self.has_faults => StorageReply::Failed {
                reason: "a fault".to_owned(),
            },
            _ => self.storage.carry_out(&request),
        };
        self.handle(Event::Stored {
            id: request.id,
            reply,
        });
    }

    /// One of the clients has taken all that it was sent.
    pub fn taken(&mut self, index: usize) {
        let connection = self.marks.remove(index);
        self.handle(Event::Marked { connection });
    }

    /// Time passes.
    pub fn wait(&mut self, millis: u64) {
        let end = self.now.after(millis);
        while let Some(due) = self.core.next_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.core.handle_timeout(self.now);
            self.carry_out();
        }
        self.now = end;
    }

    /// Until nothing is under way any more.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            if let Some(index) = self.asked.len().checked_sub(1) {
                self.answer(index);
            } else if let Some(index) = self.marks.len().checked_sub(1) {
                self.taken(index);
            } else if self.core.is_idle() {
                return;
            } else {
                self.wait(50);
            }
        }
        panic!("never settles");
    }

    fn carry_out(&mut self) {
        for effect in self.core.drain_effects().collect::<Vec<_>>() {
            match effect {
                Effect::Send {
                    connection,
                    message,
                } => self.receive(connection, message),
                Effect::Subscribe { connection, topic } => {
                    assert!(self.topics.entry(topic).or_default().insert(connection));
                }
                Effect::Unsubscribe { connection, topic } => {
                    assert!(self.topics.entry(topic).or_default().remove(&connection));
                }
                Effect::Publish {
                    topic,
                    except,
                    message,
                } => {
                    for connection in self.topics.get(&topic).cloned().unwrap_or_default() {
                        if Some(connection) != except {
                            self.receive(connection, message.clone());
                        }
                    }
                }
                Effect::Mark { connection } => self.marks.push(connection),
                Effect::Refuse {
                    connection, status, ..
                } => {
                    if let Some(client) = self.clients.get_mut(&connection) {
                        client.closed = Some(status);
                    }
                }
                Effect::Close {
                    connection, code, ..
                } => {
                    for members in self.topics.values_mut() {
                        members.remove(&connection);
                    }
                    if let Some(client) = self.clients.get_mut(&connection) {
                        client.closed = Some(code);
                    }
                }
                Effect::Store(request) => self.asked.push(request),
                Effect::Save(settings) => self.settings = Some(*settings),
                _ => {}
            }
        }
    }

    fn receive(&mut self, connection: ConnectionId, message: Bytes) {
        let Some(client) = self.clients.get_mut(&connection) else {
            return;
        };
        client.received.push(message);
    }

    /// What a client that comes now is sent, once all is quiet.
    pub fn everything(&mut self) -> Vec<Bytes> {
        let connection = self.join();
        self.settle();
        if self.clients[&connection].closed.is_some() {
            // A fault met it; clients come back.
            self.leave(connection);
            return self.everything();
        }
        let received = self.clients[&connection].received.clone();
        self.leave(connection);
        received
    }
}

fn core(settings: Option<Settings>) -> Core {
    Core::new(Config {
        limits: Limits::default(),
        settings,
        seed: [1; 32],
        pages: Default::default(),
        stopwatch: || 0,
        now: START,
    })
}

/// A token for a store, to write.
pub fn token(store: &str) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let claims = format!(r#"{{"sub":"a","aud":"{store}","scope":"write"}}"#);
    let head = encode(br#"{"alg":"HS256"}"#);
    let signed = format!("{head}.{}", encode(claims.as_bytes()));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", encode(&mac.finalize().into_bytes()))
}

/// A patch.
pub fn patch(number: u64) -> Vec<u8> {
    [&[PATCH][..], &number.to_be_bytes()].concat()
}

/// A value.
pub fn value(hash: u8, number: u64) -> Vec<u8> {
    [&[VALUE][..], &[hash; 32], &number.to_be_bytes()].concat()
}

/// The value as chunks.
pub fn chunks(hash: u8, number: u64) -> Vec<Vec<u8>> {
    let part = |(index, byte): (usize, &u8)| {
        let place = [(index as u32).to_be_bytes(), 8u32.to_be_bytes()].concat();
        [&[CHUNK][..], &[hash; 32], &place, &[*byte]].concat()
    };
    number.to_be_bytes().iter().enumerate().map(part).collect()
}

/// Those of a type.
pub fn of_kind(messages: &[Bytes], kind: u8) -> Vec<Bytes> {
    let of_kind = messages.iter().filter(|message| message[0] == kind);
    of_kind.cloned().collect()
}

/// The body of a fuzz target in `test/fuzz`: what clients, storage and time do, a byte for what
/// and a byte for whom or how much; a frame's length follows, and the frame.
pub fn fuzz(data: &[u8]) {
    let durability = match data.first() {
        Some(0) => Durability::WriteFirst,
        _ => Durability::RelayFirst,
    };
    let mut world = StoreWorld::new(1, durability);
    let mut rest = data.get(1..).unwrap_or_default();
    while let [what, which, tail @ ..] = rest {
        rest = tail;
        let of = |count: usize| usize::from(*which) % count.max(1);
        let client = world.clients.keys().nth(of(world.clients.len())).copied();
        match (what % 8, client) {
            (0, _) if world.clients.len() < 8 => {
                world.join();
            }
            (1, Some(client)) => world.leave(client),
            (2, _) if !world.asked.is_empty() => world.answer(of(world.asked.len())),
            (3, _) if !world.marks.is_empty() => world.taken(of(world.marks.len())),
            (4, _) => world.wait(u64::from(*which)),
            (5, _) if *which == 0 => world.crash(),
            (_, Some(client)) => {
                let Some((&length, tail)) = rest.split_first() else {
                    break;
                };
                let (frame, tail) = tail.split_at(usize::from(length).min(tail.len()));
                rest = tail;
                if !frame.is_empty() && world.clients[&client].closed.is_none() {
                    world.send(client, frame.to_vec());
                }
            }
            _ => {}
        }
    }
    world.has_faults = false;
    world.settle();
    world.everything();
}
