//! Who is there: the awareness states of one room.
//!
//! The rules of y-protocols 1.0.7 `awareness.js`, held on the server's own clock. An entry is
//! news if its clock is higher than the known one, or equal and it takes away a state that is
//! held. Two things differ from peers, so that nobody flickers or haunts a room: states whose
//! connection broke stay for a grace time, in which a reconnected client takes them over; and a
//! removal keeps the clock it removes, so that the client's next renewal is seen at once.
//!
//! y-websocket repeats what it hears of others. Of itself it speaks first: as soon as it opens, and
//! before it has answered the server's step 1. Only then ([`Voice::Own`]) does it take over states
//! that came in through another connection.

use super::message::{self, Malformed, Reader};
use crate::ids::{ConnectionId, Timestamp};
use bytes::Bytes;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use thiserror::Error;

/// A state without news for this long is gone (y-protocols `outdatedTimeout`), in milliseconds.
pub const OUTDATED: u64 = 30_000;
/// How long the states of a broken connection wait for its client to come back, in milliseconds.
pub const GRACE: u64 = 3_000;
/// How long the clock of a removed state is remembered, in milliseconds.
const FORGOTTEN: u64 = 60_000;

const NULL: &str = "null";

/// Bounds of one room's awareness.
#[derive(Clone, Copy, Debug)]
pub struct AwarenessLimits {
    /// States of one room, the remembered removals among them.
    pub entries: usize,
    /// Bytes of one state's JSON.
    pub state_bytes: usize,
}

/// Whom a connection speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Itself: it hasn't heard of the others yet.
    Own,
    /// Itself, or others whose states it repeats.
    Any,
}

/// Why an awareness message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// It breaks the encoding.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A state is larger than allowed.
    #[error("awareness state larger than {0} bytes")]
    StateTooLarge(usize),
    /// The room holds as many states as allowed.
    #[error("more than {0} awareness states in the room")]
    TooManyStates(usize),
}

/// What is to be told to the room of an awareness message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Every entry was news: the message can be handed on as it is.
    All,
    /// Some entries were news: their encoding.
    Some(Bytes),
    /// Nothing was.
    Nothing,
}

#[derive(Debug)]
struct State {
    clock: u64,
    /// `None` when removed.
    json: Option<Box<str>>,
    renewed: Timestamp,
    /// The connection it was added through; `None` once that is closed.
    owner: Option<ConnectionId>,
}

impl State {
    /// When this state changes by itself: expires, or is forgotten.
    fn deadline(&self) -> Timestamp {
        match (&self.json, self.owner) {
            (None, _) => self.renewed.after(FORGOTTEN),
            (Some(_), Some(_)) => self.renewed.after(OUTDATED),
            (Some(_), None) => self.renewed.after(GRACE),
        }
    }
}

/// The awareness states of one room.
#[derive(Debug, Default)]
pub struct Awareness {
    states: BTreeMap<u64, State>,
}

struct Entry<'a> {
    client: u64,
    clock: u64,
    /// `None` for the JSON `null`.
    json: Option<&'a str>,
}

impl Awareness {
    /// Takes the entries of an awareness message from `connection`. A refused message changes
    /// nothing.
    pub fn apply(
        &mut self,
        connection: ConnectionId,
        voice: Voice,
        message: &[u8],
        limits: AwarenessLimits,
        now: Timestamp,
    ) -> Result<News, Refused> {
        let entries = parse(message, limits)?;
        let unknown = |entry: &&Entry<'_>| !self.states.contains_key(&entry.client);
        if self.states.len() + entries.iter().filter(unknown).count() > limits.entries {
            return Err(Refused::TooManyStates(limits.entries));
        }
        let news: Vec<_> = entries
            .iter()
            .filter(|entry| self.take(connection, voice, entry, now))
            .collect();
        Ok(match news.len() {
            0 => News::Nothing,
            count if count == entries.len() => News::All,
            _ => News::Some(encode(
                news.iter()
                    .map(|entry| (entry.client, entry.clock, entry.json)),
            )),
        })
    }

    /// Leaves the states that came in through `connection` to whoever takes them over within
    /// [`GRACE`].
    pub fn orphan(&mut self, connection: ConnectionId, now: Timestamp) {
        for state in self.states.values_mut() {
            if state.owner == Some(connection) {
                state.owner = None;
                state.renewed = now;
            }
        }
    }

    /// Removes what is outdated or was left behind; the encoding of what went, if any did.
    pub fn expire(&mut self, now: Timestamp) -> Option<Bytes> {
        let mut gone = Vec::new();
        self.states.retain(|&client, state| {
            if state.deadline() > now {
                return true;
            }
            let held = state.json.take().is_some();
            if held {
                state.renewed = now;
                state.owner = None;
                gone.push((client, state.clock, None));
            }
            held
        });
        (!gone.is_empty()).then(|| encode(gone.into_iter()))
    }

