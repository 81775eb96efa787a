//! TCP connections that carry datagrams, each behind its length in two bytes (RFC 4571).

use super::NewStream;
use mio::event::Event;
use mio::{Interest, Registry, Token};
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Bytes that may wait for a slow client. What is beyond is lost, as it would be by UDP.
const MOST_WAITING: usize = 512 * 1024;
/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;
/// Chunks that are read before others get their turn.
const CHUNKS: usize = 8;
/// After this long without a frame, a connection is closed.
const SILENCE: Duration = Duration::from_secs(30);

struct Stream {
    socket: mio::net::TcpStream,
    source: SocketAddr,
    destination: SocketAddr,
    incoming: Vec<u8>,
    outgoing: VecDeque<u8>,
    heard: Instant,
    is_readable: bool,
    is_writable: bool,
    is_broken: bool,
}

/// The TCP connections of a worker.
pub(crate) struct Streams {
    streams: Slab<Stream>,
    by_source: HashMap<SocketAddr, usize>,
    /// The token of the first one.
    base: usize,
}

impl Streams {
    pub(crate) fn new(base: usize) -> Self {
        Self {
            streams: Slab::new(),
            by_source: HashMap::new(),
            base,
        }
    }

    pub(crate) fn adopt(&mut self, now: Instant, new: NewStream, registry: &Registry) {
        let mut socket = mio::net::TcpStream::from_std(new.stream);
        let entry = self.streams.vacant_entry();
        let token = Token(self.base + entry.key());
        let interest = Interest::READABLE | Interest::WRITABLE;
        if registry.register(&mut socket, token, interest).is_err() {
            return;
        }
        self.by_source.insert(new.source, entry.key());
        entry.insert(Stream {
            socket,
            source: new.source,
            destination: new.destination,
            incoming: new.read,
            outgoing: VecDeque::new(),
            heard: now,
            is_readable: true,
            is_writable: true,
            is_broken: false,
        });
    }

    pub(crate) fn wake(&mut self, event: &Event) {
        let key = event.token().0.checked_sub(self.base);
        if let Some(stream) = key.and_then(|key| self.streams.get_mut(key)) {
            stream.is_readable |= event.is_readable();
            stream.is_writable |= event.is_writable();
        }
    }

    /// Whether something was left unread.
    pub(crate) fn is_readable(&self) -> bool {
        self.streams.iter().any(|(_, stream)| stream.is_readable)
    }

    pub(crate) fn receive(
        &mut self,
        now: Instant,
        mut handle: impl FnMut(SocketAddr, SocketAddr, &[u8]),
    ) {
        for (_, stream) in &mut self.streams {
            if stream.is_readable {
                stream.heard = now;
                stream.receive(&mut handle);
            }
        }
        self.drop_broken();
    }

    pub(crate) fn send(&mut self, destination: SocketAddr, contents: &[u8]) {
        let key = self.by_source.get(&destination);
        if let Some(stream) = key.and_then(|key| self.streams.get_mut(*key)) {
            stream.queue(contents);
        }
    }

    pub(crate) fn flush(&mut self) {
        for (_, stream) in &mut self.streams {
            if stream.is_writable && !stream.outgoing.is_empty() {
                stream.flush();
            }
        }
        self.drop_broken();
    }

    /// Closes the connections on which nothing came for long.
    pub(crate) fn drop_silent(&mut self, now: Instant) {
        for (_, stream) in &mut self.streams {
            stream.is_broken |= now.saturating_duration_since(stream.heard) > SILENCE;
        }
        self.drop_broken();
    }

    fn drop_broken(&mut self) {
        let by_source = &mut self.by_source;
        self.streams.retain(|key, stream| {
            if stream.is_broken && by_source.get(&stream.source) == Some(&key) {
                by_source.remove(&stream.source);
            }
            !stream.is_broken
        });
    }
}

impl Stream {
    fn receive(&mut self, handle: &mut impl FnMut(SocketAddr, SocketAddr, &[u8])) {
        let mut chunk = [0; CHUNK];
        for _ in 0..CHUNKS {
            match self.socket.read(&mut chunk) {
                Ok(0) => self.break_off(),
                Ok(length) => self.incoming.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_readable = false;
                }
                Err(_) => self.break_off(),
            }
            self.take_frames(handle);
            if !self.is_readable {
                return;
            }
        }
    }

    fn take_frames(&mut self, handle: &mut impl FnMut(SocketAddr, SocketAddr, &[u8])) {
        let (source, destination) = (self.source, self.destination);
        let rest = split_frames(&self.incoming, |frame| handle(source, destination, frame));
        let taken = self.incoming.len() - rest.len();
        self.incoming.drain(..taken);
    }

    fn queue(&mut self, contents: &[u8]) {
        let Ok(length) = u16::try_from(contents.len()) else {
            return;
        };
        if self.outgoing.len() + contents.len() <= MOST_WAITING {
            self.outgoing.extend(length.to_be_bytes());
            self.outgoing.extend(contents);
        }
    }

    fn flush(&mut self) {
        while !self.outgoing.is_empty() {
            let (first, _) = self.outgoing.as_slices();
            match self.socket.write(first) {
                Ok(0) => return self.break_off(),
                Ok(length) => drop(self.outgoing.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_writable = false;
                    return;
                }
                Err(_) => return self.break_off(),
            }
        }
    }

    fn break_off(&mut self) {
        self.is_broken = true;
        self.is_readable = false;
    }
}

/// Takes the whole frames at the beginning of what was received; what is left.
pub(crate) fn split_frames(received: &[u8], mut handle: impl FnMut(&[u8])) -> &[u8] {
    let mut rest = received;
    while let [high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(frame) = after.get(..length) else {
            break;
        };
        handle(frame);
        rest = &after[length..];
    }
    rest
}
