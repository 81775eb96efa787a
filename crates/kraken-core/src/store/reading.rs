//! How somebody gets what was there before it came, and the values that it asks for.
//!
//! A reader does one thing at a time, in parts: storage reads some records, they are sent, and the
//! next are read when the client has taken these. So a slow one holds nobody up, and costs the
//! memory of one part.

use super::Stores;
use super::frame::HASH;
use super::persistence::Asked;
use super::record::{Cursor, Record};
use super::room::{Content, Store};
use crate::Effect;
use crate::ids::{ConnectionId, Timestamp, TopicId};
use crate::storage::StoreOperation;
use bytes::Bytes;
use std::collections::VecDeque;

/// Reads under way at a time: answers come as messages, and a process whose mailbox of 100 is
/// full holds its node up.
const READS: usize = 16;
/// What one connection may have asked for at a time.
const MOST_TASKS: usize = 64;
/// The most values that are sent to somebody who asks for one.
const MOST_FOUND: u32 = 64;
/// The shortest beginning of a hash field that is looked for, in bytes. Clients ask with 10 and
/// more; fewer would find what isn't meant.
const SHORTEST_PREFIX: usize = 8;

/// Somebody who is being sent something from storage.
pub(super) struct Reader {
    tasks: VecDeque<Task>,
    /// What it has written itself since it began to read everything, by sequence number.
    own: Vec<u64>,
}

/// What somebody is to be sent.
pub(super) enum Task {
    /// All values, all patches, and what comes meanwhile.
    Everything(Progress),
    /// The values whose payload begins like this, one after the other.
    Value {
        prefix: Bytes,
        /// The sequence number of the last that was looked at.
        after: u64,
        found: Found,
    },
}

/// How far somebody is with values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// There may be more.
    Some(u32),
    /// There are no more, or enough.
    All,
}

/// How far somebody is with everything.
pub(super) enum Progress {
    /// It has its turn to come.
    Waiting,
    /// Storage is being read, or will be once the client has taken what it was sent.
    Reading {
        cursor: Cursor,
        /// Storage had all up to this sequence number before the read; the journal has all behind.
        floor: u64,
        /// The number of the last frame before it came.
        joined: u64,
    },
    /// It gets what comes, and has been sent all before.
    CaughtUp,
}

impl Task {
    pub(super) fn everything() -> Self {
        Self::Everything(Progress::Waiting)
    }

    /// The value that is asked for like this; `None` if that is too little.
    pub(super) fn value(prefix: Bytes) -> Option<Self> {
        (prefix.len() >= SHORTEST_PREFIX).then_some(Self::Value {
            prefix,
            after: 0,
            found: Found::Some(0),
        })
    }
}

impl Reader {
    /// The sequence number behind which the journal is to keep all for it.
    pub(super) fn floor(&self) -> Option<u64> {
        match self.tasks.front()? {
            Task::Everything(Progress::Reading { floor, .. }) => Some(*floor),
            Task::Everything(Progress::Waiting | Progress::CaughtUp) | Task::Value { .. } => None,
        }
    }

    /// Takes note of what its client has written.
    pub(super) fn wrote(&mut self, sequence: u64) {
        if self.floor().is_some() {
            self.own.push(sequence);
        }
    }

    fn wants_everything(&self) -> bool {
        let everything = |task: &Task| matches!(task, Task::Everything(_));
        self.tasks.iter().any(everything)
    }
}

impl Stores {
    /// Puts a task before a reader, who begins with it when those before are done.
    pub(super) fn want(
        &mut self,
        connection: ConnectionId,
        task: Task,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if !self.has(connection) {
            return;
        }
        let reader = self.readers.entry(connection).or_insert_with(|| Reader {
            tasks: VecDeque::new(),
            own: Vec::new(),
        });
        if reader.tasks.len() >= MOST_TASKS {
            return;
        }
        reader.tasks.push_back(task);
        if reader.tasks.len() == 1 {
            self.begin(connection, now, effects);
        }
    }

    /// Sends somebody everything again, unless that is under way.
    pub(super) fn want_everything_again(
        &mut self,
        connection: ConnectionId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let reader = self.readers.get(&connection);
        if !reader.is_some_and(Reader::wants_everything) {
            self.want(connection, Task::everything(), now, effects);
        }
    }

