//! Signalling between the peers of a store: whatever one says goes to all others, or to whom it
//! names.
//!
//! Nobody registers here. A peer is known by the name under which it has spoken (`from`); two that
//! use the same name both get what is for it.

use crate::Effect;
use crate::ids::{ConnectionId, TopicId};
use bytes::Bytes;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A longer text isn't read, and goes to all: session descriptions have a hundredth of it.
const MOST_READ: usize = 1 << 20;
/// Names that one connection may use, and bytes of each.
const MOST_NAMES: usize = 16;
const MOST_NAME: usize = 256;

/// The peers of one store.
pub(super) struct Rendezvous {
    topic: TopicId,
    members: BTreeMap<ConnectionId, Vec<String>>,
    names: BTreeMap<String, BTreeSet<ConnectionId>>,
}

/// What is read of a message.
#[derive(Deserialize)]
struct Addressed<'a> {
    #[serde(borrow, default)]
    from: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    to: Option<Cow<'a, str>>,
}

impl Rendezvous {
    pub(super) fn new(topic: TopicId) -> Self {
        Self {
            topic,
            members: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    pub(super) fn join(&mut self, connection: ConnectionId, effects: &mut Vec<Effect>) {
        self.members.insert(connection, Vec::new());
        effects.push(Effect::Subscribe {
            connection,
            topic: self.topic,
        });
    }

    /// Takes somebody out; whether nobody is left.
    pub(super) fn leave(&mut self, connection: ConnectionId) -> bool {
        for name in self.members.remove(&connection).unwrap_or_default() {
            if let Some(bearers) = self.names.get_mut(&name) {
                bearers.remove(&connection);
                if bearers.is_empty() {
                    self.names.remove(&name);
                }
            }
        }
        self.members.is_empty()
    }

    /// Passes a text on.
    pub(super) fn text(
        &mut self,
        connection: ConnectionId,
        message: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let addressed = match message.len() <= MOST_READ {
            true => serde_json::from_slice::<Addressed<'_>>(&message).ok(),
            false => None,
        };
        let Addressed { from, to } = addressed.unwrap_or(Addressed {
            from: None,
            to: None,
        });
        if let Some(from) = from {
            self.learn(connection, &from);
        }
        let bearers = to.and_then(|to| self.names.get(to.as_ref()));
        match bearers {
            Some(bearers) => {
                effects.extend(bearers.iter().filter(|bearer| **bearer != connection).map(
                    |&connection| Effect::SendText {
                        connection,
                        message: message.clone(),
                    },
                ))
            }
            None => effects.push(Effect::PublishText {
                topic: self.topic,
                except: Some(connection),
                message: message.clone(),
            }),
        }
    }

    fn learn(&mut self, connection: ConnectionId, name: &str) {
        let Some(names) = self.members.get_mut(&connection) else {
            return;
        };
        let is_known = names.iter().any(|own| own == name);
        if is_known || names.len() >= MOST_NAMES || name.len() > MOST_NAME {
            return;
        }
        names.push(name.to_owned());
        let bearers = self.names.entry(name.to_owned()).or_default();
        bearers.insert(connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: ConnectionId = ConnectionId(1);
    const BOB: ConnectionId = ConnectionId(2);
    const EVE: ConnectionId = ConnectionId(3);

    /// Who gets a text, `None` for all others.
    fn say(room: &mut Rendezvous, connection: ConnectionId, text: &str) -> Option<Vec<u64>> {
        let mut effects = Vec::new();
        room.text(connection, text.to_owned().into(), &mut effects);
        let receiver = |effect: &Effect| match effect {
            Effect::SendText { connection, .. } => Some(connection.0),
            Effect::PublishText { except, .. } => {
                assert_eq!(*except, Some(connection));
                None
            }
            other => panic!("{other:?}"),
        };
        effects.iter().map(receiver).collect()
    }

    fn room() -> Rendezvous {
        let mut room = Rendezvous::new(TopicId(1));
        for connection in [ALICE, BOB, EVE] {
            room.join(connection, &mut Vec::new());
        }
        room
    }

    #[test]
    fn sd16_a_text_goes_to_whom_it_names_once_that_has_spoken() {
        let mut room = room();
        let offer = r#"{"type":"offer","from":"a","to":"b","sdp":""}"#;
        assert_eq!(say(&mut room, ALICE, offer), None);
        assert_eq!(say(&mut room, BOB, r#"{"type":"hello","from":"b"}"#), None);
        assert_eq!(say(&mut room, ALICE, offer), Some(vec![2]));
        assert_eq!(say(&mut room, BOB, r#"{"to":"a"}"#), Some(vec![1]));
        room.leave(BOB);
        assert_eq!(say(&mut room, ALICE, offer), None);
        for text in [
            "",
            "no JSON",
            "[]",
            r#"{"to":7,"from":[]}"#,
            r#"{"to":null}"#,
        ] {
            assert_eq!(say(&mut room, ALICE, text), None, "{text}");
        }
    }

    #[test]
    fn sd16_a_name_that_two_use_is_both_theirs() {
        let mut room = room();
        say(&mut room, BOB, r#"{"from":"b"}"#);
        say(&mut room, EVE, r#"{"from":"b"}"#);
        assert_eq!(say(&mut room, ALICE, r#"{"to":"b"}"#), Some(vec![2, 3]));
        for number in 0..100 {
            say(&mut room, EVE, &format!("{{\"from\":\"{number}\"}}"));
        }
        assert_eq!(room.names.len(), MOST_NAMES);
        assert!(!room.leave(EVE) && !room.leave(BOB) && room.leave(ALICE));
        assert!(room.names.is_empty());
    }
}
