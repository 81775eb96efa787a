//! Offers to a peer: who is heard on which of its slots.

use crate::error::Error;
use crate::guard::guarded;
use crate::messages::{Offer, Received};
use crate::peer::Peer;
use crate::sdp;
use crate::slot::{Slot, Wish};
use crate::source::SourceId;
use str0m::Rtc;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, Mid};

/// An offer that the client has not answered yet.
///
/// It is repeated until it is answered: a client that has already applied it would not
/// understand one that takes something of it back.
pub(crate) struct PendingOffer {
    /// Which of the offers to a member of a call it is; 0 for clients that poll.
    pub(crate) number: u32,
    token: SdpPendingOffer,
    text: String,
    joins: Vec<Join>,
}

/// A speaker who will be heard on a slot.
struct Join {
    mid: Mid,
    wish: Wish,
    is_new: bool,
}

/// What the client has to be told.
struct Changes {
    leaves: Vec<Mid>,
    joins: Vec<Wish>,
}

impl Peer {
    /// Brings the slots nearer to `wishes`: at once where the client needs to know nothing,
    /// otherwise by an offer. `None` if the client knows all.
    pub(crate) fn offer(&mut self, wishes: &[Wish]) -> Option<String> {
        self.settle(wishes);
        if let Some(pending) = &self.pending {
            return Some(pending.text.clone());
        }
        let changes = self.changes(wishes);
        if changes.leaves.is_empty() && changes.joins.is_empty() && !self.must_renegotiate {
            return None;
        }
        self.negotiate(changes)
    }

    /// Takes the client's answer to the offer that waits for one.
    pub(crate) fn answer(&mut self, text: &str, limit: usize) -> Result<Vec<SourceId>, Error> {
        if self.pending.is_none() {
            return Err(Error::NothingOffered);
        }
        let text = sdp::answer(text, limit)?;
        let answer = sdp::parse(|| SdpAnswer::from_sdp_string(&text))?;
        let Some(PendingOffer { token, joins, .. }) = self.pending.take() else {
            return Err(Error::NothingOffered);
        };
        let rtc = &mut self.rtc;
        match guarded(|| rtc.sdp_api().accept_answer(token, answer)) {
            Some(Ok(())) => Ok(self.join(joins)),
            Some(Err(error)) => Err(Error::AnswerRefused(error.to_string())),
            None => Err(Error::AnswerRefused("it can't be applied".to_owned())),
        }
    }

    /// The client made an offer of its own, which takes back the one that waits.
    pub(crate) fn forget_offer(&mut self) {
        if let Some(pending) = self.pending.take() {
            for join in pending.joins.iter().filter(|join| !join.is_new) {
                self.slot_mut(join.mid, |slot| slot.speaker = None);
            }
            self.must_renegotiate = true;
        }
    }

    /// Disconnects slots whose source isn't wished for, and gives those on which a user was heard
    /// before to the same user.
    fn settle(&mut self, wishes: &[Wish]) {
        let is_call = self.role.is_call();
        for slot in &mut self.slots {
            let is_wished = |source| wishes.iter().any(|wish| wish.source == source);
            if slot.source().is_some_and(|source| !is_wished(source)) {
                slot.disconnect();
            }
        }
        for wish in wishes {
            if self.is_received(wish) {
                continue;
            }
            let mut slots = self.slots.iter_mut();
            // Clients of calls know each track, others only whom they hear.
            let kept = slots.find(|slot| match is_call {
                true => slot.source().is_none() && slot.speaker.as_ref() == Some(&wish.speaker),
                false => slot.is_kept_for(wish),
            });
            if let Some(slot) = kept {
                slot.connect(wish.source);
            }
        }
    }

    fn is_received(&self, wish: &Wish) -> bool {
        let is_pending = |pending: &PendingOffer| {
            let mut joins = pending.joins.iter();
            joins.any(|join| join.wish.source == wish.source)
        };
        let mut slots = self.slots.iter();
        slots.any(|slot| slot.source() == Some(wish.source))
            || self.pending.as_ref().is_some_and(is_pending)
    }

    fn changes(&self, wishes: &[Wish]) -> Changes {
        let is_left = |slot: &&Slot| slot.speaker.is_some() && slot.source().is_none();
        let leaves = self.slots.iter().filter(is_left).map(|slot| slot.mid);
        let joins = wishes.iter().filter(|wish| !self.is_received(wish));
        Changes {
            leaves: leaves.collect(),
            joins: joins.cloned().collect(),
        }
    }

