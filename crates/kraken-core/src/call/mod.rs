//! Group calls: who is in one, and what they and the media engine say to each other.
//!
//! A connection that joins its room's call becomes a *member*, whose number is its connection's.
//! Whether somebody may say something is decided here, and by what right; everything else is the
//! engine's. It runs beside the gateway, if anywhere: when it goes, so do all members.

mod message;

pub(crate) use message::{MOST_FRAGMENT, MOST_SDP, check_moderation, encode, parse, parse_value};

use crate::Effect;
use crate::auth::TokenHash;
use crate::grant::{Access, Basis, Grant};
use crate::ids::{ConnectionId, RoomId};
use kraken_call::{Ended, FromClient, Join, Problem, Rights, RoomLimits, ToClient, ToEngine};
use std::collections::BTreeMap;

/// All calls.
#[derive(Default)]
pub(crate) struct Calls {
    has_engine: bool,
    members: BTreeMap<ConnectionId, Member>,
    /// Those with a member.
    rooms: BTreeMap<RoomId, Room>,
    joins: u64,
}

struct Member {
    room: RoomId,
    rights: Rights,
    /// The app token that it came by.
    token: Option<TokenHash>,
    /// Whether the engine has let it in. Until then it may only leave.
    is_in: bool,
}

#[derive(Default)]
struct Room {
    members: usize,
    /// The app tokens of those who were removed.
    removed: Vec<TokenHash>,
}

/// Who says something, and what that is.
pub(crate) struct Saying<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) room: &'a RoomId,
    pub(crate) grant: &'a Grant,
    pub(crate) limits: RoomLimits,
    pub(crate) message: FromClient,
}

impl Calls {
    /// Takes what somebody in a room says about its call.
    pub(crate) fn say(&mut self, saying: Saying<'_>, effects: &mut Vec<Effect>) {
        let Saying {
            connection,
            room,
            grant,
            limits,
            message,
        } = saying;
        let about = message.kind();
        let taken = message::check(&message).and_then(|()| {
            if !self.has_engine {
                return Err(("no_engine", "this server has no media engine now"));
            }
            match message {
                FromClient::Join(join) => self.join(connection, room, grant, limits, join),
                message => self.pass_on(connection, message),
            }
        });
        effects.push(match taken {
            Ok(to_engine) => encode(&to_engine),
            Err((code, message)) => tell(
                connection,
                ToClient::Error(Problem {
                    code: code.to_owned(),
                    message: message.to_owned(),
                    about: Some(about.to_owned()),
                }),
            ),
        });
    }

    /// Takes what the engine tells a member.
    pub(crate) fn tell(
        &mut self,
        connection: ConnectionId,
        message: ToClient,
        effects: &mut Vec<Effect>,
    ) {
        let Some(member) = self.members.get_mut(&connection) else {
            return;
        };
        match &message {
            ToClient::Joined { .. } => member.is_in = true,
            ToClient::Error(_) if !member.is_in => self.forget(connection),
            ToClient::Ended { reason } => {
                if *reason == Ended::Removed {
                    self.shut_out(connection);
                }
                self.forget(connection);
            }
            _ if !member.is_in => return,
            _ => {}
        }
        effects.push(tell(connection, message));
    }

    /// Takes note of a connection's end.
    pub(crate) fn leave(&mut self, connection: ConnectionId, effects: &mut Vec<Effect>) {
        if self.members.contains_key(&connection) {
            self.forget(connection);
            let member = connection.0;
            effects.push(encode(&ToEngine::Gone { member }));
        }
    }

    /// Takes note of an engine that comes or goes: what was known to the last one is gone.
    pub(crate) fn set_engine(&mut self, is_there: bool, effects: &mut Vec<Effect>) {
        self.has_engine = is_there;
        self.rooms.clear();
        for connection in std::mem::take(&mut self.members).into_keys() {
            let reason = Ended::Engine;
            effects.push(tell(connection, ToClient::Ended { reason }));
        }
    }

    pub(crate) fn has_engine(&self) -> bool {
        self.has_engine
    }

    /// How many members there are.
    pub(crate) fn members(&self) -> usize {
        self.members.len()
    }

    /// How many rooms have a member.
    pub(crate) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// How often somebody has joined.
    pub(crate) fn joins(&self) -> u64 {
        self.joins
    }

    fn join(
        &mut self,
        connection: ConnectionId,
        room: &RoomId,
        grant: &Grant,
        limits: RoomLimits,
        join: Join,
    ) -> Result<ToEngine, (&'static str, &'static str)> {
        if self.members.contains_key(&connection) {
            return Err(("already_joined", "this connection is in the call"));
        }
        let call = self.rooms.entry(room.clone()).or_default();
        if let Some(token) = &grant.token
            && call.removed.contains(token)
        {
            return Err(("removed", "an admin has removed who came by this token"));
        }
        call.members += 1;
        self.joins += 1;
        let rights = rights(grant);
        let member = Member {
            room: room.clone(),
            rights,
            token: grant.token.clone(),
            is_in: false,
        };
        self.members.insert(connection, member);
        Ok(ToEngine::Join {
            member: connection.0,
            room: room.to_string(),
            join,
            rights,
            limits,
        })
    }

    /// Passes on what anybody but one who joins says, if it may say so.
    fn pass_on(
        &mut self,
        connection: ConnectionId,
        message: FromClient,
    ) -> Result<ToEngine, (&'static str, &'static str)> {
        let is_leaving = matches!(message, FromClient::Leave {});
        let member = self.members.get(&connection);
        let member = member
            .filter(|member| member.is_in || is_leaving)
            .ok_or(("not_joined", "join the call first"))?;
        match &message {
            // Without tracks it only says how it can be reached.
            FromClient::Publish { tracks, .. } if !tracks.is_empty() && !member.rights.publish => {
                return Err(("not_allowed", "the token is for reading"));
            }
            FromClient::Moderate(_) if !member.rights.moderate => {
                return Err(("not_allowed", "this needs a token with the scope admin"));
            }
            _ => {}
        }
        if is_leaving {
            self.forget(connection);
        }
        Ok(ToEngine::Say {
            member: connection.0,
            message,
        })
    }

    /// Lets nobody come back by a member's token as long as its call goes on, unless others are
    /// in it by that token.
    fn shut_out(&mut self, connection: ConnectionId) {
        let Some(Member { room, token, .. }) = self.members.get(&connection) else {
            return;
        };
        let shares = |(other, member): (&ConnectionId, &Member)| {
            *other != connection && member.room == *room && member.token == *token
        };
        if let Some(token) = token
            && !self.members.iter().any(shares)
            && let Some(room) = self.rooms.get_mut(room)
        {
            room.removed.push(token.clone());
        }
    }

    fn forget(&mut self, connection: ConnectionId) {
        if let Some(member) = self.members.remove(&connection)
            && let Some(room) = self.rooms.get_mut(&member.room)
        {
            room.members -= 1;
            if room.members == 0 {
                self.rooms.remove(&member.room);
            }
        }
    }
}

/// What the bearer of a grant may do in a call.
fn rights(grant: &Grant) -> Rights {
    Rights {
        publish: grant.access >= Access::Write,
        moderate: grant.access == Access::Admin || grant.basis == Basis::Owner,
    }
}

/// The effect that tells a client something.
pub(crate) fn tell(connection: ConnectionId, message: ToClient) -> Effect {
    Effect::SendText {
        connection,
        message: message::envelope(message),
    }
}
