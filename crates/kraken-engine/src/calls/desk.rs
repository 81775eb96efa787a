//! What a worker knows of its calls: who of the process's members has which session.

use super::line::Line;
use super::moderation::moderate;
use super::problem::{Refusal, about, of_error, of_id};
use super::words;
use kraken_call::{Ended, FromClient, Join, Member, Problem, Rights, RoomLimits, ToClient};
use kraken_sfu::{
    CallEvent, Error, News, OfferedTrack, Participant, RoomId, SessionId, Sfu, UserId, Who,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use uuid::Uuid;

/// Bytes of a member's name for people.
const LONGEST_NAME: usize = 256;
/// Bytes of what an app says about a member, as JSON.
const LONGEST_METADATA: usize = 4 * 1_024;
/// Tracks that a message of a member may name.
const MOST_TRACKS: usize = 1_024;
/// Freezes that a member is believed at a time.
const MOST_FREEZES: u32 = 1_000;

/// A worker's calls.
#[derive(Default)]
pub(crate) struct Desk {
    rooms: BTreeMap<RoomId, BTreeMap<UserId, Guest>>,
    /// Members of whom the process knows.
    members: BTreeMap<u64, Who>,
    /// Rooms that are recorded.
    recorded: BTreeSet<RoomId>,
    /// Rooms that were recorded when the last one left.
    closed: Vec<RoomId>,
    line: Option<Line>,
    counts: CallCounts,
}

/// A client with signalling.
struct Guest {
    session: SessionId,
    /// Its number, while the process can tell it something.
    member: Option<u64>,
    about: About,
    may_moderate: bool,
}

/// What a client says about itself.
#[derive(Clone, Default, PartialEq)]
struct About {
    name: Option<String>,
    metadata: Value,
}

/// What happened in calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallCounts {
    /// Members that can be told something now.
    pub(crate) members: u64,
    /// Members that joined anew.
    pub(crate) joined: u64,
    /// Members that came back to their session.
    pub(crate) resumed: u64,
    /// How often pictures stood still, as members reported.
    pub(crate) freezes: u64,
}

/// A client joins, or comes back.
pub(super) struct Arrival {
    pub(super) member: u64,
    pub(super) room: RoomId,
    pub(super) join: Join,
    pub(super) rights: Rights,
    pub(super) limits: RoomLimits,
}

impl Desk {
    /// From now on, the process is at the end of this line.
    pub(super) fn attach(&mut self, sfu: &mut Sfu, now: Instant, line: Line) {
        self.hang_up(sfu, now);
        self.line = Some(line);
    }

    /// Notices that the process no longer listens.
    pub(crate) fn check(&mut self, sfu: &mut Sfu, now: Instant) {
        if self.line.as_ref().is_some_and(|line| !line.is_open()) {
            self.hang_up(sfu, now);
        }
    }

    /// Nobody can be told anything. Media goes on.
    fn hang_up(&mut self, sfu: &mut Sfu, now: Instant) {
        if let Some(line) = self.line.take() {
            line.cut();
        }
        while let Some((member, _)) = self.members.first_key_value() {
            let member = *member;
            self.lose(sfu, now, member);
        }
    }

    pub(super) fn join(&mut self, sfu: &mut Sfu, now: Instant, arrival: Arrival) {
        let member = arrival.member;
        match self.admit(sfu, now, arrival) {
            Ok(joined) => self.tell(member, joined),
            Err(problem) => {
                let problem = about(problem, "join");
                self.with_line(|line| line.refuse(member, problem));
            }
        }
        self.remind(sfu, member);
    }

    fn admit(
        &mut self,
        sfu: &mut Sfu,
        now: Instant,
        arrival: Arrival,
    ) -> Result<ToClient, Problem> {
        let Arrival {
            member,
            room,
            join,
            rights,
            limits,
        } = arrival;
        let user = UserId::of_call(&join.peer).map_err(|error| of_id(&error))?;
        let about = About::new(join.name, join.metadata)?;
        let session = join.session.map(SessionId::new);
        let mut request = kraken_sfu::Join {
            who: Who {
                room,
                user,
                session: session.unwrap_or_else(new_session),
            },
            rights: words::rights(rights),
            bounds: words::bounds(limits),
        };
        // A session that isn't there, or is somebody else's, is as good as none.
        let is_resumed = sfu.resume(&request).is_ok();
        if !is_resumed {
            request.who.session = new_session();
            let joined = sfu.join(now, request.clone());
            joined.map_err(|error| of_error(&error))?;
        }
        let who = request.who;
        self.seat(sfu, member, &who, about, rights.moderate);
        match is_resumed {
            true => self.counts.resumed += 1,
            false => self.counts.joined += 1,
        }
        let Who {
            room,
            user,
            session,
        } = who;
        let roster = sfu.roster(&room);
        let is_locked = roster.as_ref().is_some_and(|roster| roster.is_locked);
        let participants = roster.into_iter().flat_map(|roster| roster.participants);
        let others = participants.filter(|other| other.user != user && !other.is_viewer);
        Ok(ToClient::Joined {
            session: session.to_string(),
            resumed: is_resumed,
            peers: others.map(|other| self.member(&room, other)).collect(),
            may_publish: rights.publish,
            may_moderate: rights.moderate,
            locked: is_locked,
            recorded: self.is_recorded(&room),
        })
    }

