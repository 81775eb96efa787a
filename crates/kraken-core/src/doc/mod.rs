//! Yjs documents: rooms, sync and awareness (y-protocols over WebSocket).
//!
//! An update goes through here like this: it is validated, its bytes go to the room, and it is
//! recorded for storage. It is integrated into the document in memory later, with its neighbours.
//! A room of which that takes longer than a turn may waits for it, and nobody else does.

mod allowance;
mod awareness;
mod causality;
mod document;
mod exchange;
pub mod message;
mod nesting;
mod persistence;
mod room;
mod slice;
mod tenant;
pub mod update;

pub use allowance::Allowance;
pub use awareness::{Awareness, AwarenessLimits, GRACE, News, OUTDATED, Refused, Voice};
pub use document::{Document, Segment, Snapshot};

use crate::grant::{Access, Refusal};
use crate::ids::{AppId, ConnectionId, RoomId, StorageId, Timestamp, TopicId};
use crate::metrics::Latency;
use crate::timers::Timers;
use crate::{Durability, Effect, Limits, close};
use bytes::Bytes;
use message::Malformed;
use persistence::Request;
use room::{Content, Loaded, Member, Room, Waiting};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Display;
pub(crate) use tenant::Policy;
use tenant::Tenant;
use yrs::ClientID;

/// How long updates gather before they are written in [`Durability::RelayFirst`], in milliseconds:
/// half of what a crash may cost, as writing takes some time too.
pub const WRITE_WINDOW: u64 = 25;

const TOO_MANY_CONNECTIONS: Refusal = Refusal::new(
    429,
    "too_many_connections",
    "the app has as many connections as it may",
);
const TOO_MANY_ROOMS: Refusal = Refusal::new(
    503,
    "too_many_rooms",
    "the app has as many documents open as it may",
);
const FULL: Refusal = Refusal::new(503, "full", "the server has as much to do as it may");

/// All rooms of all apps.
pub(crate) struct Documents {
    limits: Limits,
    client: ClientID,
    rooms: BTreeMap<TopicId, Room>,
    topics: BTreeMap<RoomId, TopicId>,
    members: BTreeMap<ConnectionId, TopicId>,
    /// Rooms without members, by when they were left.
    left: BTreeSet<(Timestamp, TopicId)>,
    /// How long integration may go on in this turn.
    allowance: Allowance,
    /// Loaded rooms with recorded updates that may not be integrated.
    behind: BTreeSet<TopicId>,
    /// Rooms that take longer, in the order in which they have their turns.
    integrating: VecDeque<TopicId>,
    tenants: BTreeMap<AppId, Tenant>,
    /// Tenants for which storage is so far behind that no input may be taken.
    congested: BTreeSet<AppId>,
    timers: Timers<Timer>,
    asked: BTreeMap<StorageId, Request>,
    latency: Latency,
    /// Apps of which nothing is left.
    removed: Vec<AppId>,
    /// Rooms whose load has to wait for that of others.
    load_queue: VecDeque<TopicId>,
    loads: usize,
    /// Whether the last load failed.
    load_failed: bool,
    compactions: usize,
    last_topic: u32,
    last_storage: u64,
}

/// What a moment is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Write what an app's rooms have recorded, or go on with deleting it.
    Flush(AppId),
    /// Look after a room: expire awareness, keep it alive, let it go.
    Room(TopicId),
    /// Ask storage for a room again.
    Load(TopicId),
    /// Go on integrating.
    Integrate,
}

/// A room in memory, as its owner sees it.
pub(crate) struct Usage<'a> {
    pub(crate) id: &'a RoomId,
    pub(crate) connections: usize,
    pub(crate) bytes: Option<usize>,
    pub(crate) messages: u64,
    pub(crate) last_change: Option<Timestamp>,
}

/// Why a connection is to be closed.
struct Violation {
    code: u16,
    reason: String,
}

impl Violation {
    fn new(code: u16, reason: impl Display) -> Self {
        Self {
            code,
            reason: reason.to_string(),
        }
    }
}

impl From<Malformed> for Violation {
    fn from(malformed: Malformed) -> Self {
        Self::new(close::MALFORMED, malformed)
    }
}