    /// When [`Awareness::expire`] has something to do.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.states.values().map(State::deadline).min()
    }

    /// The encoding of all states that are held, `None` if none is.
    pub fn encode_all(&self) -> Option<Bytes> {
        let held: Vec<_> = self
            .states
            .iter()
            .filter_map(|(&client, state)| {
                Some((client, state.clock, Some(state.json.as_deref()?)))
            })
            .collect();
        (!held.is_empty()).then(|| encode(held.into_iter()))
    }

    fn take(
        &mut self,
        connection: ConnectionId,
        voice: Voice,
        entry: &Entry<'_>,
        now: Timestamp,
    ) -> bool {
        let known = self.states.get_mut(&entry.client);
        let (clock, held) = known
            .as_ref()
            .map_or((0, false), |state| (state.clock, state.json.is_some()));
        let news = entry.clock > clock || (entry.clock == clock && entry.json.is_none() && held);
        match known {
            Some(state) if news => {
                if !held || state.owner.is_none() || voice == Voice::Own {
                    state.owner = Some(connection);
                }
                state.clock = entry.clock;
                state.json = entry.json.map(Into::into);
                state.renewed = now;
            }
            // Its client is back on another connection, and says what is known.
            Some(state) if voice == Voice::Own && held && entry.clock == clock => {
                state.owner = Some(connection);
                state.renewed = now;
            }
            None if news => {
                let state = State {
                    clock: entry.clock,
                    json: entry.json.map(Into::into),
                    renewed: now,
                    owner: Some(connection),
                };
                self.states.insert(entry.client, state);
            }
            _ => {}
        }
        news
    }
}

fn parse(message: &[u8], limits: AwarenessLimits) -> Result<Vec<Entry<'_>>, Refused> {
    const SMALLEST_ENTRY: u64 = 3;
    let mut reader = Reader::new(message);
    let count = reader.var_uint()?;
    if count > reader.remaining() as u64 / SMALLEST_ENTRY {
        return Err(Malformed::Truncated.into());
    }
    if count > limits.entries as u64 {
        return Err(Refused::TooManyStates(limits.entries));
    }
    (0..count)
        .map(|_| {
            let client = reader.var_uint()?;
            let clock = reader.var_uint()?;
            let json = reader.var_str()?;
            if json.len() > limits.state_bytes {
                return Err(Refused::StateTooLarge(limits.state_bytes));
            }
            serde_json::from_str::<IgnoredAny>(json).map_err(|_| Malformed::Json)?;
            Ok(Entry {
                client,
                clock,
                json: (json.trim() != NULL).then_some(json),
            })
        })
        .collect()
}

