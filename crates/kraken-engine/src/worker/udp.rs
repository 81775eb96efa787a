//! A UDP socket that is read and written many datagrams at a time.

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "batch_linux.rs"]
mod batch;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "batch_plain.rs"]
mod batch;

use batch::Batch;
use mio::{Interest, Registry, Token};
use std::io;
use std::net::SocketAddr;

/// The longest datagram. Longer ones are cut off, and then belong to nobody.
const LONGEST: usize = 2_048;
/// Datagrams that go to or come from the system at once.
const BATCH: usize = 64;

pub(crate) struct UdpPort {
    socket: mio::net::UdpSocket,
    announced: SocketAddr,
    is_readable: bool,
    outgoing: Vec<(SocketAddr, Vec<u8>)>,
    batch: Batch,
}

impl UdpPort {
    pub(crate) fn new(
        socket: std::net::UdpSocket,
        announced: SocketAddr,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut socket = mio::net::UdpSocket::from_std(socket);
        registry.register(&mut socket, token, Interest::READABLE)?;
        Ok(Self {
            socket,
            announced,
            is_readable: true,
            outgoing: Vec::new(),
            batch: Batch::new(),
        })
    }

    /// The address by which clients know it.
    pub(crate) fn announced(&self) -> SocketAddr {
        self.announced
    }

    /// There is something to read.
    pub(crate) fn wake(&mut self) {
        self.is_readable = true;
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Reads at most so many batches.
    pub(crate) fn receive(&mut self, rounds: usize, mut handle: impl FnMut(SocketAddr, &[u8])) {
        for _ in 0..rounds {
            if !self.is_readable {
                return;
            }
            match self.batch.receive(&self.socket, &mut handle) {
                Ok(_) => {}
                // Nothing is left; or an earlier datagram met a closed port, which says nothing
                // about the next ones.
                Err(error) => self.is_readable = error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }

    pub(crate) fn queue(&mut self, destination: SocketAddr, contents: Vec<u8>) {
        self.outgoing.push((destination, contents));
    }

    /// Sends all that is queued. Gives the number of datagrams that the system didn't take.
    pub(crate) fn send(&mut self) -> u64 {
        let mut unsent = 0;
        let mut rest = self.outgoing.as_slice();
        while !rest.is_empty() {
            let now = &rest[..rest.len().min(BATCH)];
            // A datagram that is refused must not hold up those behind it.
            let sent = self.batch.send(&self.socket, now).unwrap_or(0);
            if sent == 0 {
                unsent += 1;
            }
            rest = &rest[sent.max(1)..];
        }
        self.outgoing.clear();
        unsent
    }
}
