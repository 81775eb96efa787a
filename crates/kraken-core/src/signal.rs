//! WebRTC signalling between the members of a room: who is there, and what one tells another.
//!
//! Text messages of JSON, `{"kraken": "signal", "signal": {"type", …}}`, on a document's socket.
//! A member that announces itself is a *peer*, and hears of the others; nobody else is ever sent
//! text. What peers say to each other is passed on as it is, but for `from`, which the server sets.

use crate::Effect;
use crate::ids::{ConnectionId, TopicId};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The largest message, in bytes: a session description with many codecs has a tenth of it.
const MOST_BYTES: usize = 64 << 10;
const MOST_ID: usize = 128;
const MOST_NAME: usize = 256;
const MOST_METADATA: usize = 4 << 10;

/// What a signal is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Announce = 0,
    Offer = 1,
    Answer = 2,
    IceCandidate = 3,
    Hangup = 4,
    PeerList = 5,
    PeerJoined = 6,
    PeerLeft = 7,
}

/// All peers.
#[derive(Default)]
pub(crate) struct Signals {
    peers: BTreeMap<ConnectionId, Peer>,
    /// The peers of a room, in the order in which they announced themselves.
    rooms: BTreeMap<TopicId, Vec<ConnectionId>>,
    ids: BTreeMap<(TopicId, String), ConnectionId>,
}

struct Peer {
    room: TopicId,
    id: String,
    name: Option<String>,
    metadata: Value,
}

#[derive(Deserialize)]
struct Envelope {
    kraken: String,
    signal: Map<String, Value>,
}

/// Why a signal goes nowhere.
struct Failure {
    code: &'static str,
    message: &'static str,
    to: Option<String>,
}

const NOT_A_SIGNAL: Failure = Failure::new(
    "bad_signal",
    "not JSON of the form {\"kraken\": \"signal\", \"signal\": {\"type\": 0 to 4, …}}",
);

impl Failure {
    const fn new(code: &'static str, message: &'static str) -> Self {
        Self {
            code,
            message,
            to: None,
        }
    }
}

impl Kind {
    fn of(signal: &Map<String, Value>) -> Option<Self> {
        let kinds = [
            Self::Announce,
            Self::Offer,
            Self::Answer,
            Self::IceCandidate,
            Self::Hangup,
        ];
        let number = signal.get("type")?.as_u64()?;
        kinds.into_iter().find(|kind| *kind as u64 == number)
    }
}

impl Peer {
    fn json(&self) -> Value {
        json!({ "peerId": self.id, "name": self.name, "metadata": self.metadata })
    }
}

impl Signals {
    /// Takes a text message of a member of `room`.
    pub(crate) fn text(
        &mut self,
        room: TopicId,
        connection: ConnectionId,
        message: &[u8],
        effects: &mut Vec<Effect>,
    ) {
        match parse(message) {
            Ok(Some(signal)) => self.signal(room, connection, signal, effects),
            Ok(None) => {}
            Err(failure) => tell(connection, &failure, effects),
        }
    }

    /// Takes a signal of a member of `room`.
    pub(crate) fn signal(
        &mut self,
        room: TopicId,
        connection: ConnectionId,
        signal: Map<String, Value>,
        effects: &mut Vec<Effect>,
    ) {
        let taken = match Kind::of(&signal) {
            Some(Kind::Announce) => self.announce(room, connection, &signal, effects),
            Some(kind) => self.pass_on(connection, kind, signal, effects),
            None => Err(NOT_A_SIGNAL),
        };
        if let Err(failure) = taken {
            tell(connection, &failure, effects);
        }
    }

    /// Tells the others that a peer is gone, if `connection` was one.
    pub(crate) fn leave(&mut self, connection: ConnectionId, effects: &mut Vec<Effect>) {
        let Some(peer) = self.peers.remove(&connection) else {
            return;
        };
        if let Some(members) = self.rooms.get_mut(&peer.room) {
            members.retain(|member| *member != connection);
            if members.is_empty() {
                self.rooms.remove(&peer.room);
            }
        }
        let left = json!({ "type": Kind::PeerLeft as u8, "from": peer.id, "peerId": peer.id });
        self.tell_others(peer.room, connection, left, effects);
        self.ids.remove(&(peer.room, peer.id));
    }