    fn negotiate(&mut self, changes: Changes) -> Option<String> {
        let Self { rtc, slots, .. } = self;
        let mut joins: Vec<Join> = Vec::new();
        // Slots that fall silent now can be used again after the answer, not before.
        for wish in changes.joins {
            let taken = |slot: &Slot| joins.iter().any(|join| join.mid == slot.mid);
            let usable = |slot: &&Slot| slot.is_free(wish.kind) && is_usable(rtc, slot.mid);
            let free = slots.iter().filter(usable).find(|slot| !taken(slot));
            let reused = free.map(|slot| slot.mid);
            joins.push(Join {
                mid: reused.unwrap_or_default(),
                is_new: reused.is_none(),
                wish,
            });
        }
        let must_renegotiate = self.must_renegotiate;
        let (offer, token, joins) = guarded(|| {
            let mut api = rtc.sdp_api();
            for mid in &changes.leaves {
                api.set_direction(*mid, Direction::Inactive);
            }
            for join in &mut joins {
                let track = join.wish.speaker.track.clone();
                if join.is_new {
                    let direction = Direction::SendOnly;
                    join.mid = api.add_media(join.wish.kind, direction, None, Some(track), None);
                } else {
                    api.set_direction(join.mid, Direction::SendOnly);
                }
            }
            if must_renegotiate && !api.has_changes() {
                // The directions are already what they should be; the client doesn't know.
                for slot in slots.iter() {
                    let direction = match slot.speaker {
                        Some(_) => Direction::SendOnly,
                        None => Direction::Inactive,
                    };
                    api.set_direction(slot.mid, Direction::RecvOnly);
                    api.set_direction(slot.mid, direction);
                }
            }
            api.apply().map(|(offer, token)| (offer, token, joins))
        })??;
        for mid in &changes.leaves {
            self.slot_mut(*mid, |slot| slot.speaker = None);
        }
        for join in joins.iter().filter(|join| !join.is_new) {
            let speaker = join.wish.speaker.clone();
            self.slot_mut(join.mid, |slot| slot.speaker = Some(speaker));
        }
        let text = sdp::outgoing(&offer.to_sdp_string(), |mid| {
            let mut joins = joins.iter();
            let joining = joins.find(|join| *join.mid == *mid);
            let joining = joining.map(|join| join.wish.speaker.clone());
            joining.or_else(|| self.speaker(mid))
        });
        self.must_renegotiate = false;
        let number = self.role.membership().map_or(0, |member| {
            member.offers = member.offers.wrapping_add(1);
            member.offers
        });
        self.pending = Some(PendingOffer {
            number,
            token,
            text: text.clone(),
            joins,
        });
        Some(text)
    }

    /// The offer that waits for an answer, as a member of a call is told it.
    pub(crate) fn standing_offer(&self) -> Option<Offer> {
        let PendingOffer {
            number,
            text,
            joins,
            ..
        } = self.pending.as_ref()?;
        let heard = self.slots.iter().filter(|slot| slot.source().is_some());
        let heard = heard.filter_map(|slot| Some((slot.mid, slot.speaker.as_ref()?)));
        let joining = joins.iter().map(|join| (join.mid, &join.wish.speaker));
        let tracks = heard.chain(joining).map(|(mid, speaker)| Received {
            mid: mid.to_string(),
            user: speaker.user.clone(),
            track: speaker.track.clone(),
        });
        Some(Offer {
            user: self.user.clone(),
            number: *number,
            sdp: text.clone(),
            tracks: tracks.collect(),
        })
    }

    fn join(&mut self, joins: Vec<Join>) -> Vec<SourceId> {
        let mut joined = Vec::new();
        for Join { mid, wish, is_new } in joins {
            if is_new {
                let mut slot = Slot::new(mid, wish.kind);
                slot.speaker = Some(wish.speaker);
                self.slots.push(slot);
            }
            self.slot_mut(mid, |slot| slot.connect(wish.source));
            joined.push(wish.source);
        }
        joined
    }

    /// Who the client has been told is heard on a section.
    pub(crate) fn speaker(&self, mid: &str) -> Option<sdp::Speaker> {
        let slot = self.slots.iter().find(|slot| *slot.mid == *mid)?;
        slot.speaker.clone()
    }

    fn slot_mut(&mut self, mid: Mid, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == mid) {
            change(slot);
        }
    }
}

/// Whether the client still takes media on a section.
fn is_usable(rtc: &Rtc, mid: Mid) -> bool {
    rtc.media(mid).is_some_and(|media| !media.disabled())
}
