//! SDS stores under chance: clients that come, write and go, storage that answers late and in any
//! order, crashes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use kraken_core::{
    Config, ConnectionId, Core, Durability, Effect, Event, Handshake, Limits, Settings,
    SetupRequest, StorageReply, StorageRequest, StoreSetup, Timestamp, TopicId,
};
use kraken_sim::Storage;
use serde_json::json;
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};

const SECRET: &str = "a secret of at least 32 characters";
const START: Timestamp = Timestamp(1_700_000_000_000);
const PATCH: u8 = 1;
const VALUE: u8 = 2;
const PRESENCE: u8 = 4;
const CHUNK: u8 = 5;
const SYNC_REQ: u8 = 6;

/// A core with one store, its clients, and what they have seen.
struct World {
    rng: fastrand::Rng,
    core: Core,
    settings: Option<Settings>,
    storage: Storage,
    durability: Durability,
    now: Timestamp,
    /// Storage requests that aren't answered.
    asked: Vec<StorageRequest>,
    clients: BTreeMap<ConnectionId, Client>,
    topics: BTreeMap<TopicId, BTreeSet<ConnectionId>>,
    /// Clients that have taken all that they were sent, and didn't say so.
    marks: Vec<ConnectionId>,
    last: u64,
    /// How many things were done.
    acts: u64,
    /// Whether storage fails now and then.
    has_faults: bool,
    log: Vec<String>,
}

#[derive(Default)]
struct Client {
    sent: Vec<Bytes>,
    received: Vec<Bytes>,
    closed: Option<u16>,
    /// Whether it asked to be synced, and gets things again.
    asked: bool,
}

impl World {
    fn new(seed: u64, durability: Durability) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
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
            acts: 0,
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

    fn join(&mut self) -> ConnectionId {
        self.last += 1;
        let connection = ConnectionId(self.last);
        self.clients.insert(connection, Client::default());
        let handshake = Handshake {
            path: "/ws/notes".to_owned(),
            query: Some(format!("token={}", token())),
            ..Handshake::default()
        };
        self.handle(Event::Opened {
            connection,
            handshake,
        });
        connection
    }

    fn leave(&mut self, connection: ConnectionId) {
        self.clients.remove(&connection);
        self.marks.retain(|marked| *marked != connection);
        for members in self.topics.values_mut() {
            members.remove(&connection);
        }
        self.handle(Event::Closed { connection });
    }