    fn announce(
        &mut self,
        room: TopicId,
        connection: ConnectionId,
        signal: &Map<String, Value>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Failure> {
        let peer = parse_peer(room, signal)?;
        let key = (room, peer.id.clone());
        match self.ids.get(&key) {
            Some(other) if *other != connection => {
                let message = "another connection has this peer id";
                return Err(Failure::new("peer_id_taken", message));
            }
            _ => {}
        }
        let is_change = match self.peers.get(&connection) {
            Some(known) if known.id != peer.id => {
                return Err(Failure::new("wrong_from", "a connection has one peer id"));
            }
            Some(known) => known.json() != peer.json(),
            None => true,
        };
        let joined =
            json!({ "type": Kind::PeerJoined as u8, "from": peer.id, "peer": peer.json() });
        let id = peer.id.clone();
        if self.peers.insert(connection, peer).is_none() {
            self.ids.insert(key, connection);
            self.rooms.entry(room).or_default().push(connection);
        }
        let others = self.others(room, connection);
        let peers: Vec<_> = others
            .filter_map(|other| Some(self.peers.get(&other)?.json()))
            .collect();
        let list = json!({ "type": Kind::PeerList as u8, "to": id, "peers": peers });
        effects.push(send(connection, list));
        if is_change {
            self.tell_others(room, connection, joined, effects);
        }
        Ok(())
    }

    /// Passes a signal on to whom it is for: as it is, but from whom it is.
    fn pass_on(
        &self,
        connection: ConnectionId,
        kind: Kind,
        mut signal: Map<String, Value>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Failure> {
        let peer = self.peers.get(&connection);
        let peer = peer.ok_or(Failure::new("not_announced", "announce yourself first"))?;
        let claimed = signal.get("from").unwrap_or(&Value::Null);
        if !claimed.is_null() && claimed.as_str() != Some(&peer.id) {
            return Err(Failure::new("wrong_from", "from is another peer's"));
        }
        signal.insert("from".to_owned(), peer.id.clone().into());
        let to = match signal.get("to").unwrap_or(&Value::Null) {
            Value::String(to) => to.clone(),
            Value::Null if kind == Kind::Hangup => {
                self.tell_others(peer.room, connection, signal.into(), effects);
                return Ok(());
            }
            _ => return Err(Failure::new("bad_signal", "to is a peer id")),
        };
        match self.ids.get(&(peer.room, to.clone())) {
            Some(&receiver) => {
                effects.push(send(receiver, signal.into()));
                Ok(())
            }
            None => Err(Failure {
                to: Some(to),
                ..Failure::new("no_such_peer", "no peer of this room has this id")
            }),
        }
    }

    fn others(&self, room: TopicId, except: ConnectionId) -> impl Iterator<Item = ConnectionId> {
        let members = self.rooms.get(&room).into_iter().flatten();
        members.copied().filter(move |member| *member != except)
    }

    fn tell_others(
        &self,
        room: TopicId,
        except: ConnectionId,
        signal: Value,
        effects: &mut Vec<Effect>,
    ) {
        let message = envelope(signal);
        effects.extend(
            self.others(room, except)
                .map(|connection| Effect::SendText {
                    connection,
                    message: message.clone(),
                }),
        );
    }
}

/// The signal that a message carries; `None` if it isn't meant to be one, so that who speaks no
/// JSON isn't sent any.
fn parse(message: &[u8]) -> Result<Option<Map<String, Value>>, Failure> {
    #[derive(Deserialize)]
    struct Addressed {
        #[serde(rename = "kraken")]
        _kraken: IgnoredAny,
    }

    if message.len() > MOST_BYTES {
        return match message.starts_with(b"{") {
            true => Err(Failure::new("too_large", "a signal has at most 64 KiB")),
            false => Ok(None),
        };
    }
    match serde_json::from_slice::<Envelope>(message) {
        Ok(Envelope { kraken, signal }) if kraken == "signal" => Ok(Some(signal)),
        _ if serde_json::from_slice::<Addressed>(message).is_ok() => Err(NOT_A_SIGNAL),
        _ => Ok(None),
    }
}

fn parse_peer(room: TopicId, signal: &Map<String, Value>) -> Result<Peer, Failure> {
    let id = signal
        .get("from")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !(1..=MOST_ID).contains(&id.len()) {
        return Err(Failure::new(
            "bad_signal",
            "from is a peer id of 1 to 128 bytes",
        ));
    }
    let name = match signal.get("name") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) if name.len() <= MOST_NAME => Some(name.clone()),
        Some(_) => {
            return Err(Failure::new(
                "bad_signal",
                "name is text of at most 256 bytes",
            ));
        }
    };
    let metadata = signal.get("metadata").cloned().unwrap_or_default();
    if metadata.to_string().len() > MOST_METADATA {
        return Err(Failure::new(
            "too_large",
            "metadata has at most 4 KiB as JSON",
        ));
    }
    Ok(Peer {
        room,
        id: id.to_owned(),
        name,
        metadata,
    })
}

