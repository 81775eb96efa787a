//! SDS stores, for the clients of `@rozek/sds-websocket-server`: a relay of frames that nobody
//! here understands, which keeps patches and values for those who come later.
//!
//! A frame goes through here like this: its first byte says who may send it and whether it is
//! kept, its bytes go to the store's topic, and the journal has it until storage has. Whoever
//! joins is first sent what is stored, in parts, then the rest of the journal, and is subscribed
//! to the topic at that moment.

mod chunks;
mod frame;
pub(crate) mod fuzz;
mod journal;
mod opening;
mod pass;
mod persistence;
mod reading;
mod record;
mod relaying;
mod rendezvous;
mod revocation;
mod room;
pub mod schema;
mod settings;
mod token;

pub use record::{Body, Cursor, Record, StoreRecord};
pub use settings::StoreSetup;

use crate::grant::Refusal;
use crate::ids::{ConnectionId, StorageId, StoreName, Timestamp, TopicId};
use crate::limits::{AppLimits, Limits};
use crate::log::Log;
use crate::metrics::Latency;
use crate::timers::Timers;
use crate::{ConnectionLimits, Durability, Effect, close};
use chunks::Chunks;
pub(crate) use pass::Pass;
use persistence::{Asked, Taken};
use reading::{Reader, Task};
use rendezvous::Rendezvous;
pub(crate) use revocation::{MOST_REVOCATIONS, Revocation, Tokens};
use room::{Content, Store, Usage};
pub(crate) use settings::StoreSettings;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
pub(crate) use token::{FORBIDDEN, Issued, UNAUTHORIZED, issue, parse_lifetime, verify};

/// Bytes of the largest message, as `ws` has it by default, and with it the original server.
pub const MESSAGE_BYTES: u32 = 100 << 20;
/// Bytes of records that storage reads at a time; the last of them may go beyond.
pub const PAGE_BYTES: usize = 1 << 20;

/// How long after a store was loaded its peers are asked for all they have, in milliseconds: what
/// a crash took from it is still with those who come back.
const HEALING: u64 = 60_000;
/// How often records that are too old are deleted, in milliseconds.
const EXPIRY: u64 = 60_000;

/// Marks the topics and storage requests that are named here.
const OWN_TOPIC: u32 = 1 << 31;
const OWN_REQUEST: u64 = 1 << 63;

const TOO_MANY_CONNECTIONS: Refusal = Refusal::new(
    429,
    "too_many_connections",
    "the stores have as many connections as they may",
);
const TOO_MANY_STORES: Refusal = Refusal::new(
    503,
    "too_many_stores",
    "as many stores are open as there may be",
);

/// Which of a store's two rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// `/ws/<store>`
    Sync,
    /// `/signal/<store>`
    Signal,
}

/// All stores.
#[derive(Default)]
pub(crate) struct Stores {
    policy: Policy,
    waiting_bytes: usize,
    unstored_bytes: usize,
    grace: u64,
    stores: BTreeMap<TopicId, Store>,
    signalling: BTreeMap<TopicId, Rendezvous>,
    topics: BTreeMap<(Purpose, StoreName), TopicId>,
    members: BTreeMap<ConnectionId, Member>,
    readers: BTreeMap<ConnectionId, Reader>,
    /// Who waits for its turn to read.
    queue: VecDeque<ConnectionId>,
    reads: usize,
    chunks: Chunks,
    log: Log<Taken>,
    timers: Timers<Timer>,
    asked: BTreeMap<StorageId, (Asked, Timestamp)>,
    latency: Latency,
    /// Bytes that wait for a store to be opened.
    waiting: usize,
    /// Bytes that nothing is kept of, and that wait until what came before is stored.
    held: usize,
    read_failed: bool,
    last_topic: u32,
    last_request: u64,
    /// Stores that are left, but not all stored: those of their names that come after wait.
    retired: BTreeSet<(StoreName, TopicId)>,
    /// Stores that are to be deleted, and whether storage has been asked.
    removing: BTreeMap<StoreName, bool>,
}

/// How stores are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) limits: AppLimits,
    pub(crate) durability: Durability,
    /// Whether what comes is kept.
    pub(crate) persist: bool,
    /// Bytes that one store may have.
    pub(crate) store_bytes: Option<u64>,
    pub(crate) retention_days: Option<u32>,
}

/// Somebody with an open connection.
struct Member {
    topic: TopicId,
    purpose: Purpose,
    pass: Pass,
}

