//! Whose a datagram is.

use crate::source::PeerKey;
use std::collections::HashMap;
use std::net::SocketAddr;
use str0m::ice::StunMessage;
use str0m::net::Protocol;

/// How many addresses a peer is known by. More come only from a client that changes them on
/// purpose; the oldest is forgotten.
const MOST_ADDRESSES: usize = 16;

/// How a datagram travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// As itself.
    Udp,
    /// In a stream, behind its length.
    Tcp,
}

impl Transport {
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Udp => Protocol::Udp,
            Self::Tcp => Protocol::Tcp,
        }
    }

    pub(crate) fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Udp => Self::Udp,
            Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => Self::Tcp,
        }
    }
}

/// Where a peer is.
pub(crate) type Address = (Transport, SocketAddr);

/// The name with which a connectivity check asks for a peer. `None` if the datagram is no such
/// check. Whether the check is genuine is for the peer to say.
pub fn asked_for(datagram: &[u8]) -> Option<String> {
    let is_stun = datagram.first().is_some_and(|byte| *byte < 2);
    if !is_stun {
        return None;
    }
    let message = StunMessage::parse(datagram).ok()?;
    if !message.is_binding_request() {
        return None;
    }
    message.split_username().map(|(ours, _)| ours.to_owned())
}

/// Finds peers by the addresses and names that they have shown to be theirs.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    by_name: HashMap<String, PeerKey>,
    by_address: HashMap<Address, PeerKey>,
}

/// What a peer is found by.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    pub(crate) name: String,
    addresses: Vec<Address>,
}

impl Demux {
    pub(crate) fn by_name(&self, name: &str) -> Option<PeerKey> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn by_address(&self, address: Address) -> Option<PeerKey> {
        self.by_address.get(&address).copied()
    }

    /// The peer is asked for by `name` only.
    pub(crate) fn rename(&mut self, key: PeerKey, handles: &mut Handles, name: String) {
        self.by_name.remove(&handles.name);
        self.by_name.insert(name.clone(), key);
        handles.name = name;
    }

    /// The peer has shown that it is at `address`.
    pub(crate) fn locate(&mut self, key: PeerKey, handles: &mut Handles, address: Address) {
        if self.by_address.insert(address, key) == Some(key) {
            return;
        }
        if handles.addresses.len() == MOST_ADDRESSES {
            let oldest = handles.addresses.remove(0);
            self.forget(key, oldest);
        }
        handles.addresses.push(address);
    }

    pub(crate) fn remove(&mut self, key: PeerKey, handles: &Handles) {
        self.by_name.remove(&handles.name);
        for address in &handles.addresses {
            self.forget(key, *address);
        }
    }

    fn forget(&mut self, key: PeerKey, address: Address) {
        if self.by_address(address) == Some(key) {
            self.by_address.remove(&address);
        }
    }
}