    fn send(&mut self, connection: ConnectionId, message: Vec<u8>) {
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
    fn crash(&mut self) {
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

    fn answer(&mut self, index: usize) {
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

    fn taken(&mut self, index: usize) {
        let connection = self.marks.remove(index);
        self.handle(Event::Marked { connection });
    }

    fn wait(&mut self, millis: u64) {
        let end = self.now.after(millis);
        while let Some(due) = self.core.next_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.core.handle_timeout(self.now);
            self.carry_out();
        }
        self.now = end;
    }

    /// Until nothing is under way any more.
    fn settle(&mut self) {
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
        assert!(
            message[0] != PATCH || client.asked || !client.sent.contains(&message),
            "{connection:?} was sent its own {message:?}"
        );
        client.received.push(message);
    }

    /// What a client that comes now is sent, once all is quiet.
    fn everything(&mut self) -> Vec<Bytes> {
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

    /// Something that somebody does.
    fn act(&mut self) {
        let open: Vec<_> = self.clients.keys().copied().collect();
        let any = (!open.is_empty()).then(|| open[self.rng.usize(..open.len())]);
        self.acts += 1;
        let number = self.acts;
        self.log.push(format!("{} {any:?} {number}", self.now.0));
        match (self.rng.u8(0..40), any) {
            (0..4, _) => {
                self.join();
            }
            (4, Some(connection)) => self.leave(connection),
            (5, Some(connection)) => self.send(connection, vec![SYNC_REQ]),
            (6..14, Some(connection)) => {
                self.send(connection, patch(number));
            }
            (14..17, Some(connection)) => {
                let hash = self.rng.u8(0..4);
                self.send(connection, value(hash, number));
            }
            (17, Some(connection)) => {
                let hash = 10 + self.rng.u8(0..4);
                for chunk in chunks(hash, number) {
                    self.send(connection, chunk);
                }
            }
            (18, Some(connection)) => self.send(connection, vec![PRESENCE, number as u8]),
            (19, _) if self.rng.u8(0..10) == 0 => self.crash(),
            (20..30, _) if !self.asked.is_empty() => {
                let index = self.rng.usize(..self.asked.len());
                self.answer(index);
            }
            (30..36, _) if !self.marks.is_empty() => {
                let index = self.rng.usize(..self.marks.len());
                self.taken(index);
            }
            _ => {
                let millis = self.rng.u64(0..60);
                self.wait(millis);
            }
        }
        let closed = |(id, client): (&ConnectionId, &Client)| client.closed.map(|_| *id);
        for connection in self.clients.iter().filter_map(closed).collect::<Vec<_>>() {
            self.leave(connection);
        }
    }
}

fn core(settings: Option<Settings>) -> Core {
    Core::new(Config {
        limits: Limits::default(),
        settings,
        seed: [1; 32],
        now: START,
    })
}

fn token() -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let claims = json!({ "sub": "a", "aud": "notes", "scope": "write" });
    let head = encode(br#"{"alg":"HS256"}"#);
    let signed = format!("{head}.{}", encode(claims.to_string().as_bytes()));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", encode(&mac.finalize().into_bytes()))
}

fn patch(number: u64) -> Vec<u8> {
    [&[PATCH][..], &number.to_be_bytes()].concat()
}

fn value(hash: u8, number: u64) -> Vec<u8> {
    [&[VALUE][..], &[hash; 32], &number.to_be_bytes()].concat()
}

/// The value as chunks.
fn chunks(hash: u8, number: u64) -> Vec<Vec<u8>> {
    let part = |(index, byte): (usize, &u8)| {
        let place = [(index as u32).to_be_bytes(), 8u32.to_be_bytes()].concat();
        [&[CHUNK][..], &[hash; 32], &place, &[*byte]].concat()
    };
    number.to_be_bytes().iter().enumerate().map(part).collect()
}

fn of_kind(messages: &[Bytes], kind: u8) -> Vec<Bytes> {
    let of_kind = messages.iter().filter(|message| message[0] == kind);
    of_kind.cloned().collect()
}

/// Runs a seed, and prints what happened if it fails.
fn run(seed: u64, durability: Durability, check: impl Fn(&mut World)) {
    struct Story<'a>(&'a mut World, u64);
    impl Drop for Story<'_> {
        #[expect(clippy::print_stderr, reason = "the story of a failure")]
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("seed {}\n{}", self.1, self.0.log.join("\n"));
            }
        }
    }
    let mut world = World::new(seed, durability);
    let story = Story(&mut world, seed);
    check(story.0);
}

fn both(check: impl Fn(&mut World) + Copy) {
    for seed in 0..500 {
        run(seed, Durability::RelayFirst, check);
        run(seed, Durability::WriteFirst, check);
    }
}

#[test]
fn sd11_whoever_stays_has_all_that_a_joiner_gets_and_nothing_twice() {
    both(|world| {
        for _ in 0..200 {
            world.act();
        }
        world.settle();
        let all = world.everything();
        let patches: BTreeSet<_> = of_kind(&all, PATCH).into_iter().collect();
        assert_eq!(patches.len(), of_kind(&all, PATCH).len(), "none twice");
        let first_patch = all.iter().position(|message| message[0] == PATCH);
        let last_value = all.iter().rposition(|message| message[0] == VALUE);
        if let (Some(patch), Some(value)) = (first_patch, last_value) {
            assert!(value < patch, "values come first");
        }
        for (connection, client) in &world.clients {
            if client.closed.is_some() || client.asked {
                continue;
            }
            let received = of_kind(&client.received, PATCH);
            let known: BTreeSet<_> = received.iter().cloned().collect();
            assert_eq!(known.len(), received.len(), "{connection:?}: none twice");
            let own: BTreeSet<_> = of_kind(&client.sent, PATCH).into_iter().collect();
            let known: BTreeSet<_> = known.union(&own).cloned().collect();
            assert_eq!(known, patches, "{connection:?}");
            let others: Vec<_> = of_kind(&all, PATCH)
                .into_iter()
                .filter(|patch| !own.contains(patch))
                .collect();
            assert_eq!(received, others, "{connection:?}: the order of all");
            for value in of_kind(&all, VALUE) {
                let hash = &value[1..33];
                let latest = |messages: &[Bytes]| {
                    let of_hash = |message: &&Bytes| message[0] == VALUE && message[1..33] == *hash;
                    messages.iter().rfind(of_hash).cloned()
                };
                let is_own = |client: &Client| {
                    latest(&client.sent).as_ref() == Some(&value)
                        || client
                            .sent
                            .iter()
                            .any(|sent| sent[0] == CHUNK && sent[1..33] == *hash)
                };
                let is_chunked = client
                    .received
                    .iter()
                    .any(|message| message[0] == CHUNK && message[1..33] == *hash);
                assert!(
                    latest(&client.received) == Some(value.clone()) || is_own(client) || is_chunked,
                    "{connection:?} lacks {value:?}"
                );
            }
        }
    });
}