/// What a moment is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Write what has come.
    Flush,
    /// Let a store go if nobody is there.
    Store(TopicId),
    /// Ask storage for a store again.
    Open(TopicId),
    /// A token ends.
    Pass(ConnectionId),
    /// Delete what is too old.
    Expiry,
    /// Go on deleting stores.
    Removal,
}

/// Why a connection is to be closed.
struct Violation {
    code: u16,
    reason: &'static str,
}

impl Violation {
    const UNAUTHORIZED: Self = Self::new(close::SDS_UNAUTHORIZED, "Unauthorized");
    const DELETED: Self = Self::new(close::SDS_FORBIDDEN, "the store has been deleted");
    const FULL: Self = Self::new(close::TOO_LARGE, "the store has as many bytes as it may");
    const FAILING: Self = Self::new(close::TRY_AGAIN, "storage fails");
    const RESTARTED: Self = Self::new(close::RESTART, "the server's settings have changed");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }
}

impl Stores {
    /// Says how stores are served from now on. Those that are open stay as they are in whether
    /// they are kept.
    pub(crate) fn set_policy(&mut self, policy: Policy, limits: &Limits, now: Timestamp) {
        self.policy = policy;
        self.waiting_bytes = limits.waiting_bytes;
        self.unstored_bytes = limits.unstored_bytes;
        self.grace = limits.room_grace;
        if policy.persist && policy.retention_days.is_some() {
            self.timers.set(Timer::Expiry, now);
        }
    }

    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.members.contains_key(&connection)
    }

    pub(crate) fn connections(&self) -> usize {
        self.members.len()
    }

    /// Stores and signalling rooms in memory.
    pub(crate) fn rooms(&self) -> usize {
        self.topics.len()
    }

    pub(crate) fn usage(&self) -> impl Iterator<Item = Usage<'_>> {
        self.stores.values().map(Store::usage)
    }

    /// Bytes that wait for storage.
    pub(crate) fn unstored(&self) -> usize {
        self.log.unstored
    }

    /// Bytes of values that aren't complete.
    pub(crate) fn chunk_bytes(&self) -> usize {
        self.chunks.bytes()
    }

    pub(crate) fn latency(&self) -> &Latency {
        &self.latency
    }

    pub(crate) fn is_storage_failing(&self) -> bool {
        self.log.failures > 0 || self.read_failed
    }

    /// Whether so much is unstored, or waits for a store to be opened, that no input may be taken.
    /// While storage fails, input is refused instead.
    pub(crate) fn is_congested(&self) -> bool {
        let is_behind = self.is_behind() && self.log.failures == 0;
        is_behind || self.waiting > self.waiting_bytes
    }

    fn is_behind(&self) -> bool {
        self.log.unstored + self.held > self.unstored_bytes
    }

    /// Whether everything that came in is stored.
    pub(crate) fn is_stored(&self) -> bool {
        self.log.is_idle() && self.waiting == 0 && self.removing.is_empty()
    }

    /// Whether nothing waits for storage.
    pub(crate) fn is_idle(&self) -> bool {
        let is_opening = |store: &Store| matches!(store.content, Content::Opening(_));
        self.asked.is_empty() && self.is_stored() && !self.stores.values().any(is_opening)
    }

    /// How clients are bounded.
    pub(crate) fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            message_bytes: MESSAGE_BYTES,
            too_large: close::MESSAGE_TOO_BIG,
            overflow: close::TRY_AGAIN,
            messages_per_second: self.policy.limits.messages_per_second,
            bytes_per_second: self.policy.limits.bytes_per_second,
            too_fast: close::TRY_AGAIN,
        }
    }

    /// Whether another connection may come; if not, why.
    pub(crate) fn check_space(&self, purpose: Purpose, name: &StoreName) -> Result<(), Refusal> {
        let limits = self.policy.limits;
        if self.members.len() >= limits.connections as usize {
            return Err(TOO_MANY_CONNECTIONS);
        }
        let is_open = self.topics.contains_key(&(purpose, name.clone()));
        match !is_open && self.topics.len() >= limits.rooms as usize {
            true => Err(TOO_MANY_STORES),
            false => Ok(()),
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        let timeouts = [self.timers.next(), self.chunks.next_timeout()];
        timeouts.into_iter().flatten().min()
    }

    /// Lets an accepted connection in.
    pub(crate) fn join(
        &mut self,
        connection: ConnectionId,
        purpose: Purpose,
        pass: Pass,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(end) = pass.expires {
            self.timers.set(Timer::Pass(connection), end);
        }
        let topic = self.open(purpose, &pass.store, now, effects);
        let member = Member {
            topic,
            purpose,
            pass,
        };
        self.members.insert(connection, member);
        match purpose {
            Purpose::Sync => self.join_store(connection, topic, now, effects),
            Purpose::Signal => {
                if let Some(room) = self.signalling.get_mut(&topic) {
                    room.join(connection, effects);
                }
            }
        }
    }

    fn join_store(
        &mut self,
        connection: ConnectionId,
        topic: TopicId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(store) = self.stores.get_mut(&topic) else {
            return;
        };
        match &store.content {
            Content::Relay => {
                store.members.insert(connection, 0);
                effects.push(Effect::Subscribe { connection, topic });
            }
            Content::Opening(_) => {
                store.members.insert(connection, 0);
            }
            Content::Kept(_) => {
                store.members.insert(connection, u64::MAX);
                self.want(connection, Task::everything(), now, effects);
            }
        }
    }

    /// Takes a connection out. Unknown ones have left before.
    pub(crate) fn leave(&mut self, connection: ConnectionId, now: Timestamp) {
        let Some(member) = self.members.remove(&connection) else {
            return;
        };
        self.timers.clear(&Timer::Pass(connection));
        self.chunks.leave(connection);
        self.readers.remove(&connection);
        let topic = member.topic;
        match member.purpose {
            Purpose::Sync => self.leave_store(connection, topic, now),
            Purpose::Signal => {
                if let Some(room) = self.signalling.get_mut(&topic)
                    && room.leave(connection)
                {
                    self.signalling.remove(&topic);
                    self.topics.remove(&(Purpose::Signal, member.pass.store));
                }
            }
        }
    }

    fn leave_store(&mut self, connection: ConnectionId, topic: TopicId, now: Timestamp) {
        let Some(store) = self.stores.get_mut(&topic) else {
            return;
        };
        store.members.remove(&connection);
        if store.readers.remove(&connection) {
            self.trim(topic);
        }
        if let Some(store) = self.stores.get_mut(&topic)
            && store.members.is_empty()
        {
            store.empty_since = now;
            self.timers.set(Timer::Store(topic), store.end(self.grace));
        }
    }

    /// Does everything whose time has come.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.chunks.handle_timeout(now);
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Flush => self.flush(now, effects),
                Timer::Store(topic) => self.let_go(topic, now),
                Timer::Open(topic) => self.ask_size(topic, now, effects),
                Timer::Pass(connection) => {
                    self.close(connection, &Violation::UNAUTHORIZED, now, effects);
                }
                Timer::Expiry => self.expire(now, effects),
                Timer::Removal => self.go_on_removing(now, effects),
            }
        }
    }

    /// Closes those whose pass is not good any more.
    pub(crate) fn expel(
        &mut self,
        is_bad: impl Fn(&Pass) -> bool,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let bad = self
            .members
            .iter()
            .filter(|(_, member)| is_bad(&member.pass));
        for connection in bad.map(|(&connection, _)| connection).collect::<Vec<_>>() {
            self.close(connection, &Violation::UNAUTHORIZED, now, effects);
        }
    }

    /// Closes everybody, so that they come back to stores that are served as is said now.
    pub(crate) fn restart(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        for connection in self.members.keys().copied().collect::<Vec<_>>() {
            self.close(connection, &Violation::RESTARTED, now, effects);
        }
        self.retire_all(now, effects);
    }

    /// Deletes a store.
    pub(crate) fn remove(&mut self, name: &StoreName, now: Timestamp, effects: &mut Vec<Effect>) {
        let of_store = |(_, member): &(&ConnectionId, &Member)| member.pass.store == *name;
        let members = self.members.iter().filter(of_store);
        for connection in members
            .map(|(&connection, _)| connection)
            .collect::<Vec<_>>()
        {
            self.close(connection, &Violation::DELETED, now, effects);
        }
        let of_name = self.stores.values().filter(|store| store.name == *name);
        for topic in of_name.map(|store| store.topic).collect::<Vec<_>>() {
            self.forget(topic);
        }
        self.removing.insert(name.clone(), false);
        self.go_on_removing(now, effects);
    }

    fn close(
        &mut self,
        connection: ConnectionId,
        violation: &Violation,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if !self.has(connection) {
            return;
        }
        self.leave(connection, now);
        effects.push(Effect::Close {
            connection,
            code: violation.code,
            reason: violation.reason.to_owned(),
        });
    }
}

impl Policy {
    /// When what comes now is to be written.
    fn write_at(&self, now: Timestamp) -> Timestamp {
        match self.durability {
            Durability::RelayFirst => now.after(crate::doc::WRITE_WINDOW),
            Durability::WriteFirst => now,
        }
    }
}