    /// Begins with a reader's first task.
    fn begin(&mut self, connection: ConnectionId, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(topic) = self.members.get(&connection).map(|member| member.topic) else {
            return;
        };
        let Some(Store {
            content: Content::Kept(journal),
            readers,
            members,
            ..
        }) = self.stores.get_mut(&topic)
        else {
            return;
        };
        let Some(reader) = self.readers.get_mut(&connection) else {
            return;
        };
        match reader.tasks.front_mut() {
            Some(Task::Everything(progress)) => {
                let stored = journal.stored();
                *progress = Progress::Reading {
                    cursor: Cursor::Values {
                        after: 0,
                        until: stored,
                    },
                    floor: stored,
                    joined: journal.arrivals(),
                };
                readers.insert(connection);
                // Until it has caught up it gets nothing of what comes.
                if members.insert(connection, u64::MAX) != Some(u64::MAX) {
                    effects.push(Effect::Unsubscribe { connection, topic });
                }
            }
            Some(Task::Value { prefix, found, .. }) => {
                if let Some(payload) = journal.find(prefix) {
                    *found = Found::All;
                    let message = super::frame::value(&payload);
                    self.send_part(connection, vec![message], effects);
                    return;
                }
            }
            None => return,
        }
        self.queue.push_back(connection);
        self.read_next(now, effects);
    }

    /// Asks storage for those whose turn it is.
    pub(super) fn read_next(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while self.reads < READS
            && let Some(connection) = self.queue.pop_front()
        {
            if let Some(operation) = self.next_read(connection) {
                self.reads += 1;
                self.ask(operation, Asked::Read(connection), now, effects);
            }
        }
    }

    fn next_read(&mut self, connection: ConnectionId) -> Option<StoreOperation> {
        let topic = self.members.get(&connection)?.topic;
        let store = self.stores.get(&topic)?;
        let Content::Kept(journal) = &store.content else {
            return None;
        };
        let reader = self.readers.get_mut(&connection)?;
        match reader.tasks.front_mut()? {
            Task::Everything(Progress::Reading { cursor, floor, .. }) => {
                if !matches!(cursor, Cursor::Values { after: 0, .. }) {
                    *floor = journal.stored();
                }
                Some(StoreOperation::Read {
                    store: store.name.clone(),
                    after: *cursor,
                })
            }
            Task::Everything(Progress::Waiting | Progress::CaughtUp) => None,
            Task::Value { prefix, after, .. } => Some(StoreOperation::Find {
                store: store.name.clone(),
                prefix: prefix.slice(..prefix.len().min(HASH)),
                after: *after,
            }),
        }
    }

    /// Takes what storage has read for somebody.
    pub(super) fn read(
        &mut self,
        connection: ConnectionId,
        records: &[Record],
        is_last: bool,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.reads -= 1;
        self.read_failed = false;
        let Some(reader) = self.readers.get_mut(&connection) else {
            return self.read_next(now, effects);
        };
        let messages = match reader.tasks.front_mut() {
            Some(Task::Everything(Progress::Reading { cursor, .. })) => {
                let messages = reader_messages(records, &reader.own);
                if let Some(last) = records.last() {
                    *cursor = cursor.behind(last);
                }
                messages
            }
            Some(Task::Value {
                prefix,
                after,
                found,
            }) => {
                *found = match (records.last(), *found) {
                    (Some(record), Found::Some(count)) if count < MOST_FOUND => {
                        *after = record.sequence;
                        Found::Some(count + 1)
                    }
                    _ => Found::All,
                };
                let wanted = |record: &&Record| record.body.data().starts_with(prefix);
                let wanted = records.iter().filter(wanted);
                wanted.flat_map(|record| record.body.messages()).collect()
            }
            Some(Task::Everything(Progress::Waiting | Progress::CaughtUp)) | None => Vec::new(),
        };
        let is_done = is_last && self.is_at_the_end(connection);
        self.send_part(connection, messages, effects);
        if is_done {
            self.catch_up(connection, effects);
        }
        self.read_next(now, effects);
    }

