//! What the bench wants of a server, whichever it is.

use crate::network::{Key, Network};
use crate::process::Process;
use crate::video::Layer;
use anyhow::Result;
use std::net::IpAddr;
use str0m::media::Mid;

/// Who joins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) room: usize,
    pub(crate) place: usize,
    /// Whether it sends, or only receives.
    pub(crate) sends: bool,
    /// Whether it measures delays.
    pub(crate) is_probe: bool,
}

/// A server that forwards media between the members of rooms.
pub(crate) trait Server {
    /// What the server and its client have to remember of a peer.
    type Member;

    fn process(&self) -> &Process;

    /// Where it is, and so its peers.
    fn address(&self) -> IpAddr;

    /// Lets a peer join.
    fn join(&mut self, network: &mut Network, seat: Seat) -> Result<Self::Member>;

    /// Lets a peer receive whoever is there. True if somebody is new.
    fn subscribe(&mut self, network: &mut Network, member: &mut Self::Member) -> Result<bool>;

    /// Takes what the server says to a peer by itself, and so shows that the peer is there.
    fn attend(&mut self, _network: &mut Network, _member: &mut Self::Member) -> Result<()> {
        Ok(())
    }

    /// The connection on which a peer receives, once there is one.
    fn receiving(member: &Self::Member) -> Option<Key>;
}

/// A server that tells a peer who has left.
pub(crate) trait Leaving: Server {
    /// Waits until a peer is told that another one is gone.
    fn wait_for_leave(
        &mut self,
        network: &mut Network,
        member: &mut Self::Member,
        gone: &Self::Member,
    ) -> Result<()>;

    /// The connections of a peer.
    fn connections(member: &Self::Member) -> Vec<Key>;
}

/// A server that sends each peer the layer of a video that it asks for.
pub(crate) trait Layered: Server {
    /// The section of the first video that a peer receives.
    fn first(member: &Self::Member) -> Option<Mid>;

    /// Asks for a layer of that video.
    fn ask(&mut self, member: &mut Self::Member, layer: Layer) -> Result<()>;
}
