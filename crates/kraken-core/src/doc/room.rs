//! One room: who is in it, its awareness, and its content once that is loaded.

use super::awareness::{Awareness, Voice};
use super::document::Document;
use super::message;
use super::tenant::Policy;
use super::{Usage, Violation};
use crate::grant::Access;
use crate::ids::{ConnectionId, RoomId, Timestamp, TopicId};
use crate::{Durability, Effect, Limits, close};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// Every member hears something at least this often, in milliseconds: y-websocket reconnects
/// after 30,000 of silence.
const KEEP_ALIVE: u64 = 20_000;

/// One room in memory.
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) topic: TopicId,
    pub(super) policy: Policy,
    /// Who is here.
    pub(super) members: BTreeMap<ConnectionId, Member>,
    pub(super) awareness: Awareness,
    pub(super) content: Content,
    /// When every member was last sent something.
    heard: Timestamp,
    /// Since when there is no member.
    pub(super) empty_since: Timestamp,
    /// Whether it goes without the grace time.
    pub(super) is_surplus: bool,
    /// Of clients, since it is in memory.
    pub(super) messages: u64,
    pub(super) last_change: Option<Timestamp>,
}

/// Somebody in a room.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// Whom it speaks for in awareness.
    pub(super) voice: Voice,
    pub(super) access: Access,
    /// Whether it takes part, and was asked for what is missing here.
    is_greeted: bool,
}

impl Member {
    pub(super) fn new(access: Access) -> Self {
        Self {
            voice: Voice::Own,
            access,
            is_greeted: false,
        }
    }
}

/// What a room holds, once it is known.
#[allow(
    clippy::large_enum_variant,
    reason = "almost every room is loaded, and a box would cost each access"
)]
pub(super) enum Content {
    /// Storage has been asked.
    Loading(Waiting),
    /// It is here, but to integrate it takes longer than one turn.
    Integrating(Waiting, Loaded),
    /// All of it is here.
    Loaded(Loaded),
}

impl Default for Content {
    fn default() -> Self {
        Self::Loading(Waiting::default())
    }
}

impl Content {
    /// What there is of it, integrated or not.
    pub(super) fn loaded(&self) -> Option<&Loaded> {
        match self {
            Self::Loading(_) => None,
            Self::Integrating(_, loaded) | Self::Loaded(loaded) => Some(loaded),
        }
    }

    /// The same, to change it.
    pub(super) fn loaded_mut(&mut self) -> Option<&mut Loaded> {
        match self {
            Self::Loading(_) => None,
            Self::Integrating(_, loaded) | Self::Loaded(loaded) => Some(loaded),
        }
    }

    /// What waits for it.
    pub(super) fn waiting_mut(&mut self) -> Option<&mut Waiting> {
        match self {
            Self::Loading(waiting) | Self::Integrating(waiting, _) => Some(waiting),
            Self::Loaded(_) => None,
        }
    }
}

/// A frame, and who said it with which right.
pub(super) type Said = (ConnectionId, Access, Bytes);

/// What came in before the content was ready, in order.
#[derive(Default)]
pub(super) struct Waiting {
    frames: VecDeque<Said>,
    bytes: usize,
    pub(super) failures: u32,
}

impl Waiting {
    /// Lets a frame wait: a single one always, more if there is room for them.
    pub(super) fn push(&mut self, said: Said, limits: &Limits) -> Result<(), Violation> {
        self.bytes += Self::cost(&said);
        if self.bytes > limits.waiting_bytes && !self.frames.is_empty() {
            let reason = "the document is loading";
            return Err(Violation::new(close::TRY_AGAIN, reason));
        }
        self.frames.push_back(said);
        Ok(())
    }

    /// Lets frames go on waiting, behind what is left of those before them.
    pub(super) fn put_back(&mut self, mut frames: VecDeque<Said>) {
        self.bytes += frames.iter().map(Self::cost).sum::<usize>();
        self.frames.append(&mut frames);
    }

    /// Bytes that it takes to let a frame wait.
    fn cost((_, _, frame): &Said) -> usize {
        frame.len() + size_of::<Said>()
    }
}