impl From<Refused> for Violation {
    fn from(refused: Refused) -> Self {
        let code = match refused {
            Refused::Malformed(_) => close::MALFORMED,
            Refused::StateTooLarge(_) | Refused::TooManyStates(_) => close::TOO_LARGE,
        };
        Self::new(code, refused)
    }
}

impl Documents {
    pub(crate) fn new(limits: Limits, client: ClientID, allowance: Allowance) -> Self {
        Self {
            limits,
            client,
            rooms: BTreeMap::new(),
            topics: BTreeMap::new(),
            members: BTreeMap::new(),
            left: BTreeSet::new(),
            allowance,
            behind: BTreeSet::new(),
            integrating: VecDeque::new(),
            tenants: BTreeMap::new(),
            congested: BTreeSet::new(),
            timers: Timers::default(),
            asked: BTreeMap::new(),
            latency: Latency::default(),
            removed: Vec::new(),
            load_queue: VecDeque::new(),
            loads: 0,
            load_failed: false,
            compactions: 0,
            last_topic: 0,
            last_storage: 0,
        }
    }

    /// Changes the bounds that hold for all apps together.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Says how apps are served from now on. Nobody can join an app of which nothing was said.
    pub(crate) fn set_policies(&mut self, policies: Vec<(AppId, Policy)>) {
        for (app, policy) in policies {
            self.tenants.entry(app).or_default().policy = policy;
        }
        for room in self.rooms.values_mut() {
            if let Some(tenant) = self.tenants.get(&room.id.app) {
                room.policy = tenant.policy;
            }
        }
    }

    /// Rooms in memory.
    pub(crate) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Connections in rooms.
    pub(crate) fn connections(&self) -> usize {
        self.members.len()
    }

    /// An app's connections, and its rooms in memory.
    pub(crate) fn usage(&self, app: &AppId) -> (u32, u32) {
        let tenant = self.tenants.get(app);
        tenant.map_or((0, 0), |tenant| (tenant.connections, tenant.rooms))
    }