fn envelope(signal: Value) -> Bytes {
    json!({ "kraken": "signal", "signal": signal })
        .to_string()
        .into()
}

fn send(connection: ConnectionId, signal: Value) -> Effect {
    Effect::SendText {
        connection,
        message: envelope(signal),
    }
}

fn tell(connection: ConnectionId, failure: &Failure, effects: &mut Vec<Effect>) {
    let mut error = json!({
        "kraken": "error",
        "code": failure.code,
        "message": failure.message,
    });
    if let Some(to) = &failure.to {
        error["to"] = to.as_str().into();
    }
    effects.push(Effect::SendText {
        connection,
        message: error.to_string().into(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: TopicId = TopicId(1);
    const ALICE: ConnectionId = ConnectionId(1);
    const BOB: ConnectionId = ConnectionId(2);
    const EVE: ConnectionId = ConnectionId(3);

    /// What is sent to whom when `connection` says `signal`.
    fn say(
        signals: &mut Signals,
        room: TopicId,
        connection: ConnectionId,
        signal: Value,
    ) -> Vec<(ConnectionId, Value)> {
        let mut effects = Vec::new();
        signals.text(room, connection, &envelope(signal), &mut effects);
        texts(effects)
    }

    fn texts(effects: Vec<Effect>) -> Vec<(ConnectionId, Value)> {
        let text = |effect| match effect {
            Effect::SendText {
                connection,
                message,
            } => (connection, serde_json::from_slice(&message).unwrap()),
            other => panic!("{other:?}"),
        };
        effects.into_iter().map(text).collect()
    }

    fn announced() -> Signals {
        let mut signals = Signals::default();
        for (connection, id) in [(ALICE, "alice"), (BOB, "bob")] {
            say(
                &mut signals,
                ROOM,
                connection,
                json!({ "type": 0, "from": id }),
            );
        }
        signals
    }

    fn code(answers: &[(ConnectionId, Value)], to: ConnectionId) -> &str {
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].0, to);
        answers[0].1["code"].as_str().unwrap()
    }

    #[test]
    fn si1_who_announces_itself_hears_who_is_there_and_is_heard_of() {
        let mut signals = Signals::default();
        let announce =
            json!({ "type": 0, "from": "alice", "name": "Alice", "metadata": { "x": 1 } });
        let answers = say(&mut signals, ROOM, ALICE, announce.clone());
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].1["signal"]["peers"], json!([]));
        let alice = json!({ "peerId": "alice", "name": "Alice", "metadata": { "x": 1 } });
        let bob = json!({ "peerId": "bob", "name": null, "metadata": null });
        let answers = say(&mut signals, ROOM, BOB, json!({ "type": 0, "from": "bob" }));
        let list = json!({ "type": 5, "to": "bob", "peers": [alice] });
        let joined = json!({ "type": 6, "from": "bob", "peer": bob });
        assert_eq!(
            answers[0],
            (BOB, json!({ "kraken": "signal", "signal": list }))
        );
        assert_eq!(
            answers[1],
            (ALICE, json!({ "kraken": "signal", "signal": joined }))
        );
        // The same again is no news to the others, another name is.
        assert_eq!(say(&mut signals, ROOM, ALICE, announce).len(), 1);
        let renamed = json!({ "type": 0, "from": "alice", "name": "Alicia" });
        assert_eq!(say(&mut signals, ROOM, ALICE, renamed).len(), 2);
    }

    #[test]
    fn si2_a_signal_reaches_whom_it_is_for_with_its_true_sender() {
        let mut signals = announced();
        let offer = json!({ "type": 1, "to": "bob", "sdp": "v=0", "callId": 7 });
        let passed = say(&mut signals, ROOM, ALICE, offer);
        let signal = json!({ "type": 1, "to": "bob", "from": "alice", "sdp": "v=0", "callId": 7 });
        assert_eq!(
            passed,
            [(BOB, json!({ "kraken": "signal", "signal": signal }))]
        );
        let forged = json!({ "type": 2, "to": "alice", "from": "eve", "sdp": "" });
        assert_eq!(
            code(&say(&mut signals, ROOM, BOB, forged), BOB),
            "wrong_from"
        );
        let hangup = say(&mut signals, ROOM, BOB, json!({ "type": 4 }));
        assert_eq!(hangup[0].0, ALICE);
        assert_eq!(hangup[0].1["signal"]["from"], "bob");
    }

    #[test]
    fn si3_what_goes_nowhere_is_told_to_its_sender_alone() {
        let mut signals = announced();
        for (connection, signal, expected) in [
            (ALICE, json!({ "type": 1, "to": "nobody" }), "no_such_peer"),
            (ALICE, json!({ "type": 1 }), "bad_signal"),
            (ALICE, json!({ "type": 1, "to": 7 }), "bad_signal"),
            (ALICE, json!({ "type": 5, "to": "bob" }), "bad_signal"),
            (ALICE, json!({ "type": "1", "to": "bob" }), "bad_signal"),
            (ALICE, json!({ "to": "bob" }), "bad_signal"),
            (ALICE, json!({ "type": 0, "from": "other" }), "wrong_from"),
            (EVE, json!({ "type": 3, "to": "bob" }), "not_announced"),
            (EVE, json!({ "type": 0, "from": "bob" }), "peer_id_taken"),
            (EVE, json!({ "type": 0, "from": "" }), "bad_signal"),
            (
                EVE,
                json!({ "type": 0, "from": "x".repeat(129) }),
                "bad_signal",
            ),
            (
                EVE,
                json!({ "type": 0, "from": "e", "name": 7 }),
                "bad_signal",
            ),
            (
                EVE,
                json!({ "type": 0, "from": "e", "metadata": "x".repeat(5_000) }),
                "too_large",
            ),
            (
                ALICE,
                json!({ "type": 1, "to": "bob", "sdp": "x".repeat(70_000) }),
                "too_large",
            ),
        ] {
            let answers = say(&mut signals, ROOM, connection, signal.clone());
            assert_eq!(code(&answers, connection), expected, "{signal}");
        }
        let mut answers = |message: &str| {
            let mut effects = Vec::new();
            signals.text(ROOM, ALICE, message.as_bytes(), &mut effects);
            texts(effects)
        };
        for message in [
            json!({ "kraken": "dance", "signal": {} }),
            json!({ "kraken": "signal" }),
            json!({ "kraken": "signal", "signal": 7 }),
            json!({ "kraken": null }),
        ] {
            let answers = answers(&message.to_string());
            assert_eq!(code(&answers, ALICE), "bad_signal", "{message}");
        }
        for message in [
            "",
            "7",
            "[]",
            "hello",
            "{}",
            "{\"kraken\"",
            &"x".repeat(70_000),
        ] {
            assert!(answers(message).is_empty(), "{message}");
        }
    }

    #[test]
    fn si4_who_leaves_is_gone_for_the_others_and_leaves_its_id() {
        let mut signals = announced();
        let mut effects = Vec::new();
        signals.leave(BOB, &mut effects);
        signals.leave(BOB, &mut effects);
        let left = texts(effects);
        assert_eq!(left.len(), 1);
        let signal = json!({ "type": 7, "from": "bob", "peerId": "bob" });
        assert_eq!(
            left[0],
            (ALICE, json!({ "kraken": "signal", "signal": signal }))
        );
        let again = say(&mut signals, ROOM, EVE, json!({ "type": 0, "from": "bob" }));
        assert_eq!(again.len(), 2);
    }

    #[test]
    fn si5_rooms_do_not_hear_each_other() {
        let mut signals = announced();
        let other = TopicId(2);
        let announce = json!({ "type": 0, "from": "alice" });
        let answers = say(&mut signals, other, EVE, announce);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].1["signal"]["peers"], json!([]));
        let offer = json!({ "type": 1, "to": "bob" });
        assert_eq!(
            code(&say(&mut signals, other, EVE, offer), EVE),
            "no_such_peer"
        );
    }
}