    /// Notes who has a session now. Whoever had it before hears that it was replaced.
    fn seat(&mut self, sfu: &Sfu, member: u64, who: &Who, about: About, may_moderate: bool) {
        let guest = Guest {
            session: who.session.clone(),
            member: Some(member),
            about: about.clone(),
            may_moderate,
        };
        let room = self.rooms.entry(who.room.clone()).or_default();
        let before = room.insert(who.user.clone(), guest);
        let holder = before.as_ref().and_then(|guest| guest.member);
        if let Some(holder) = holder.filter(|holder| *holder != member) {
            self.members.remove(&holder);
            self.tell(holder, ended(Ended::Replaced));
        }
        self.members.insert(member, who.clone());
        if before.is_some_and(|guest| guest.session == who.session && guest.about != about) {
            self.show(sfu, &who.room, &who.user);
        }
    }

    /// Shows somebody to the others in the room.
    fn show(&self, sfu: &Sfu, room: &RoomId, user: &UserId) {
        let participant = sfu.participant(room, user);
        if let Some(participant) = participant.filter(|participant| !participant.is_viewer) {
            let member = self.member(room, participant);
            self.tell_others(room, user, &ToClient::Peer(member));
        }
    }

    /// Tells somebody who has come back which tracks an admin has silenced meanwhile.
    fn remind(&self, sfu: &Sfu, member: u64) {
        let Some(who) = self.members.get(&member) else {
            return;
        };
        let own = sfu.participant(&who.room, &who.user);
        let tracks = own.into_iter().flat_map(|own| own.tracks);
        for track in tracks.filter(|track| track.is_silenced) {
            self.tell(member, ToClient::Muted { track: track.name });
        }
    }

    pub(super) fn say(&mut self, sfu: &mut Sfu, now: Instant, member: u64, message: FromClient) {
        // What was said before the process heard that the member is forgotten means nothing.
        let Some(who) = self.members.get(&member).cloned() else {
            return;
        };
        let kind = message.kind();
        if let Err(problem) = self.obey(sfu, now, member, &who, message) {
            self.tell(member, ToClient::Error(about(problem, kind)));
        }
    }

    fn obey(
        &mut self,
        sfu: &mut Sfu,
        now: Instant,
        member: u64,
        who: &Who,
        message: FromClient,
    ) -> Result<(), Problem> {
        match message {
            FromClient::Join(_) => return Err(Refusal::BadCall.into()),
            FromClient::Publish { sdp, tracks } => {
                check_count(tracks.len())?;
                let tracks: Vec<OfferedTrack> = tracks.into_iter().map(words::offered).collect();
                let published = sfu.offer(now, who, &sdp, &tracks);
                let published = published.map_err(|error| of_error(&error))?;
                let answer = ToClient::Answer {
                    sdp: published.sdp,
                    tracks: published.tracks.into_iter().map(words::track).collect(),
                };
                self.tell(member, answer);
                Ok(())
            }
            FromClient::Answer { offer, sdp } => sfu.answer_offer(now, who, offer, &sdp),
            FromClient::Receive { tracks } => {
                check_count(tracks.len())?;
                sfu.receive(now, who, tracks.into_iter().map(words::wish).collect())
            }
            FromClient::Mute { track, muted } => sfu.mute(who, &track, muted),
            FromClient::Moderate(moderation) => {
                let guest = self.guest(&who.room, &who.user);
                if !guest.is_some_and(|guest| guest.may_moderate) {
                    return Err(Refusal::NotAllowed.into());
                }
                return moderate(sfu, now, &who.room, &moderation);
            }
            FromClient::Report { freezes } => {
                self.counts.freezes += u64::from(freezes.min(MOST_FREEZES));
                Ok(())
            }
            FromClient::Leave {} => {
                self.forget(member);
                sfu.end(now, who)
            }
        }
        .map_err(|error: Error| of_error(&error))
    }

    /// A member's connection is gone. Its media goes on.
    pub(super) fn lose(&mut self, sfu: &mut Sfu, now: Instant, member: u64) {
        if let Some(who) = self.forget(member) {
            // If it isn't there, it has left in this moment.
            let _ = sfu.part(now, &who);
        }
    }

    /// The member can't be told anything any more.
    fn forget(&mut self, member: u64) -> Option<Who> {
        let who = self.members.remove(&member)?;
        if let Some(guest) = self.guest_mut(&who.room, &who.user) {
            guest.member = None;
        }
        Some(who)
    }

