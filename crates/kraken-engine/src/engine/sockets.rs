//! The ports for media.

use super::StartError;
use crate::config::Config;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

/// Bytes that the system keeps of what comes in while a worker is busy: a burst of a large room.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// Bytes that the system keeps of what goes out.
const SEND_BUFFER: usize = 4 * 1024 * 1024;
/// TCP connections that the system keeps until they are accepted.
const BACKLOG: i32 = 256;

/// All sockets for media. Addresses are those that clients are told.
pub(super) struct Sockets {
    /// For each worker, a socket on each address.
    pub(super) workers: Vec<Vec<(UdpSocket, SocketAddr)>>,
    pub(super) listeners: Vec<(TcpListener, SocketAddr)>,
    pub(super) udp: Vec<SocketAddr>,
    pub(super) tcp: Vec<SocketAddr>,
}

/// Opens one UDP and one TCP port. Each worker has a socket of its own on the same UDP port.
pub(super) fn open(config: &Config) -> Result<Sockets, StartError> {
    if config.addresses.is_empty() {
        return Err(StartError::NoAddress);
    }
    let mut workers = Vec::new();
    let mut udp = Vec::new();
    let mut port = config.udp_port;
    for _ in 0..config.workers.max(1) {
        let mut sockets = Vec::new();
        for address in &config.addresses {
            let (socket, bound) = bind(address.bind, port, udp_socket)?;
            port = bound;
            sockets.push((socket, SocketAddr::new(address.announced, port)));
        }
        udp = sockets.iter().map(|(_, announced)| *announced).collect();
        workers.push(sockets);
    }
    let mut listeners = Vec::new();
    let mut port = config.tcp_port;
    for address in &config.addresses {
        let (listener, bound) = bind(address.bind, port, tcp_listener)?;
        port = bound;
        listeners.push((listener, SocketAddr::new(address.announced, port)));
    }
    let tcp = listeners.iter().map(|(_, announced)| *announced).collect();
    Ok(Sockets {
        workers,
        listeners,
        udp,
        tcp,
    })
}

fn bind<T>(
    ip: IpAddr,
    port: u16,
    open: impl Fn(SocketAddr) -> io::Result<(T, u16)>,
) -> Result<(T, u16), StartError> {
    let address = SocketAddr::new(ip, port);
    open(address).map_err(|source| StartError::Bind { address, source })
}

fn udp_socket(address: SocketAddr) -> io::Result<(UdpSocket, u16)> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    // The system cuts these down to what it allows.
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    let port = socket.local_addr()?.port();
    Ok((socket, port))
}

fn tcp_listener(address: SocketAddr) -> io::Result<(TcpListener, u16)> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restarted engine gets its port back at once.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}
