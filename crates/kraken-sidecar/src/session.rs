//! One life of the link, as everything but the link task sees it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use kraken_link::{Endpoint, Handshake, LinkError, ToProcess, ToSidecar};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::timeout;

use crate::GatewayConfig;
use crate::place::{Asked, Place};
use crate::switchboard::Client;

#[derive(Debug)]
pub(crate) struct Session {
    /// Bytes that may wait for the process; the last record may pass them.
    max_queue: usize,
    max_pending: usize,
    heartbeat: Duration,
    endpoint: Mutex<Endpoint<ToProcess, ToSidecar>>,
    /// Tells the link's writer that there may be a frame to send.
    has_output: Notify,
    /// Whether a record found no room. Set under the lock of the endpoint.
    congested: watch::Sender<bool>,
    /// `None` once the link is gone.
    pending: Mutex<Option<Pending>>,
    /// Connections that ended and are still on the switchboard.
    departed: Mutex<Vec<u32>>,
    /// Tells the link's task that a connection has ended, or that the backlog is asked for.
    attention: Notify,
    last_connection: AtomicU32,
    last_request: AtomicU32,
}

/// Who waits for an answer of the process.
#[derive(Debug, Default)]
struct Pending {
    handshakes: HashMap<u32, oneshot::Sender<Verdict>>,
    requests: HashMap<u32, oneshot::Sender<Answer>>,
    /// Those who want to know how much waits for clients.
    backlog: Vec<oneshot::Sender<usize>>,
}

/// The process's word on a handshake.
#[derive(Debug)]
pub(crate) enum Verdict {
    Accept(Arc<Client>),
    Refuse {
        status: u16,
        code: String,
        reason: String,
    },
}

/// The process's answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// An HTTP request to forward.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) remote: String,
    pub(crate) body: Bytes,
}

/// Why the process can't be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// There is no link.
    Down,
    /// The process is too far behind.
    Busy,
}

impl Session {
    pub(crate) fn new(config: &GatewayConfig) -> Arc<Self> {
        Arc::new(Self {
            max_queue: config.max_link_queue,
            heartbeat: config.heartbeat,
            max_pending: config.max_pending,
            endpoint: Mutex::new(Endpoint::sidecar()),
            has_output: Notify::new(),
            congested: watch::Sender::new(false),
            pending: Mutex::new(Some(Pending::default())),
            departed: Mutex::default(),
            attention: Notify::new(),
            last_connection: AtomicU32::new(0),
            last_request: AtomicU32::new(0),
        })
    }

    /// Puts a handshake to the process.
    pub(crate) fn open(
        self: &Arc<Self>,
        handshake: Handshake,
    ) -> Result<(Place, oneshot::Receiver<Verdict>), Unavailable> {
        let connection = next_number(&self.last_connection);
        let (sender, receiver) = oneshot::channel();
        self.with_pending(|pending| {
            if pending.handshakes.len() >= self.max_pending {
                return Err(Unavailable::Busy);
            }
            pending.handshakes.insert(connection, sender);
            Ok(())
        })?;
        // However much waits before it: there are few of them, and they are small.
        self.queue(&ToProcess::Open {
            connection,
            handshake,
        });
        let place = Place::new(self.clone(), connection);
        Ok((place, receiver))
    }

    /// Puts a request to the process.
    pub(crate) fn ask(self: &Arc<Self>, question: Question) -> Result<Asked, Unavailable> {
        let id = next_number(&self.last_request);
        let (sender, answer) = oneshot::channel();
        self.with_pending(|pending| {
            if pending.requests.len() >= self.max_pending {
                return Err(Unavailable::Busy);
            }
            pending.requests.insert(id, sender);
            Ok(())
        })?;
        let asked = Asked::new(self.clone(), id, answer);
        let Question {
            method,
            path,
            query,
            headers,
            remote,
            body,
        } = question;
        if !self.try_queue(&ToProcess::Request {
            id,
            method,
            path,
            query,
            headers,
            remote,
            body,
        }) {
            return Err(Unavailable::Busy);
        }
        self.wake_writer();
        Ok(asked)
    }

    /// Queues a record if there is room. Else, [`congestion`](Self::congestion) tells when to try
    /// again. To be followed by [`wake_writer`](Self::wake_writer), once for many records.
    #[must_use]
    pub(crate) fn try_queue(&self, record: &ToProcess) -> bool {
        let mut endpoint = self.endpoint.lock();
        if endpoint.queued() >= self.max_queue {
            self.congested.send_replace(true);
            return false;
        }
        endpoint.queue(record);
        true
    }

