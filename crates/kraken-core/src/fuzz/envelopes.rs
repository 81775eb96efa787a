//! JSON on sockets: signalling, calls, and the envelopes of the node's own sockets.

use super::host::{Host, STORE_SECRET};
use crate::grant::Access;
use crate::ids::{AppId, ChannelId, ConnectionId};
use crate::store::{self, Issued};
use crate::token::{self, Claims, OneOrMany};
use crate::{Effect, Event, Handshake, HttpRequest, Push, Way};
use bytes::Bytes;
use kraken_call::{FromClient, FromEngine, Moderation, ToEngine};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

const MODERATOR: ConnectionId = ConnectionId(1);
const READER: ConnectionId = ConnectionId(2);
const WRITER: ConnectionId = ConnectionId(3);
const ELSEWHERE: ConnectionId = ConnectionId(4);
const PEERS_OF_STORE: [ConnectionId; 2] = [ConnectionId(5), ConnectionId(6)];
const SOCKET: ChannelId = ChannelId(1);
/// Where it stands in an envelope, there is a ticket.
const TICKET: &str = "TICKET";

/// Lets guests say things, one a line: `1` to `3` are in a room, a moderator, a reader and a writer;
/// `4` is in another; `5` and `6` are in a store; `d` is the owner's socket of the node, `e` the
/// engine. `x` and a number is somebody who leaves, `w` time that passes.
///
/// What comes of it is JSON, goes to nobody but whom it concerns, and says who says it.
pub fn envelopes(data: &[u8]) {
    let mut party = Party::new();
    for line in data.split(|&byte| byte == b'\n') {
        if let Some((&kind, rest)) = line.split_first() {
            party.hear(kind, rest);
        }
    }
}

struct Party {
    host: Host,
    /// Under which ids guests have announced themselves.
    ids: BTreeMap<ConnectionId, String>,
}

/// What is read of what is sent.
#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "kraken")]
    _kraken: String,
    signal: Option<Signal>,
}

#[derive(Deserialize)]
struct Signal {
    #[serde(rename = "type")]
    kind: u8,
    from: Option<String>,
    to: Option<String>,
}

impl Party {
    fn new() -> Self {
        let mut host = Host::new();
        for (connection, room, scope) in [
            (MODERATOR, "room", "admin"),
            (READER, "room", "read"),
            (WRITER, "room", "write"),
            (ELSEWHERE, "other", "admin"),
        ] {
            let token = room_token(&host, scope);
            open(&mut host, connection, &format!("/doc/{room}"), &token);
        }
        for connection in PEERS_OF_STORE {
            open(&mut host, connection, "/signal/store", &store_token());
        }
        let path = "/".to_owned();
        host.handle(Event::ChannelOpened {
            channel: SOCKET,
            path,
        });
        Self {
            host,
            ids: BTreeMap::new(),
        }
    }

    fn hear(&mut self, kind: u8, said: &[u8]) {
        match kind {
            b'1'..=b'6' => self.text(ConnectionId(u64::from(kind - b'0')), said),
            b'd' => self.push(said),
            b'e' => self.engine(said),
            b'x' => {
                let connection = ConnectionId(u64::from(said.first().map_or(0, |digit| digit & 7)));
                let effects = self.host.handle(Event::Closed { connection });
                self.check(&effects);
                self.check_concern(connection, &effects);
            }
            b'w' => {
                let effects = self.host.wait(1_000);
                self.check(&effects);
            }
            _ => {}
        }
    }

    fn text(&mut self, connection: ConnectionId, said: &[u8]) {
        let message = Bytes::copy_from_slice(said);
        let effects = self.host.handle(Event::Text {
            connection,
            message,
        });
        self.learn(connection, &effects);
        self.check(&effects);
        self.check_concern(connection, &effects);
        for effect in &effects {
            match effect {
                Effect::SendText { message, .. } => self.check_sender(connection, message),
                Effect::Push {
                    push: Push::Text(message),
                    ..
                } => self.check_sender(connection, message),
                Effect::Engine(message) => check_right(connection, message),
                _ => {}
            }
        }
    }

    /// Says something on the owner's socket, and answers its pings.
    fn push(&mut self, said: &[u8]) {
        let mut said = String::from_utf8_lossy(said).into_owned();
        if said.contains(TICKET) {
            said = said.replace(TICKET, &self.ticket());
        }
        let mut pushes = vec![Push::Text(said.into())];
        while let Some(push) = pushes.pop() {
            let effects = self.host.handle(Event::ChannelPush {
                channel: SOCKET,
                push,
            });
            self.check(&effects);
            pushes.extend(effects.into_iter().filter_map(|effect| match effect {
                Effect::Push {
                    push: Push::Ping(bytes),
                    ..
                } => Some(Push::Pong(bytes)),
                _ => None,
            }));
        }
    }

    fn engine(&mut self, said: &[u8]) {
        let effects = self
            .host
            .handle(Event::Engine(Bytes::copy_from_slice(said)));
        self.check(&effects);
        let member = match serde_json::from_slice(said) {
            Ok(FromEngine::Tell { member, .. }) => Some(ConnectionId(member)),
            Ok(FromEngine::Answer { .. }) | Err(_) => None,
        };
        for effect in effects {
            if let Effect::SendText { connection, .. } = effect {
                assert_eq!(Some(connection), member, "the engine told somebody else");
            }
        }
    }