/// A loaded room's content, and how much of it is stored.
pub(super) struct Loaded {
    pub(super) document: Document,
    /// Sequence number of the last update known to be stored.
    pub(super) stored: u64,
    /// Write-first only: messages that go out once their update is stored.
    pub(super) held: VecDeque<(u64, Bytes)>,
    /// Write-first only: state vectors to answer once all that is integrated is stored, the last
    /// of each connection.
    pub(super) questions: BTreeMap<ConnectionId, Bytes>,
    /// Segments in storage behind the last snapshot, and their bytes.
    pub(super) segments: u64,
    pub(super) segment_bytes: usize,
    pub(super) snapshot_bytes: usize,
    pub(super) compacting: bool,
    /// Bytes of the document when it was last encoded.
    pub(super) measured: usize,
    /// Bytes of the updates that came since, which may have taken the place of others.
    pub(super) recorded: usize,
}

impl Loaded {
    /// The most bytes that the document can have.
    pub(super) fn size(&self) -> usize {
        self.measured + self.recorded
    }

    /// Whether it has to be measured before it takes so many bytes more: only after every 64th part
    /// of the `most` that it may have, as that takes time. Up to that, a document that is nearly
    /// full counts as larger than it is.
    pub(super) fn wants_measure(&self, bytes: usize, most: usize) -> bool {
        self.size() + bytes > most && self.recorded > most / 64
    }

    /// Encodes the document to find out how large it is.
    pub(super) fn measure(&mut self) {
        self.measured = self.document.encoded_len();
        self.recorded = self.document.fresh_len();
    }

    /// Whether everything that came in is stored.
    pub(super) fn is_stored(&self) -> bool {
        self.document.segment_len() == 0 && self.stored >= self.document.sequence()
    }

    /// Whether the log has outgrown the snapshot, or a good part of what a document may have.
    pub(super) fn wants_compaction(&self, limits: &Limits, most: usize) -> bool {
        let outgrown = self.segments > limits.segments
            || self.segment_bytes > limits.segment_bytes + self.snapshot_bytes.min(most / 4);
        outgrown && !self.compacting && !self.document.is_damaged()
    }

    /// Sends what waited for storage, and gives the questions that may be answered now.
    pub(super) fn release(
        &mut self,
        topic: TopicId,
        effects: &mut Vec<Effect>,
    ) -> BTreeMap<ConnectionId, Bytes> {
        while let Some((_, message)) = self.held.pop_front_if(|held| held.0 <= self.stored) {
            effects.push(Effect::Publish {
                topic,
                except: None,
                message,
            });
        }
        match self.document.integrated_sequence() <= self.stored {
            true => std::mem::take(&mut self.questions),
            false => BTreeMap::new(),
        }
    }
}

impl Room {
    pub(super) fn new(id: RoomId, topic: TopicId, policy: Policy, now: Timestamp) -> Self {
        Self {
            id,
            topic,
            policy,
            members: BTreeMap::new(),
            awareness: Awareness::default(),
            content: Content::default(),
            heard: now,
            empty_since: now,
            is_surplus: false,
            messages: 0,
            last_change: None,
        }
    }