    /// Waits until a record finds room.
    pub(crate) async fn room(&self) {
        while !self.has_room() {
            let mut congestion = self.congestion();
            // Fails only if the sender is gone, which `self` owns.
            let _ = congestion.wait_for(|congested| !congested).await;
        }
    }

    fn has_room(&self) -> bool {
        let endpoint = self.endpoint.lock();
        let has_room = endpoint.queued() < self.max_queue;
        if !has_room {
            self.congested.send_replace(true);
        }
        has_room
    }

    /// Queues a record of the gateway itself, room or not, and sends it.
    pub(crate) fn queue(&self, record: &ToProcess) {
        self.endpoint.lock().queue(record);
        self.wake_writer();
    }

    pub(crate) fn wake_writer(&self) {
        self.has_output.notify_one();
    }

    /// Whether records find no room.
    pub(crate) fn congestion(&self) -> watch::Receiver<bool> {
        self.congested.subscribe()
    }

    /// The next frame for the process, a heartbeat if there is none for a while. For the link's
    /// writer.
    pub(crate) async fn next_frame(&self) -> Bytes {
        if let Some(frame) = self.poll_frame() {
            return frame.into();
        }
        let frame = timeout(self.heartbeat, self.next_output()).await;
        frame.unwrap_or_else(|_| self.endpoint.lock().heartbeat().into())
    }

    async fn next_output(&self) -> Bytes {
        loop {
            if let Some(frame) = self.poll_frame() {
                return frame.into();
            }
            self.has_output.notified().await;
        }
    }

    fn poll_frame(&self) -> Option<Vec<u8>> {
        let mut endpoint = self.endpoint.lock();
        let frame = endpoint.poll_frame();
        if *self.congested.borrow() && endpoint.queued() <= self.max_queue / 2 {
            self.congested.send_replace(false);
        }
        frame
    }

    /// Takes a frame of the process apart.
    pub(crate) fn receive(
        &self,
        frame: Bytes,
        records: &mut Vec<ToSidecar>,
    ) -> Result<(), LinkError> {
        let mut endpoint = self.endpoint.lock();
        endpoint.receive(frame)?;
        while let Some(record) = endpoint.next()? {
            records.push(record);
        }
        drop(endpoint);
        // The window may be open again, or an acknowledgement due.
        self.wake_writer();
        Ok(())
    }

    pub(crate) fn take_handshake(&self, connection: u32) -> Option<oneshot::Sender<Verdict>> {
        self.pending.lock().as_mut()?.handshakes.remove(&connection)
    }

    pub(crate) fn take_request(&self, id: u32) -> Option<oneshot::Sender<Answer>> {
        self.pending.lock().as_mut()?.requests.remove(&id)
    }

    /// Takes a connection that has ended off the switchboard.
    pub(crate) fn depart(&self, connection: u32) {
        self.departed.lock().push(connection);
        self.attention.notify_one();
    }

    /// Bytes that wait for the process.
    pub(crate) fn queued(&self) -> usize {
        self.endpoint.lock().queued()
    }

    /// Bytes that wait for clients, 0 once the link is gone.
    pub(crate) async fn backlog(&self) -> usize {
        let (sender, receiver) = oneshot::channel();
        if let Some(pending) = self.pending.lock().as_mut() {
            pending.backlog.push(sender);
        }
        self.attention.notify_one();
        receiver.await.unwrap_or(0)
    }

    /// Waits until a connection has ended, or the backlog is asked for.
    pub(crate) async fn attention(&self) {
        self.attention.notified().await;
    }

    /// Answers those who have asked for the backlog.
    pub(crate) fn tell_backlog(&self, backlog: impl FnOnce() -> usize) {
        let asked = match self.pending.lock().as_mut() {
            Some(pending) if !pending.backlog.is_empty() => std::mem::take(&mut pending.backlog),
            Some(_) | None => return,
        };
        let backlog = backlog();
        for sender in asked {
            // Fails if nobody waits for it any more.
            let _ = sender.send(backlog);
        }
    }

    /// The connections that have ended since the last call.
    pub(crate) fn take_departed(&self) -> Vec<u32> {
        std::mem::take(&mut *self.departed.lock())
    }

    /// Lets everyone who waits for an answer know that none will come.
    pub(crate) fn dissolve(&self) {
        self.pending.lock().take();
    }

    fn with_pending(
        &self,
        action: impl FnOnce(&mut Pending) -> Result<(), Unavailable>,
    ) -> Result<(), Unavailable> {
        match self.pending.lock().as_mut() {
            Some(pending) => action(pending),
            None => Err(Unavailable::Down),
        }
    }
}

/// Counts 1, 2, 3…, never 0.
fn next_number(last: &AtomicU32) -> u32 {
    loop {
        let number = last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if number != 0 {
            return number;
        }
    }
}
