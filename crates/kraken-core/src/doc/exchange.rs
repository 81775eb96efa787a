//! What clients say, and what they are answered.

use super::awareness::{News, Voice};
use super::message::{self, Message};
use super::room::{self, Content};
use super::{Documents, Violation, WRITE_WINDOW, update};
use crate::ids::{ConnectionId, Timestamp, TopicId};
use crate::timers::Timer;
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
        match message {
            Message::Step1(state_vector) => {
                message::validate_state_vector(&state_vector)?;
                self.step_1(topic, connection, state_vector, effects);
            }
            Message::Step2(update) => {
                room.members.insert(connection, Voice::Any);
                if update::validate(&update)? {
                    self.update(topic, connection, &update, Arrival::Step2, now, effects)?;
                }
            }
            Message::Update(update) => {
                if update::validate(&update)? {
                    let arrival = Arrival::Update(whole);
                    self.update(topic, connection, &update, arrival, now, effects)?;
                }
            }
            Message::Awareness(entries) => {
                let limits = self.limits.awareness;
                let voice = room.members.insert(connection, Voice::Any);
                let voice = voice.unwrap_or(Voice::Any);
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
                let message = match room.awareness.encode_all() {
                    Some(states) => message::awareness(&states),
                    None => message::keep_alive(),
                };
                effects.push(Effect::Send {
                    connection,
                    message,
                });
            }
            Message::Ignored => {}
        }
        Ok(())
    }

    fn step_1(
        &mut self,
        topic: TopicId,
        connection: ConnectionId,
        state_vector: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let Some(room) = self.rooms.get_mut(&topic) else {
            return;
        };
        let Content::Loaded(loaded) = &mut room.content else {
            return;
        };
        match self.durability {
            Durability::RelayFirst => loaded.document.integrate(),
            Durability::WriteFirst if loaded.document.integrated_sequence() > loaded.stored => {
                loaded.questions.push((connection, state_vector));
                return;
            }
            Durability::WriteFirst => {}
        }
        room::answer(&mut loaded.document, connection, &state_vector, effects);
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
        let Some(room) = self.rooms.get_mut(&topic) else {
            return Ok(());
        };
        let Content::Loaded(loaded) = &mut room.content else {
            return Ok(());
        };
        if loaded.size() + update.len() > self.limits.document_bytes {
            let reason = format!("document larger than {} bytes", self.limits.document_bytes);
            return Err(Violation::new(close::TOO_LARGE, reason));
        }
        let log = self.logs.entry(room.id.app.clone()).or_default();
        if log.failures > 0 && log.unstored > self.limits.unstored_bytes {
            return Err(Violation::new(close::TRY_AGAIN, "storage fails"));
        }
        let before = loaded.document.segment_len();
        let message = match arrival {
            Arrival::Step2 if !loaded.document.record_if_news(update) => return Ok(()),
            Arrival::Step2 => message::update(update),
            Arrival::Update(whole) => {
                loaded.document.record(update);
                whole.cloned().unwrap_or_else(|| message::update(update))
            }
        };
        log.unstored += loaded.document.segment_len().saturating_sub(before);
        if log.dirty.insert(topic) {
            let at = match self.durability {
                Durability::RelayFirst => now.after(WRITE_WINDOW),
                Durability::WriteFirst => now,
            };
            self.timers.set(Timer::Flush(room.id.app.clone()), at);
        }
        match self.durability {
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