    /// Whether somebody to whom storage had no more to give has all that is in it: else it goes
    /// on with what was stored meanwhile.
    fn is_at_the_end(&mut self, connection: ConnectionId) -> bool {
        let reader = self.readers.get_mut(&connection);
        let Some(Task::Everything(Progress::Reading { cursor, floor, .. })) =
            reader.and_then(|reader| reader.tasks.front_mut())
        else {
            return false;
        };
        match *cursor {
            Cursor::Values { until, .. } | Cursor::Patches { until, .. } if until < *floor => {
                *cursor = Cursor::All { after: until };
                false
            }
            Cursor::Values { .. } | Cursor::Patches { .. } | Cursor::All { .. } => true,
        }
    }

    /// Sends somebody the rest of the journal, and from here on what comes.
    fn catch_up(&mut self, connection: ConnectionId, effects: &mut Vec<Effect>) {
        let Some(topic) = self.members.get(&connection).map(|member| member.topic) else {
            return;
        };
        let Some(Store {
            content: Content::Kept(journal),
            members,
            readers,
            ..
        }) = self.stores.get_mut(&topic)
        else {
            return;
        };
        let Some(reader) = self.readers.get_mut(&connection) else {
            return;
        };
        let Some(Task::Everything(progress)) = reader.tasks.front_mut() else {
            return;
        };
        if let Progress::Reading {
            cursor,
            floor,
            joined,
        } = *progress
        {
            let read = match cursor {
                Cursor::All { after } => after.max(floor),
                Cursor::Values { .. } | Cursor::Patches { .. } => floor,
            };
            effects.extend(
                journal
                    .since(read, joined, connection)
                    .map(|message| Effect::Send {
                        connection,
                        message,
                    }),
            );
        }
        *progress = Progress::CaughtUp;
        reader.own = Vec::new();
        readers.remove(&connection);
        members.insert(connection, journal.arrivals());
        effects.push(Effect::Subscribe { connection, topic });
        self.trim(topic);
    }

    fn send_part(
        &mut self,
        connection: ConnectionId,
        messages: Vec<Bytes>,
        effects: &mut Vec<Effect>,
    ) {
        effects.extend(messages.into_iter().map(|message| Effect::Send {
            connection,
            message,
        }));
        effects.push(Effect::Mark { connection });
    }

    /// Goes on with somebody who has taken what it was sent.
    pub(crate) fn marked(
        &mut self,
        connection: ConnectionId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(reader) = self.readers.get_mut(&connection) else {
            return;
        };
        match reader.tasks.front() {
            Some(
                Task::Everything(Progress::Reading { .. })
                | Task::Value {
                    found: Found::Some(_),
                    ..
                },
            ) => {
                self.queue.push_back(connection);
                self.read_next(now, effects);
            }
            Some(
                Task::Everything(Progress::CaughtUp)
                | Task::Value {
                    found: Found::All, ..
                },
            ) => {
                reader.tasks.pop_front();
                match reader.tasks.is_empty() {
                    true => {
                        self.readers.remove(&connection);
                    }
                    false => self.begin(connection, now, effects),
                }
            }
            Some(Task::Everything(Progress::Waiting)) | None => {}
        }
    }

    /// Lets those begin who came while a store was being opened.
    pub(super) fn begin_all(&mut self, topic: TopicId, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(store) = self.stores.get_mut(&topic) else {
            return;
        };
        for since in store.members.values_mut() {
            *since = u64::MAX;
        }
        for connection in store.members.keys().copied().collect::<Vec<_>>() {
            self.want(connection, Task::everything(), now, effects);
        }
    }
}

/// What brings records to a client, but for those that are its own. A row of patches is numbered
/// by its last.
fn reader_messages(records: &[Record], own: &[u64]) -> Vec<Bytes> {
    let mut all = Vec::new();
    for record in records {
        let messages = record.body.messages();
        let first = (record.sequence + 1).saturating_sub(messages.len() as u64);
        let numbered = (first..).zip(messages);
        all.extend(
            numbered
                .filter(|(sequence, _)| own.binary_search(sequence).is_err())
                .map(|(_, message)| message),
        );
    }
    all
}