    /// The rooms in memory.
    pub(crate) fn room_usage(&self) -> impl Iterator<Item = Usage<'_>> {
        self.rooms.values().map(Room::usage)
    }

    /// Bytes that wait for storage.
    pub(crate) fn unstored(&self) -> usize {
        self.tenants
            .values()
            .map(|tenant| tenant.log.unstored)
            .sum()
    }

    /// How long storage takes to answer.
    pub(crate) fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Whether storage has failed since it last succeeded.
    pub(crate) fn is_storage_failing(&self) -> bool {
        self.load_failed || self.tenants.values().any(|tenant| tenant.log.failures > 0)
    }

    /// Whether some app has as much unstored as is allowed, and storage is at work on it.
    pub(crate) fn is_congested(&self) -> bool {
        !self.congested.is_empty()
    }

    /// Whether everything that came in is stored.
    pub(crate) fn is_stored(&self) -> bool {
        let is_integrated = self.behind.is_empty() && self.integrating.is_empty();
        is_integrated && self.tenants.values().all(|tenant| tenant.log.is_idle())
    }

    /// Whether nothing waits for storage.
    pub(crate) fn is_idle(&self) -> bool {
        let is_loading = |room: &Room| !matches!(room.content, Content::Loaded(_));
        self.asked.is_empty() && self.is_stored() && !self.rooms.values().any(is_loading)
    }

    /// Whether another connection may join a room; if not, why.
    pub(crate) fn check_space(&self, room: &RoomId) -> Result<(), Refusal> {
        let Some(tenant) = self.tenants.get(&room.app) else {
            return Err(FULL);
        };
        let limits = tenant.policy.limits;
        if tenant.connections >= limits.connections {
            return Err(TOO_MANY_CONNECTIONS);
        }
        if self.members.len() >= self.limits.connections as usize {
            return Err(FULL);
        }
        if self.topics.contains_key(room) {
            return Ok(());
        }
        if tenant.rooms >= limits.rooms {
            return Err(TOO_MANY_ROOMS);
        }
        match self.rooms.len() >= self.limits.rooms as usize {
            true => Err(FULL),
            false => Ok(()),
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Lets an accepted connection into a room, which is loaded first if it isn't in memory.
    pub(crate) fn join(
        &mut self,
        connection: ConnectionId,
        id: RoomId,
        access: Access,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(tenant) = self.tenants.get_mut(&id.app) else {
            return;
        };
        tenant.connections += 1;
        let topic = match self.topics.get(&id) {
            Some(&topic) => topic,
            None => {
                tenant.rooms += 1;
                let policy = tenant.policy;
                self.open(id, policy, now, effects)
            }
        };
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        self.members.insert(connection, topic);
        self.left.remove(&(room.empty_since, topic));
        room.is_surplus = false;
        room.members.insert(connection, Member::new(access));
        if room.policy.durability == Durability::RelayFirst {
            self.integrate(topic, effects);
        }
        if let Some(room) = self.rooms.get_mut(&topic) {
            room.greet(connection, effects);
            let deadline = room.deadline(&self.limits);
            self.timers.set(Timer::Room(topic), deadline);
        }
    }

    /// The room that a connection is in.
    pub(crate) fn topic_of(&self, connection: ConnectionId) -> Option<TopicId> {
        self.members.get(&connection).copied()
    }

    /// The same, by its name.
    pub(crate) fn room_of(&self, connection: ConnectionId) -> Option<&RoomId> {
        let topic = self.members.get(&connection)?;
        self.rooms.get(topic).map(|room| &room.id)
    }

    /// Takes a connection out of its room. Unknown ones have left before.
    pub(crate) fn leave(&mut self, connection: ConnectionId, now: Timestamp) {
        let Some(topic) = self.members.remove(&connection) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(&topic) {
            if let Some(tenant) = self.tenants.get_mut(&room.id.app) {
                tenant.connections -= 1;
            }
            room.remove(connection, now);
            if room.members.is_empty() {
                self.left.insert((now, topic));
            }
            let deadline = room.deadline(&self.limits);
            self.timers.set(Timer::Room(topic), deadline);
        }
        self.dismiss_surplus(now);
    }

    /// Lets rooms go that were left first, if too many were.
    fn dismiss_surplus(&mut self, now: Timestamp) {
        while self.left.len() > self.limits.left_rooms
            && let Some((_, topic)) = self.left.pop_first()
        {
            if let Some(room) = self.rooms.get_mut(&topic) {
                room.is_surplus = true;
                self.timers.set(Timer::Room(topic), now);
            }
        }
    }

    /// Takes a binary frame of a client.
    pub(crate) fn frame(
        &mut self,
        connection: ConnectionId,
        frame: Bytes,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(&topic) = self.members.get(&connection) else {
            return;
        };
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        room.messages += 1;
        let taken = match room.content {
            Content::Loading(_) | Content::Integrating(..) => self.wait(topic, connection, frame),
            Content::Loaded(_) => self.read(topic, connection, &frame, now, effects),
        };
        if let Err(violation) = taken {
            self.close(connection, violation, now, effects);
        }
    }

    /// Ends a turn: integrates what rooms have recorded, and goes on with those that take longer.
    pub(crate) fn catch_up(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        for topic in std::mem::take(&mut self.behind) {
            self.integrate(topic, effects);
        }
        // Whatever came in this turn took, those that wait have as much.
        self.allowance.renew();
        for _ in 0..self.integrating.len() {
            if let Some(topic) = self.integrating.pop_front() {
                self.go_on(topic, now, effects);
            }
            if self.allowance.is_spent() {
                break;
            }
        }
        if !self.integrating.is_empty() {
            self.timers.set(Timer::Integrate, now.after(1));
        }
        self.allowance.renew();
    }

    /// Integrates what a room has recorded. If that takes longer than this turn may, the room goes
    /// on in the next ones, and whatever comes to it waits. Whether all is integrated.
    fn integrate(&mut self, topic: TopicId, effects: &mut Vec<Effect>) -> bool {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return true;
        };
        let is_asked = |loaded: &Loaded| !loaded.questions.is_empty();
        if matches!(&room.content, Content::Loaded(loaded) if is_asked(loaded)) {
            // Write-first: who asks gets what is stored, and nothing is added until it is.
            return true;
        }
        let Some(loaded) = room.content.loaded_mut() else {
            return false;
        };
        let document = &mut loaded.document;
        let (segment_len, was_damaged) = (document.segment_len(), document.is_damaged());
        let is_integrated = document.integrate(&mut self.allowance);
        let grown = document.segment_len() - segment_len;
        if document.is_damaged() && !was_damaged {
            let warning = format!("{} holds bytes that are not updates", room.id);
            effects.push(Effect::Warn(warning));
        }
        self.has_to_store(topic, grown);
        if !is_integrated {
            self.fall_behind(topic);
        }
        is_integrated
    }

    /// Takes note that so many bytes have become ready to be stored.
    fn has_to_store(&mut self, topic: TopicId, bytes: usize) {
        if bytes > 0
            && let Some(room) = self.rooms.get(&topic)
            && let Some(Tenant { log, .. }) = self.tenants.get_mut(&room.id.app)
        {
            log.unstored += bytes;
            if log.unstored > self.limits.unstored_bytes && log.failures == 0 {
                self.congested.insert(room.id.app.clone());
            }
        }
    }

    /// Lets a loaded room wait until it is integrated.
    fn fall_behind(&mut self, topic: TopicId) {
        if let Some(room) = self.rooms.get_mut(&topic)
            && room.fall_behind()
        {
            self.integrating.push_back(topic);
        }
    }

    /// Goes on with a room that is being integrated.
    fn go_on(&mut self, topic: TopicId, now: Timestamp, effects: &mut Vec<Effect>) {
        let is_integrated = self.integrate(topic, effects);
        self.write_later(topic, now);
        match is_integrated {
            true => self.open_up(topic, now, effects),
            false => self.integrating.push_back(topic),
        }
    }

    /// Lets a room that is integrated have what has waited.
    fn open_up(&mut self, topic: TopicId, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        let mut frames = room.open_up(effects);
        self.timers.set(Timer::Room(topic), now);
        let mut closed = BTreeSet::new();
        while let Some((connection, access, frame)) = frames.pop_front() {
            if let Some(waiting) = self.waiting(topic) {
                // It has fallen behind again.
                frames.push_front((connection, access, frame));
                frames.retain(|(connection, ..)| !closed.contains(connection));
                waiting.put_back(frames);
                return;
            }
            if closed.contains(&connection) {
                continue;
            }
            let taken = match self.members.contains_key(&connection) {
                true => self.read(topic, connection, &frame, now, effects),
                false => self.read_last_words(topic, connection, access, &frame, now, effects),
            };
            if let Err(violation) = taken {
                closed.insert(connection);
                self.close(connection, violation, now, effects);
            }
        }
    }

    /// What waits for a room's content.
    fn waiting(&mut self, topic: TopicId) -> Option<&mut Waiting> {
        self.rooms.get_mut(&topic)?.content.waiting_mut()
    }

    /// Does everything whose time has come.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Flush(app) => self.write_now(&app, now, effects),
                Timer::Room(topic) => self.look_after(topic, now, effects),
                Timer::Load(topic) => self.load(topic, now, effects),
                // This is what a turn ends with.
                Timer::Integrate => {}
            }
        }
    }

    fn open(
        &mut self,
        id: RoomId,
        policy: Policy,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> TopicId {
        self.last_topic += 1;
        let topic = TopicId(self.last_topic);
        self.topics.insert(id.clone(), topic);
        self.rooms.insert(topic, Room::new(id, topic, policy, now));
        self.load(topic, now, effects);
        topic
    }

    fn look_after(&mut self, topic: TopicId, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        room.look_after(now, effects);
        if room.can_go(&self.limits, now) {
            self.forget(topic);
            return;
        }
        // Something that can't go yet is asked again after a moment, not at once.
        let deadline = room.deadline(&self.limits).max(now.after(WRITE_WINDOW));
        self.timers.set(Timer::Room(topic), deadline);
    }

    fn forget(&mut self, topic: TopicId) {
        if let Some(room) = self.rooms.remove(&topic) {
            self.topics.remove(&room.id);
            self.left.remove(&(room.empty_since, topic));
            if let Some(tenant) = self.tenants.get_mut(&room.id.app) {
                tenant.rooms -= 1;
            }
            self.timers.clear(&Timer::Room(topic));
            self.timers.clear(&Timer::Load(topic));
            self.behind.remove(&topic);
        }
    }

    fn close(
        &mut self,
        connection: ConnectionId,
        violation: Violation,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.leave(connection, now);
        effects.push(Effect::Close {
            connection,
            code: violation.code,
            reason: violation.reason,
        });
    }
}
