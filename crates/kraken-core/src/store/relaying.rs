//! What becomes of a client's messages.

use super::frame::Frame;
use super::journal::Kept;
use super::reading::Task;
use super::room::{Content, Store};
use super::{HEALING, Purpose, Stores, Timer, Violation};
use crate::grant::Access;
use crate::ids::{ConnectionId, Timestamp, TopicId};
use crate::{Durability, Effect};
use bytes::Bytes;

impl Stores {
    /// Takes a binary message of a client.
    pub(crate) fn binary(
        &mut self,
        connection: ConnectionId,
        message: Bytes,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(member) = self.members.get(&connection) else {
            return;
        };
        let (topic, access) = (member.topic, member.pass.access);
        match member.purpose {
            Purpose::Sync => self.frame(connection, topic, access, message, now, effects),
            Purpose::Signal => effects.push(Effect::Publish {
                topic,
                except: Some(connection),
                message,
            }),
        }
    }

    /// Takes a text message of a client: nothing in a store.
    pub(crate) fn text(
        &mut self,
        connection: ConnectionId,
        message: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(member) = self.members.get(&connection)
            && let Some(room) = self.signalling.get_mut(&member.topic)
        {
            room.text(connection, message, effects);
        }
    }

    fn frame(
        &mut self,
        connection: ConnectionId,
        topic: TopicId,
        access: Access,
        message: Bytes,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(store) = self.stores.get_mut(&topic) else {
            return;
        };
        let Some(frame) = Frame::parse(&message) else {
            return;
        };
        if frame.is_write() && access < Access::Write {
            return;
        }
        store.messages += 1;
        if frame.is_write() {
            store.last_change = Some(now);
        }
        match &mut store.content {
            Content::Relay => effects.push(Effect::Publish {
                topic,
                except: Some(connection),
                message,
            }),
            Content::Opening(opening) => {
                self.waiting += message.len();
                opening.frames.push((connection, message, frame));
            }
            Content::Kept(_) => {
                if let Err(violation) = self.keep(connection, topic, message, frame, now, effects) {
                    self.close(connection, &violation, now, effects);
                }
            }
        }
    }

    /// Relays a frame, and keeps what is to be kept of it.
    pub(super) fn keep(
        &mut self,
        connection: ConnectionId,
        topic: TopicId,
        message: Bytes,
        frame: Frame,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        if self.log.failures > 0 && self.is_behind() {
            return Err(Violation::FAILING);
        }
        if frame.is_write() {
            self.check_quota(topic, message.len())?;
        }
        let Some(store) = self.stores.get_mut(&topic) else {
            return Ok(());
        };
        let Content::Kept(journal) = &mut store.content else {
            return Ok(());
        };
        let is_part = matches!(frame, Frame::Chunk(_));
        let kept = match frame {
            Frame::Patch => Some(Kept::Patch),
            Frame::Value => Some(Kept::Value),
            Frame::Chunk(Some(chunk)) => {
                let arrival = journal.next_arrival();
                let joined = self.chunks.take(connection, chunk, arrival, now);
                joined.map(Kept::Joined)
            }
            Frame::ValueWanted(prefix) => {
                if let Some(task) = Task::value(prefix) {
                    self.want(connection, task, now, effects);
                }
                None
            }
            Frame::SyncWanted => {
                let is_healing = now.since(store.opened) < HEALING;
                self.want_everything_again(connection, now, effects);
                if !is_healing {
                    return Ok(());
                }
                None
            }
            Frame::Chunk(None) | Frame::Other => None,
        };
        match kept {
            Some(kept) => self.record(connection, topic, message, kept, now, effects),
            None => self.pass(connection, topic, message, is_part, effects),
        }
        Ok(())
    }

    /// Relays a frame, and gives it to storage.
    fn record(
        &mut self,
        connection: ConnectionId,
        topic: TopicId,
        message: Bytes,
        kept: Kept,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Store {
            content: Content::Kept(journal),
            ..
        }) = self.stores.get_mut(&topic)
        else {
            return;
        };
        self.log.unstored += journal.keep(connection, message, kept);
        if let Some(reader) = self.readers.get_mut(&connection) {
            reader.wrote(journal.last());
        }
        if self.log.dirty.insert(topic) {
            self.timers.set(Timer::Flush, self.policy.write_at(now));
        }
        self.relay(topic, effects);
    }

    /// Relays a frame that nothing is kept of.
    fn pass(
        &mut self,
        connection: ConnectionId,
        topic: TopicId,
        message: Bytes,
        is_part: bool,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(Store {
            content: Content::Kept(journal),
            readers,
            ..
        }) = self.stores.get_mut(&topic)
        {
            // Who catches up meanwhile gets a value when it is complete.
            let is_wanted = !readers.is_empty() && !is_part;
            self.held += journal.pass(connection, message, topic, is_wanted, effects);
        }
    }

    fn check_quota(&self, topic: TopicId, bytes: usize) -> Result<(), Violation> {
        let Some(Store {
            content: Content::Kept(journal),
            ..
        }) = self.stores.get(&topic)
        else {
            return Ok(());
        };
        let most = self.policy.store_bytes.unwrap_or(u64::MAX);
        match journal.bytes.saturating_add(bytes as u64) > most {
            true => Err(Violation::FULL),
            false => Ok(()),
        }
    }

    /// Relays what may be relayed.
    pub(super) fn relay(&mut self, topic: TopicId, effects: &mut Vec<Effect>) {
        let only_stored = self.policy.durability == Durability::WriteFirst;
        if let Some(Store {
            content: Content::Kept(journal),
            members,
            ..
        }) = self.stores.get_mut(&topic)
        {
            let late = |began| {
                let late = members
                    .iter()
                    .filter(|&(_, &since)| since != u64::MAX && since >= began);
                late.map(|(&connection, _)| connection).collect()
            };
            let held = journal.held();
            journal.relay(topic, only_stored, late, effects);
            self.held -= held - journal.held();
        }
    }

    /// Forgets what nobody needs of a store's journal.
    pub(super) fn trim(&mut self, topic: TopicId) {
        if let Some(Store {
            content: Content::Kept(journal),
            readers,
            ..
        }) = self.stores.get_mut(&topic)
        {
            let floors = readers
                .iter()
                .filter_map(|reader| self.readers.get(reader)?.floor());
            journal.trim(floors.min());
        }
    }
}