    fn ticket(&mut self) -> String {
        #[derive(Deserialize)]
        struct Issued {
            ticket: String,
        }

        let response = self.host.ask(HttpRequest {
            method: "POST".to_owned(),
            path: "/api/tickets".to_owned(),
            way: Way::Owner,
            ..HttpRequest::default()
        });
        let issued = response.and_then(|response| serde_json::from_slice(&response.body).ok());
        issued.map_or_else(String::new, |Issued { ticket }| ticket)
    }

    /// Learns by the list of peers that somebody gets who has announced itself.
    fn learn(&mut self, speaker: ConnectionId, effects: &[Effect]) {
        const PEER_LIST: u8 = 5;
        for effect in effects {
            if let Effect::SendText {
                connection,
                message,
            } = effect
                && *connection == speaker
                && let Ok(Sent {
                    signal: Some(signal),
                    ..
                }) = serde_json::from_slice(message)
                && signal.kind == PEER_LIST
            {
                self.ids.extend(signal.to.map(|id| (speaker, id)));
            }
        }
    }

    /// All that members of rooms are sent is what they understand, and so is what the engine is
    /// sent.
    fn check(&self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::SendText {
                    connection,
                    message,
                } if !PEERS_OF_STORE.contains(connection) => check_form(message),
                Effect::Push {
                    push: Push::Text(message),
                    ..
                } => check_form(message),
                Effect::Engine(message) => {
                    let read = serde_json::from_slice::<ToEngine>(message);
                    assert!(read.is_ok(), "the engine can't read {read:?}");
                }
                _ => {}
            }
        }
    }

    /// Nobody hears of what is said in another room.
    fn check_concern(&self, speaker: ConnectionId, effects: &[Effect]) {
        for effect in effects {
            if let Effect::SendText { connection, .. } = effect {
                assert_eq!(place_of(*connection), place_of(speaker), "heard elsewhere");
            }
        }
    }

    fn check_sender(&self, speaker: ConnectionId, message: &[u8]) {
        const ANNOUNCE_TO_HANGUP: RangeInclusive<u8> = 0..=4;
        if let Ok(Sent {
            signal: Some(signal),
            ..
        }) = serde_json::from_slice(message)
            && ANNOUNCE_TO_HANGUP.contains(&signal.kind)
            && place_of(speaker) != Place::Store
        {
            assert_eq!(
                signal.from.as_ref(),
                self.ids.get(&speaker),
                "another's name"
            );
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Room,
    Other,
    Store,
}

fn place_of(connection: ConnectionId) -> Place {
    match connection {
        MODERATOR | READER | WRITER => Place::Room,
        ELSEWHERE => Place::Other,
        _ => Place::Store,
    }
}

fn check_form(message: &[u8]) {
    // Nests as deep as its sender liked.
    let is_json = serde_json::from_slice::<IgnoredAny>(message).is_ok();
    let is_addressed = serde_json::from_slice::<Sent>(message).is_ok();
    assert!(
        is_json && is_addressed,
        "{:?}",
        Bytes::copy_from_slice(message)
    );
}

/// The engine hears nothing from somebody that it may not say, nor in another's name.
fn check_right(speaker: ConnectionId, message: &[u8]) {
    let is_right = match serde_json::from_slice(message) {
        Ok(ToEngine::Join {
            member,
            room,
            rights,
            ..
        }) => {
            let place = match place_of(speaker) {
                Place::Room => "default:room",
                Place::Other => "default:other",
                Place::Store => "",
            };
            member == speaker.0 && room == place && (!rights.publish || speaker != READER)
        }
        Ok(ToEngine::Say { member, message }) => {
            let is_allowed = match message {
                FromClient::Publish { tracks, .. } => tracks.is_empty() || speaker != READER,
                FromClient::Moderate(
                    Moderation::MuteTrack { .. }
                    | Moderation::Remove { .. }
                    | Moderation::Lock { .. },
                ) => speaker == MODERATOR || speaker == ELSEWHERE,
                FromClient::Join(_) => false,
                FromClient::Answer { .. }
                | FromClient::Receive { .. }
                | FromClient::Mute { .. }
                | FromClient::Report { .. }
                | FromClient::Leave {} => true,
            };
            member == speaker.0 && is_allowed
        }
        Ok(ToEngine::Gone { .. } | ToEngine::Ask { .. }) | Err(_) => false,
    };
    assert!(is_right, "the engine was told what {speaker:?} may not say");
}

fn open(host: &mut Host, connection: ConnectionId, path: &str, token: &str) {
    let effects = host.handle(Event::Opened {
        connection,
        handshake: Handshake {
            path: path.to_owned(),
            query: Some(format!("token={token}")),
            ..Handshake::default()
        },
    });
    let is_in = matches!(effects.first(), Some(Effect::Accept { .. }));
    assert!(is_in, "a guest isn't let in: {effects:?}");
}

fn room_token(host: &Host, scope: &str) -> String {
    let id = AppId::default_app();
    let app = host.core.settings.registry.get(&id);
    let secret = app.and_then(|app| app.secrets(host.now).last());
    let claims = Claims {
        iss: id.as_str().to_owned(),
        sub: scope.to_owned(),
        aud: OneOrMany::One("*".to_owned()),
        scope: Some(scope.to_owned()),
        exp: u64::MAX / 1_000,
        nbf: None,
    };
    let token = secret.and_then(|secret| token::sign(&claims, &secret.value));
    token.unwrap_or_default()
}

fn store_token() -> String {
    let claims = Issued {
        sub: "somebody",
        aud: "store",
        scope: Access::Write,
        iat: 0,
        exp: u64::MAX / 1_000,
        iss: None,
    };
    store::issue(&claims, STORE_SECRET).unwrap_or_default()
}
