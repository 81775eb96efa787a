//! One datagram in each system call, where there are no better ones.

use super::LONGEST;
use std::io;
use std::net::SocketAddr;

pub(super) struct Batch {
    buffer: [u8; LONGEST],
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            buffer: [0; LONGEST],
        }
    }

    /// Reads one datagram.
    pub(super) fn receive(
        &mut self,
        socket: &mio::net::UdpSocket,
        handle: &mut impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<usize> {
        let (length, source) = socket.recv_from(&mut self.buffer)?;
        handle(source, &self.buffer[..length]);
        Ok(1)
    }

    /// Sends the first datagram.
    pub(super) fn send(
        &mut self,
        socket: &mio::net::UdpSocket,
        datagrams: &[(SocketAddr, Vec<u8>)],
    ) -> io::Result<usize> {
        let Some((destination, contents)) = datagrams.first() else {
            return Ok(0);
        };
        socket.send_to(contents, *destination)?;
        Ok(1)
    }
}