fn encode<'a>(entries: impl ExactSizeIterator<Item = (u64, u64, Option<&'a str>)>) -> Bytes {
    let mut out = Vec::new();
    message::write_var_uint(&mut out, entries.len() as u64);
    for (client, clock, json) in entries {
        message::write_var_uint(&mut out, client);
        message::write_var_uint(&mut out, clock);
        message::write_var_bytes(&mut out, json.unwrap_or(NULL).as_bytes());
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALICE: ConnectionId = ConnectionId(1);
    const AGAIN: ConnectionId = ConnectionId(2);
    const LIMITS: AwarenessLimits = AwarenessLimits {
        entries: 4,
        state_bytes: 64,
    };

    fn message(entries: &[(u64, u64, Option<&str>)]) -> Bytes {
        encode(entries.iter().copied())
    }

    fn apply(
        awareness: &mut Awareness,
        from: ConnectionId,
        entries: &[(u64, u64, Option<&str>)],
        at: u64,
    ) -> Result<News, Refused> {
        awareness.apply(from, Voice::Own, &message(entries), LIMITS, Timestamp(at))
    }

    #[test]
    fn aw1_an_entry_is_news_if_its_clock_is_higher() {
        let mut awareness = Awareness::default();
        assert_eq!(
            apply(&mut awareness, ALICE, &[(7, 0, Some("{}"))], 0),
            Ok(News::Nothing)
        );
        assert_eq!(
            apply(&mut awareness, ALICE, &[(7, 1, Some("{}"))], 0),
            Ok(News::All)
        );
        assert_eq!(
            apply(&mut awareness, ALICE, &[(7, 1, Some("[]"))], 0),
            Ok(News::Nothing)
        );
        assert_eq!(
            apply(
                &mut awareness,
                ALICE,
                &[(7, 1, Some("[]")), (8, 1, Some("1"))],
                0
            ),
            Ok(News::Some(message(&[(8, 1, Some("1"))])))
        );
    }

    #[test]
    fn aw2_a_removal_with_the_held_clock_is_news_once() {
        let mut awareness = Awareness::default();
        apply(&mut awareness, ALICE, &[(7, 3, Some("{}"))], 0).unwrap();
        assert_eq!(
            apply(&mut awareness, ALICE, &[(7, 3, None)], 0),
            Ok(News::All)
        );
        assert_eq!(
            apply(&mut awareness, ALICE, &[(7, 3, None)], 0),
            Ok(News::Nothing)
        );
        assert_eq!(awareness.encode_all(), None);
    }

    #[test]
    fn aw3_states_of_a_broken_connection_go_after_the_grace_time_with_their_own_clock() {
        let mut awareness = Awareness::default();
        apply(&mut awareness, ALICE, &[(7, 3, Some("{}"))], 0).unwrap();
        awareness.orphan(ALICE, Timestamp(10));
        assert_eq!(awareness.expire(Timestamp(10 + GRACE - 1)), None);
        assert_eq!(
            awareness.expire(Timestamp(10 + GRACE)),
            Some(message(&[(7, 3, None)]))
        );
        assert_eq!(
            apply(&mut awareness, AGAIN, &[(7, 4, Some("{}"))], 0),
            Ok(News::All)
        );
    }

    #[test]
    fn aw4_a_client_that_is_back_within_the_grace_time_keeps_its_state() {
        let mut awareness = Awareness::default();
        apply(&mut awareness, ALICE, &[(7, 3, Some("{}"))], 0).unwrap();
        awareness.orphan(ALICE, Timestamp(0));
        assert_eq!(
            apply(&mut awareness, AGAIN, &[(7, 3, Some("{}"))], 100),
            Ok(News::Nothing)
        );
        assert_eq!(awareness.expire(Timestamp(GRACE + 100)), None);
        awareness.orphan(AGAIN, Timestamp(GRACE + 100));
        assert!(awareness.expire(Timestamp(2 * GRACE + 100)).is_some());
    }

    #[test]
    fn aw3_who_repeats_a_state_doesn_t_keep_it_alive() {
        let mut awareness = Awareness::default();
        apply(&mut awareness, ALICE, &[(7, 3, Some("{}"))], 0).unwrap();
        awareness.orphan(ALICE, Timestamp(0));
        let repeated = message(&[(7, 3, Some("{}"))]);
        let news = awareness.apply(AGAIN, Voice::Any, &repeated, LIMITS, Timestamp(100));
        assert_eq!(news, Ok(News::Nothing));
        assert!(awareness.expire(Timestamp(GRACE)).is_some());
    }

    #[test]
    fn aw4_a_client_whose_old_connection_lingers_keeps_its_state() {
        let mut awareness = Awareness::default();
        apply(&mut awareness, ALICE, &[(7, 3, Some("{}"))], 0).unwrap();
        apply(&mut awareness, AGAIN, &[(7, 3, Some("{}"))], 100).unwrap();
        awareness.orphan(ALICE, Timestamp(200));
        assert_eq!(awareness.expire(Timestamp(200 + GRACE)), None);
    }

    #[test]
    fn aw5_a_state_without_renewal_expires_after_30_seconds_and_is_forgotten_later() {
        let mut awareness = Awareness::default();
        apply(&mut awareness, ALICE, &[(7, 3, Some("{}"))], 0).unwrap();
        assert_eq!(awareness.deadline(), Some(Timestamp(OUTDATED)));
        assert!(awareness.expire(Timestamp(OUTDATED)).is_some());
        assert_eq!(awareness.expire(Timestamp(OUTDATED + FORGOTTEN)), None);
        assert_eq!(awareness.deadline(), None);
    }

    #[test]
    fn aw6_the_states_of_a_room_are_bounded_in_number_and_size() {
        let mut awareness = Awareness::default();
        for client in 0..4 {
            apply(&mut awareness, ALICE, &[(client, 1, Some("1"))], 0).unwrap();
        }
        assert_eq!(
            apply(&mut awareness, ALICE, &[(9, 1, Some("1"))], 0),
            Err(Refused::TooManyStates(4))
        );
        let long = format!("\"{}\"", "x".repeat(64));
        assert_eq!(
            apply(&mut awareness, ALICE, &[(1, 2, Some(&long))], 0),
            Err(Refused::StateTooLarge(64))
        );
    }

    #[test]
    fn aw7_a_state_that_is_not_json_is_refused() {
        let mut awareness = Awareness::default();
        assert_eq!(
            apply(&mut awareness, ALICE, &[(1, 1, Some("{"))], 0),
            Err(Refused::Malformed(Malformed::Json))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_applied_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Awareness::default().apply(ALICE, Voice::Any, &bytes, LIMITS, Timestamp(0));
        }
    }
}
