//! What clients say, and what they are answered.

use super::awareness::{News, Voice};
use super::message::{self, Message};
use super::room::Content;
use super::tenant::Tenant;
use super::{Documents, Timer, Violation, update};
use crate::grant::Access;
use crate::ids::{ConnectionId, Timestamp, TopicId};
use crate::{Durability, Effect, close};
use bytes::Bytes;

/// How an update came in.
enum Arrival<'a> {
    /// As the answer to a step 1: often nothing of it is new.
    Step2,
    /// As an update, with its frame if it is alone in it.
    Update(Option<&'a Bytes>),
}

impl Documents {
    /// Reads a frame of a member of a loaded room.
    pub(super) fn read(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        frame: &Bytes,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        message::parse_frame(frame, |message, alone| {
            let whole = alone.then_some(frame);
            self.message(topic, connection, message, whole, now, effects)
        })
    }

    fn message(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        message: Message,
        whole: Option<&Bytes>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return Ok(());
        };
        let Some(member) = room.members.get_mut(&connection) else {
            return Ok(());
        };
        match message {
            Message::Step1(state_vector) => {
                message::validate_state_vector(&state_vector)?;
                self.step_1(topic, connection, state_vector, effects)?;
            }
            Message::Step2(update) => {
                member.voice = Voice::Any;
                let access = member.access;
                if !update::validate(&update)? {
                    return Ok(());
                }
                if !self.integrate(topic, effects) || !self.has_time(topic) {
                    return self.wait(topic, connection, message::step_2(&update));
                }
                if access >= Access::Write {
                    self.update(topic, connection, &update, Arrival::Step2, now, effects)?;
                } else if self.has_news(topic, &update) {
                    effects.push(refuse_update(connection));
                }
                self.allowance.spend();
            }
            Message::Update(update) => {
                let access = member.access;
                if !update::validate(&update)? {
                    return Ok(());
                }
                if access >= Access::Write {
                    let arrival = Arrival::Update(whole);
                    self.update(topic, connection, &update, arrival, now, effects)?;
                } else {
                    effects.push(refuse_update(connection));
                }
            }
            Message::Awareness(entries) => {
                let limits = room.policy.awareness();
                let voice = std::mem::replace(&mut member.voice, Voice::Any);
                let news = room
                    .awareness
                    .apply(connection, voice, &entries, limits, now)?;
                let message = match news {
                    News::All => whole
                        .cloned()
                        .unwrap_or_else(|| message::awareness(&entries)),
                    News::Some(entries) => message::awareness(&entries),
                    News::Nothing => return Ok(()),
                };
                room.publish(message, now, effects);
                let deadline = room.deadline(&self.limits);
                self.timers.set(Timer::Room(topic), deadline);
            }
            Message::QueryAwareness => {
                if !self.has_time(topic) {
                    return self.wait(topic, connection, message::query_awareness());
                }
                self.query_awareness(topic, connection, effects);
                self.allowance.spend();
            }
            Message::PermissionDenied(_) | Message::Ignored => {}
        }
        Ok(())
    }

    /// Whether there is time left in this turn for an answer that may take long; if not, the room
    /// is behind.
    fn has_time(&mut self, topic: TopicId) -> bool {
        if self.allowance.is_spent() {
            self.fall_behind(topic);
            return false;
        }
        self.allowance.begin();
        true
    }

    fn query_awareness(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(room) = self.rooms.get(&topic) {
            let message = match room.awareness.encode_all() {
                Some(states) => message::awareness(&states),
                None => message::keep_alive(),
            };
            effects.push(Effect::Send {
                connection,
                message,
            });
        }
    }

    /// Answers a validated state vector, now or when there is time.
    pub(super) fn step_1(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        state_vector: Bytes,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return Ok(());
        };
        let is_ready = match room.policy.durability {
            Durability::RelayFirst => self.integrate(topic, effects),
            Durability::WriteFirst => matches!(room.content, Content::Loaded(_)),
        };
        if !is_ready || !self.has_time(topic) {
            return self.wait(topic, connection, message::step_1(&state_vector));
        }
        if let Some(room) = self.rooms.get_mut(&topic) {
            room.answer(connection, state_vector, effects);
        }
        self.allowance.spend();
        Ok(())
    }

    /// Lets a frame wait until its room is ready.
    pub(super) fn wait(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        frame: Bytes,
    ) -> Result<(), Violation> {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return Ok(());
        };
        let member = room.members.get(&connection);
        let access = member.map_or(Access::Read, |member| member.access);
        match room.content.waiting_mut() {
            Some(waiting) => waiting.push((connection, access, frame), &self.limits),
            None => Ok(()),
        }
    }

    /// Whether an update is known to change a room.
    fn has_news(&mut self, topic: TopicId, update: &[u8]) -> bool {
        let room = self.rooms.get_mut(&topic);
        let loaded = room.and_then(|room| room.content.loaded_mut());
        loaded.is_some_and(|loaded| {
            loaded.document.is_integrated() && loaded.document.is_news(update)
        })
    }

    /// Finds out how large a room's document is, if that is needed to know whether it may have so
    /// many bytes more. Whether there was time for it.
    fn measure(&mut self, topic: TopicId, bytes: usize, effects: &mut Vec<Effect>) -> bool {
        let Some(room) = self.rooms.get(&topic) else {
            return true;
        };
        let most = room.policy.limits.document_bytes as usize;
        let loaded = room.content.loaded();
        if loaded.is_none_or(|loaded| !loaded.wants_measure(bytes, most)) {
            return true;
        }
        if !self.integrate(topic, effects) || !self.has_time(topic) {
            return false;
        }
        let room = self.rooms.get_mut(&topic);
        if let Some(loaded) = room.and_then(|room| room.content.loaded_mut()) {
            loaded.measure();
        }
        self.allowance.spend();
        true
    }

    /// Takes a validated update that is not empty.
    fn update(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        update: &Bytes,
        arrival: Arrival<'_>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        if !self.measure(topic, update.len(), effects) {
            let message = match arrival {
                Arrival::Step2 => message::step_2(update),
                Arrival::Update(whole) => whole.cloned().unwrap_or_else(|| message::update(update)),
            };
            return self.wait(topic, connection, message);
        }
        let Some(room) = self.rooms.get_mut(&topic) else {
            return Ok(());
        };
        let Some(loaded) = room.content.loaded_mut() else {
            return Ok(());
        };
        let policy = room.policy;
        let most = policy.limits.document_bytes;
        if loaded.size() + update.len() > most as usize {
            let reason = format!("document larger than {most} bytes");
            return Err(Violation::new(close::TOO_LARGE, reason));
        }
        let Some(Tenant { log, .. }) = self.tenants.get_mut(&room.id.app) else {
            return Ok(());
        };
        if log.failures > 0 && log.unstored > self.limits.unstored_bytes {
            return Err(Violation::new(close::TRY_AGAIN, "storage fails"));
        }
        if loaded.document.fresh_len() == 0 {
            self.behind.insert(topic);
        }
        let before = loaded.document.fresh_len();
        let message = match arrival {
            Arrival::Step2 if !loaded.document.record_if_news(update) => return Ok(()),
            Arrival::Step2 => message::update(update),
            Arrival::Update(whole) => {
                loaded.document.record(update);
                whole.cloned().unwrap_or_else(|| message::update(update))
            }
        };
        room.last_change = Some(now);
        loaded.recorded += loaded.document.fresh_len() - before;
        if log.dirty.insert(topic) {
            let at = policy.writes_at(now);
            self.timers.set(Timer::Flush(room.id.app.clone()), at);
        }
        match policy.durability {
            Durability::RelayFirst if room.members.len() > 1 => effects.push(Effect::Publish {
                topic,
                except: Some(connection),
                message,
            }),
            Durability::RelayFirst => {}
            Durability::WriteFirst => loaded.held.push_back((loaded.document.sequence(), message)),
        }
        Ok(())
    }
}

/// What a client that may only read is told when it changes something.
fn refuse_update(connection: ConnectionId) -> Effect {
    Effect::Send {
        connection,
        message: message::permission_denied("read-only: the token lets nobody write"),
    }
}
