//! WHIP and WHEP: clients that have one description, and need no telling.

use super::Sfu;
use crate::error::{CallError, Error};
use crate::ids::{RoomId, SessionId, UserId};
use crate::messages::{Attach, Attached, Farewell, OfferedTrack, Restarted, TrackSource, Way, Who};
use crate::peer::Peer;
use crate::role::{Attachment, Role};
use crate::sdp::{self, Credentials, Use};
use crate::slot::Slot;
use std::time::Instant;
use str0m::media::{MediaKind, Mid};

/// What `If-Match` says if any ICE session is meant.
const ANY: &str = "*";

impl Sfu {
    /// Lets a WHIP or WHEP client join a call. Gives the answer to its offer.
    pub fn attach(&mut self, now: Instant, attach: Attach) -> Result<Attached, Error> {
        let Attach {
            who,
            way,
            offer,
            bounds,
        } = attach;
        self.check_entry(&who, false)?;
        self.check_space(&who.room, false, Some(bounds.peers))?;
        if way == Way::Whip {
            self.check_publishers(&who.room, &who.user, bounds.publishers)?;
        }
        let limit = self.config.limits.sdp_bytes;
        let sections = first_of_each(&offer, limit)?;
        if sections.is_empty() {
            return Err(CallError::NothingUsable.into());
        }
        let offer = sdp::offer(&offer, limit, |mid| match way {
            _ if !sections.iter().any(|(own, _)| Some(own.as_str()) == mid) => Use::Nothing,
            Way::Whip => Use::Publishes { with_layers: true },
            Way::Whep => Use::Receives,
        })?;
        let attachment = Attachment {
            offer: offer.clone(),
            bitrate: bounds.bitrate,
        };
        let role = match way {
            Way::Whip => Role::Whip(attachment),
            Way::Whep => Role::Whep(attachment),
        };
        let rtc = self.connection(now, role.is_call());
        let room = who.room.clone();
        let mut peer = Peer::new(who, role, rtc, &self.config, now);
        if way == Way::Whep {
            peer.slots = sections.iter().map(slot).collect();
        }
        let sdp = peer.agree(now, &offer)?;
        if !sections.iter().any(|(mid, _)| peer.can_use(mid)) {
            return Err(CallError::NothingUsable.into());
        }
        let ice = peer.name();
        let key = self.insert(peer);
        if way == Way::Whip {
            let tracks: Vec<OfferedTrack> = sections.into_iter().map(published).collect();
            self.publish_tracks(key, &tracks);
        }
        self.changed(&room);
        self.tell_changed(key);
        Ok(Attached { sdp, ice })
    }

    /// The user of a WHIP or WHEP client's session.
    pub fn attached(&self, room: &RoomId, session: &SessionId) -> Option<UserId> {
        let members = self.rooms.get(room)?.members.values();
        let mut peers = members.map(|key| &self.peers[*key]);
        let found = peers.find(|peer| {
            matches!(peer.role, Role::Whip(_) | Role::Whep(_)) && peer.session == *session
        });
        found.map(|peer| peer.user.clone())
    }

    /// Takes a fragment of a description (RFC 8840) of a WHIP or WHEP client: candidates, which
    /// aren't needed, or other credentials, which restart ICE. `meant` is the name of the ICE
    /// session that the client knows, or `*` for any.
    pub fn take_fragment(
        &mut self,
        now: Instant,
        who: &Who,
        meant: &str,
        fragment: &str,
    ) -> Result<Restarted, Error> {
        let key = self.find_session(who)?;
        let peer = &mut self.peers[key];
        if meant != ANY && meant != peer.name() {
            return Err(CallError::OtherIceSession.into());
        }
        let limit = self.config.limits.sdp_bytes;
        let (Role::Whip(attachment) | Role::Whep(attachment)) = &peer.role else {
            return Err(CallError::NoSuchUser.into());
        };
        let credentials = Credentials::find(fragment, limit)?;
        let before = Credentials::find(&attachment.offer, limit)?;
        let Some(credentials) = credentials.filter(|new| Some(new) != before.as_ref()) else {
            let ice = peer.name();
            return Ok(Restarted {
                fragment: None,
                ice,
            });
        };
        let offer = credentials.put_into(&attachment.offer);
        let answer = peer.agree(now, &offer);
        let answer = self.close_if_refused(key, answer)?;
        let peer = &mut self.peers[key];
        if let Role::Whip(attachment) | Role::Whep(attachment) = &mut peer.role {
            attachment.offer = offer;
        }
        let ice = peer.name();
        self.rename(key);
        self.mark(key);
        Ok(Restarted {
            fragment: Some(sdp::fragment(&answer)),
            ice,
        })
    }

    /// A description that couldn't be applied leaves a connection of which nothing is known.
    pub(super) fn close_if_refused<T>(
        &mut self,
        key: usize,
        agreed: Result<T, Error>,
    ) -> Result<T, Error> {
        if matches!(agreed, Err(Error::OfferRefused(_))) {
            self.close(key, Farewell::Lost);
        }
        agreed
    }
}

/// The first audio and the first video of a description.
fn first_of_each(offer: &str, limit: usize) -> Result<Vec<(String, MediaKind)>, Error> {
    let media = sdp::media(offer, limit)?;
    let first = |wanted| media.iter().find(|(_, kind)| *kind == wanted).cloned();
    let firsts = [MediaKind::Audio, MediaKind::Video].map(first);
    Ok(firsts.into_iter().flatten().collect())
}

fn published((mid, kind): (String, MediaKind)) -> OfferedTrack {
    OfferedTrack {
        mid,
        source: match kind {
            MediaKind::Audio => TrackSource::Microphone,
            MediaKind::Video => TrackSource::Camera,
        },
        is_muted: false,
    }
}

fn slot((mid, kind): &(String, MediaKind)) -> Slot {
    let mut slot = Slot::new(Mid::from(mid.as_str()), *kind);
    slot.speaker = Some(sdp::Speaker::of_room(*kind));
    slot
}