#[test]
fn sd9_what_is_sent_is_there_for_who_comes_later() {
    both(|world| {
        let writers = [world.join(), world.join(), world.join()];
        world.settle();
        let (mut patches, mut values) = (BTreeSet::new(), Vec::new());
        for number in 0..60 {
            let writer = writers[world.rng.usize(..3)];
            if world.clients[&writer].closed.is_some() {
                continue;
            }
            world.send(writer, patch(number));
            patches.insert(Bytes::from(patch(number)));
            let hash = number as u8;
            match number % 10 {
                5 => world.send(writer, value(hash, number)),
                7 => {
                    let chunks = chunks(hash, number).into_iter();
                    chunks.for_each(|chunk| world.send(writer, chunk));
                }
                _ if world.rng.bool() && !world.asked.is_empty() => world.answer(0),
                _ => {}
            }
            if matches!(number % 10, 5 | 7) {
                values.push(Bytes::from(value(hash, number)));
            }
        }
        world.settle();
        world.crash();
        let all = world.everything();
        assert_eq!(of_kind(&all, VALUE), values);
        assert_eq!(BTreeSet::from_iter(of_kind(&all, PATCH)), patches);
    });
}

#[test]
fn sd13_write_first_nothing_is_relayed_that_a_crash_takes_back() {
    for seed in 0..500 {
        run(seed, Durability::WriteFirst, |world| {
            let mut seen = BTreeSet::new();
            for _ in 0..200 {
                world.act();
                for client in world.clients.values() {
                    seen.extend(of_kind(&client.received, PATCH));
                }
            }
            world.crash();
            let all = BTreeSet::from_iter(world.everything());
            assert!(seen.is_subset(&all));
        });
    }
}

#[test]
fn sd12_who_asks_is_answered_by_storage_alone() {
    for page in 1..4 {
        let mut world = World::new(page, Durability::RelayFirst);
        world.has_faults = false;
        let writer = world.join();
        world.settle();
        for number in 0..20 {
            world.send(writer, patch(number));
            world.send(writer, value(number as u8, number));
            world.wait(60);
        }
        chunks(99, 99)
            .into_iter()
            .for_each(|chunk| world.send(writer, chunk));
        world.wait(60);
        world.settle();
        world.leave(writer);
        let reader = world.join();
        world.settle();
        let all = std::mem::take(&mut world.clients.get_mut(&reader).unwrap().received);
        assert_eq!(all.len(), 41);
        world.send(reader, vec![SYNC_REQ]);
        world.settle();
        let again = std::mem::take(&mut world.clients.get_mut(&reader).unwrap().received);
        assert_eq!(again, all);
        for (asked, found) in [
            (vec![3; 33], Some(value(3, 3))),
            ([&[3][..], &[99; 10]].concat(), Some(value(99, 99))),
            ([&[3][..], &[99; 7]].concat(), None),
            ([&[3][..], &[98; 32]].concat(), None),
            ([&[3][..], &value(5, 5)[1..]].concat(), Some(value(5, 5))),
            ([&[3][..], &value(5, 6)[1..]].concat(), None),
        ] {
            world.send(reader, asked);
            world.settle();
            let received = std::mem::take(&mut world.clients.get_mut(&reader).unwrap().received);
            assert_eq!(
                received,
                found.into_iter().map(Bytes::from).collect::<Vec<_>>()
            );
        }
    }
}
