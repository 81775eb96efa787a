//! What a peer is in its room, and what only such a peer has.

use crate::channels::Channels;
use crate::messages::{Bounds, Rights};
use std::time::Instant;

/// What a peer is in its room. Clients of JSON-RPC and those of calls are never in the same one.
pub(crate) enum Role {
    /// A client of the JSON-RPC, which polls for offers.
    Polled,
    /// A member of a call, to whom offers are pushed.
    Member(Membership),
    /// A WHIP client, which publishes by one description.
    Whip(Attachment),
    /// A WHEP client, which receives by one description.
    Whep(Attachment),
}

impl Role {
    /// Whether the peer is in a call.
    pub(crate) fn is_call(&self) -> bool {
        !matches!(self, Self::Polled)
    }

    pub(crate) fn membership(&mut self) -> Option<&mut Membership> {
        match self {
            Self::Member(membership) => Some(membership),
            Self::Polled | Self::Whip(_) | Self::Whep(_) => None,
        }
    }

    /// Bits a second that the peer is sent at most.
    pub(crate) fn most_bitrate(&self) -> u64 {
        match self {
            Self::Polled => u64::MAX,
            Self::Member(membership) => membership.bounds.bitrate,
            Self::Whip(attachment) | Self::Whep(attachment) => attachment.bitrate,
        }
    }
}

/// What a member of a call has.
pub(crate) struct Membership {
    /// The user's name as it came in, for data channels.
    pub(crate) name: String,
    pub(crate) rights: Rights,
    pub(crate) bounds: Bounds,
    /// Offers that were made.
    pub(crate) offers: u32,
    /// Since when nobody can be told anything.
    pub(crate) away: Option<Instant>,
    pub(crate) channels: Channels,
}

/// What a client of one description has.
pub(crate) struct Attachment {
    /// The description, cut down. It is applied again when the client restarts ICE.
    pub(crate) offer: String,
    pub(crate) bitrate: u64,
}