    /// Passes on what has happened in a call.
    pub(crate) fn hear(&mut self, sfu: &Sfu, event: CallEvent) {
        let CallEvent { room, news } = event;
        match news {
            News::Changed { user } => self.show(sfu, &room, &user),
            News::Left { user, session, why } => {
                let reason = words::ended(why);
                self.release(&room, &user, &session, reason);
                let peer = user.name();
                self.tell_others(&room, &user, &ToClient::PeerLeft { peer });
                if sfu.roster(&room).is_none() && self.recorded.remove(&room) {
                    self.closed.push(room);
                }
            }
            News::Offer(offer) => self.tell_user(&room, &offer.user.clone(), words::offer(offer)),
            News::Silenced { user, track } => {
                self.tell_user(&room, &user, ToClient::Muted { track });
            }
            News::Locked { is_locked } => {
                self.tell_all(&room, &ToClient::Locked { locked: is_locked });
            }
            News::Speakers { active, order } => {
                let active = words::names(&active);
                let order = words::names(&order);
                self.tell_all(&room, &ToClient::Speakers { active, order });
            }
            News::Layers {
                user,
                layers,
                estimate,
            } => {
                let tracks = layers.into_iter().map(words::layer).collect();
                self.tell_user(&room, &user, ToClient::Layers { tracks, estimate });
            }
        }
    }

    /// A session has ended.
    fn release(&mut self, room: &RoomId, user: &UserId, session: &SessionId, reason: Ended) {
        let Some(guests) = self.rooms.get_mut(room) else {
            return;
        };
        if guests
            .get(user)
            .is_none_or(|guest| guest.session != *session)
        {
            return;
        }
        let guest = guests.remove(user);
        if guests.is_empty() {
            self.rooms.remove(room);
        }
        if let Some(member) = guest.and_then(|guest| guest.member) {
            self.members.remove(&member);
            self.tell(member, ended(reason));
        }
    }

    /// Notes whether a room is recorded, and tells everybody in it.
    pub(super) fn record(&mut self, room: &RoomId, is_recorded: bool) {
        let has_changed = match is_recorded {
            true => self.recorded.insert(room.clone()),
            false => self.recorded.remove(room),
        };
        if has_changed {
            let recorded = is_recorded;
            self.tell_all(room, &ToClient::Recorded { recorded });
        }
    }

    /// The next room whose recording has to end, as nobody is in it any more.
    pub(crate) fn poll_closed(&mut self) -> Option<RoomId> {
        self.closed.pop()
    }

    pub(super) fn is_recorded(&self, room: &RoomId) -> bool {
        self.recorded.contains(room)
    }

    pub(crate) fn counts(&self) -> CallCounts {
        CallCounts {
            members: self.members.len() as u64,
            ..self.counts.clone()
        }
    }

    /// Somebody as the others see them.
    pub(super) fn member(&self, room: &RoomId, participant: Participant) -> Member {
        let guest = self.guest(room, &participant.user);
        let about = guest.map(|guest| guest.about.clone()).unwrap_or_default();
        Member {
            peer: participant.user.name(),
            name: about.name,
            metadata: about.metadata,
            tracks: participant.tracks.into_iter().map(words::track).collect(),
        }
    }

    fn guest(&self, room: &RoomId, user: &UserId) -> Option<&Guest> {
        self.rooms.get(room)?.get(user)
    }

    fn guest_mut(&mut self, room: &RoomId, user: &UserId) -> Option<&mut Guest> {
        self.rooms.get_mut(room)?.get_mut(user)
    }

    fn tell_user(&self, room: &RoomId, user: &UserId, message: ToClient) {
        if let Some(member) = self.guest(room, user).and_then(|guest| guest.member) {
            self.tell(member, message);
        }
    }

    fn tell_others(&self, room: &RoomId, user: &UserId, message: &ToClient) {
        let guests = self.rooms.get(room).into_iter().flatten();
        let others = guests.filter(|(other, _)| *other != user);
        for member in others.filter_map(|(_, guest)| guest.member) {
            self.tell(member, message.clone());
        }
    }

    fn tell_all(&self, room: &RoomId, message: &ToClient) {
        let guests = self.rooms.get(room).into_iter().flatten();
        for member in guests.filter_map(|(_, guest)| guest.member) {
            self.tell(member, message.clone());
        }
    }

    fn tell(&self, member: u64, message: ToClient) {
        self.with_line(|line| line.tell(member, message));
    }

    fn with_line(&self, say: impl FnOnce(&Line)) {
        if let Some(line) = &self.line {
            say(line);
        }
    }
}

impl About {
    fn new(name: Option<String>, metadata: Value) -> Result<Self, Problem> {
        let is_short = name.as_ref().is_none_or(|name| name.len() <= LONGEST_NAME);
        if is_short && metadata.to_string().len() <= LONGEST_METADATA {
            Ok(Self { name, metadata })
        } else {
            Err(Refusal::BadCall.into())
        }
    }
}

fn new_session() -> SessionId {
    SessionId::new(Uuid::new_v4().to_string())
}

fn check_count(tracks: usize) -> Result<(), Problem> {
    match tracks {
        0..=MOST_TRACKS => Ok(()),
        _ => Err(Refusal::BadCall.into()),
    }
}

fn ended(reason: Ended) -> ToClient {
    ToClient::Ended { reason }
}