    pub(super) fn usage(&self) -> Usage<'_> {
        Usage {
            id: &self.id,
            connections: self.members.len(),
            bytes: self.content.loaded().map(Loaded::size),
            messages: self.messages,
            last_change: self.last_change,
        }
    }

    /// Lets `connection` take part in a loaded room: from here on it gets what the others get,
    /// and it is asked for what is missing here.
    pub(super) fn greet(&mut self, connection: ConnectionId, effects: &mut Vec<Effect>) {
        let Content::Loaded(loaded) = &mut self.content else {
            return;
        };
        if let Some(member) = self.members.get_mut(&connection) {
            member.is_greeted = true;
        }
        effects.push(Effect::Subscribe {
            connection,
            topic: self.topic,
        });
        effects.push(Effect::Send {
            connection,
            message: message::step_1(&loaded.document.state_vector()),
        });
        if let Some(states) = self.awareness.encode_all() {
            effects.push(Effect::Send {
                connection,
                message: message::awareness(&states),
            });
        }
    }

    /// Stops taking part in anything until what is recorded is integrated; whether it did before.
    pub(super) fn fall_behind(&mut self) -> bool {
        let content = std::mem::take(&mut self.content);
        let was_loaded = matches!(content, Content::Loaded(_));
        self.content = match content {
            Content::Loaded(loaded) => Content::Integrating(Waiting::default(), loaded),
            other => other,
        };
        was_loaded
    }

    /// Lets everybody take part, and gives what has waited.
    pub(super) fn open_up(&mut self, effects: &mut Vec<Effect>) -> VecDeque<Said> {
        let content = std::mem::take(&mut self.content);
        let waiting = match content {
            Content::Integrating(waiting, loaded) => {
                self.content = Content::Loaded(loaded);
                waiting
            }
            other => {
                self.content = other;
                return VecDeque::new();
            }
        };
        let is_new =
            |(&connection, member): (_, &Member)| (!member.is_greeted).then_some(connection);
        let newcomers: Vec<ConnectionId> = self.members.iter().filter_map(is_new).collect();
        for connection in newcomers {
            self.greet(connection, effects);
        }
        waiting.frames
    }

    /// Answers a validated step 1; write-first only with what is stored, or later.
    pub(super) fn answer(
        &mut self,
        connection: ConnectionId,
        state_vector: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let Some(loaded) = self.content.loaded_mut() else {
            return;
        };
        let is_stored = loaded.document.integrated_sequence() <= loaded.stored;
        if self.policy.durability == Durability::WriteFirst && !is_stored {
            loaded.questions.insert(connection, state_vector);
            return;
        }
        let updates = loaded.document.diff(&state_vector).unwrap_or_default();
        for (index, update) in updates.iter().enumerate() {
            let message = match index {
                0 => message::step_2(update),
                _ => message::update(update),
            };
            effects.push(Effect::Send {
                connection,
                message,
            });
        }
    }

    /// Tells everybody.
    pub(super) fn publish(&mut self, message: Bytes, now: Timestamp, effects: &mut Vec<Effect>) {
        self.heard = now;
        effects.push(Effect::Publish {
            topic: self.topic,
            except: None,
            message,
        });
    }

    /// Takes `connection` out; its states stay for the grace time.
    pub(super) fn remove(&mut self, connection: ConnectionId, now: Timestamp) {
        self.members.remove(&connection);
        self.awareness.orphan(connection, now);
        if self.members.is_empty() {
            self.empty_since = now;
        }
    }

    /// Does what is due: expires awareness, breaks a long silence.
    pub(super) fn look_after(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if let Some(gone) = self.awareness.expire(now) {
            self.publish(message::awareness(&gone), now, effects);
        }
        if !self.members.is_empty() && now.since(self.heard) >= KEEP_ALIVE {
            self.publish(message::keep_alive(), now, effects);
        }
    }

    /// Whether nobody has missed this room for the grace time, and nothing of it would be lost.
    pub(super) fn can_go(&self, limits: &Limits, now: Timestamp) -> bool {
        let stored = match &self.content {
            Content::Loading(_) | Content::Integrating(..) => false,
            Content::Loaded(loaded) => loaded.is_stored() && !loaded.compacting,
        };
        self.members.is_empty() && self.stays_until(limits) <= now && stored
    }

    /// How long this room stays if nobody comes.
    fn stays_until(&self, limits: &Limits) -> Timestamp {
        match self.is_surplus {
            true => self.empty_since,
            false => self.empty_since.after(limits.room_grace),
        }
    }

    /// When this room has to be looked after.
    pub(super) fn deadline(&self, limits: &Limits) -> Timestamp {
        let own = match self.members.is_empty() {
            true => self.stays_until(limits),
            false => self.heard.after(KEEP_ALIVE),
        };
        self.awareness
            .deadline()
            .map_or(own, |expiry| own.min(expiry))
    }
}
