//! What goes into an SFU and comes out of it.

use crate::demux::Transport;
use crate::ids::{RoomId, SessionId, UserId};
use std::net::SocketAddr;

/// A datagram that came in.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// How it came.
    pub transport: Transport,
    /// Who sent it.
    pub source: SocketAddr,
    /// Which of the SFU's addresses it was sent to, as peers know it.
    pub destination: SocketAddr,
    /// What is in it.
    pub contents: &'a [u8],
}

/// A datagram that is to go out.
#[derive(Debug)]
pub struct Transmit {
    /// How it goes.
    pub transport: Transport,
    /// From which of the SFU's addresses, as peers know it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// By which names peers are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Connectivity checks will ask for this name.
    Named(String),
    /// Nobody answers to this name any more.
    Unnamed(String),
}

/// A request to join a room.
#[derive(Debug, Clone)]
pub struct Publish {
    /// Which room.
    pub room: RoomId,
    /// Who joins. If the user is there already, the new session takes the place of the old one.
    pub user: UserId,
    /// The name of the new session.
    pub session: SessionId,
    /// The client's description of the call.
    pub offer: String,
    /// The request is refused if so many others are in the room already.
    pub limit: Option<usize>,
}

/// Whom a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The room.
    pub room: RoomId,
    /// The user in it.
    pub user: UserId,
    /// The user's session.
    pub session: SessionId,
}

/// Who is in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// The user's session, which is a secret of the user.
    pub session: SessionId,
}
