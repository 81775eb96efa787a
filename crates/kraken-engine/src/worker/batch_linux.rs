//! Many datagrams in one system call.

use super::{BATCH, LONGEST};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;

pub(super) struct Batch {
    incoming: MultiHeaders<SockaddrStorage>,
    outgoing: MultiHeaders<SockaddrStorage>,
    buffers: Vec<[u8; LONGEST]>,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            incoming: MultiHeaders::preallocate(BATCH, None),
            outgoing: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![[0; LONGEST]; BATCH],
        }
    }

    /// Reads one batch, and gives its size.
    pub(super) fn receive(
        &mut self,
        socket: &mio::net::UdpSocket,
        handle: &mut impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<usize> {
        let buffers = self.buffers.iter_mut();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            buffers.map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let received = recvmmsg(
            socket.as_raw_fd(),
            &mut self.incoming,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        let mut count = 0;
        for message in received {
            count += 1;
            let source = message.address.as_ref().and_then(address);
            if let (Some(source), Some(contents)) = (source, message.iovs().next()) {
                handle(source, contents);
            }
        }
        Ok(count)
    }

    /// Sends as many as the system takes, and gives their number.
    pub(super) fn send(
        &mut self,
        socket: &mio::net::UdpSocket,
        datagrams: &[(SocketAddr, Vec<u8>)],
    ) -> io::Result<usize> {
        let contents = datagrams.iter().map(|(_, contents)| contents);
        let slices: Vec<[IoSlice<'_>; 1]> =
            contents.map(|contents| [IoSlice::new(contents)]).collect();
        let destinations = datagrams.iter().map(|(destination, _)| *destination);
        let addresses: Vec<Option<SockaddrStorage>> = destinations
            .map(|destination| Some(SockaddrStorage::from(destination)))
            .collect();
        let sent = sendmmsg(
            socket.as_raw_fd(),
            &mut self.outgoing,
            &slices,
            &addresses,
            [],
            MsgFlags::MSG_DONTWAIT,
        )?;
        Ok(sent.count())
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    match (storage.as_sockaddr_in(), storage.as_sockaddr_in6()) {
        (Some(v4), _) => Some(SocketAddrV4::from(*v4).into()),
        (None, Some(v6)) => Some(SocketAddrV6::from(*v6).into()),
        (None, None) => None,
    }
}
