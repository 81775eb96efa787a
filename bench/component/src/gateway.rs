//! The gateway's end of the link: two clients of a room, one of whom types.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use kraken_link::{Endpoint, Handshake, ToProcess, ToSidecar, VERSION};
use tokio::time::timeout;

use crate::edits::{edits_after, message, update_in};
use crate::{Link, TOKEN};

/// Edits that are sent before the first of them has been published.
pub(crate) const UNDER_WAY: usize = 64;
/// A process that says nothing for this long has lost something.
const LOST_AFTER: Duration = Duration::from_secs(20);
/// Clients of a room.
const CLIENTS: u32 = 2;

pub(crate) struct Gateway {
    endpoint: Endpoint<ToProcess, ToSidecar>,
    link: Link,
    /// Connections so far: their numbers begin with 1.
    connections: u32,
}

/// A room, with its typist's connection.
pub(crate) struct Room<'gateway> {
    gateway: &'gateway mut Gateway,
    typist: u32,
    sent: usize,
    /// Of those sent, not in a frame yet.
    queued: usize,
    done: usize,
    /// The updates that have been, in order.
    pub(crate) published: Vec<Bytes>,
}

impl Gateway {
    /// Opens the link.
    pub(crate) async fn connect(link: Link) -> Result<Self> {
        let mut gateway = Self {
            endpoint: Endpoint::sidecar(),
            link,
            connections: 0,
        };
        let (version, key) = (VERSION, gateway.link.key.clone());
        gateway.endpoint.queue(&ToProcess::Hello { version, key });
        let welcome = gateway.next().await?;
        ensure!(
            matches!(welcome, ToSidecar::Welcome { .. }),
            "{welcome:?} in place of a welcome"
        );
        Ok(gateway)
    }

    /// The name of the process's thread.
    pub(crate) fn thread(&self) -> &'static str {
        self.link.thread
    }

    /// Lets two clients into a room.
    pub(crate) async fn open(&mut self, room: &str) -> Result<Room<'_>> {
        let typist = self.connections + 1;
        for _ in 0..CLIENTS {
            self.connections += 1;
            let handshake = Handshake {
                path: format!("/doc/{room}"),
                query: Some(format!("token={TOKEN}")),
                origin: Some("http://localhost".to_owned()),
                ..Handshake::default()
            };
            let connection = self.connections;
            let open = ToProcess::Open {
                connection,
                handshake,
            };
            self.endpoint.queue(&open);
        }
        let mut accepted = 0;
        while accepted < CLIENTS {
            match self.next().await? {
                ToSidecar::Accept { .. } => accepted += 1,
                ToSidecar::Refuse { reason, .. } => bail!("a client was refused: {reason}"),
                _ => {}
            }
        }
        Ok(Room {
            gateway: self,
            typist,
            sent: 0,
            queued: 0,
            done: 0,
            published: Vec::new(),
        })
    }

    /// The next record of the process. What is queued here leaves before.
    async fn next(&mut self) -> Result<ToSidecar> {
        loop {
            if let Some(record) = self.endpoint.next()? {
                return Ok(record);
            }
            self.flush().await?;
            let frame = timeout(LOST_AFTER, self.link.receiver.recv()).await;
            let frame = frame.context("the process says nothing")?;
            self.endpoint
                .receive(frame.context("the process is gone")?)?;
        }
    }

    async fn flush(&mut self) -> Result<()> {
        while let Some(frame) = self.endpoint.poll_frame() {
            let sent = self.link.sender.send(frame.into()).await;
            sent.context("the process is gone")?;
        }
        Ok(())
    }
}

impl Room<'_> {
    /// Sends an edit, in a frame of so many, once there is room for it.
    pub(crate) async fn type_edit(&mut self, update: &[u8], per_frame: usize) -> Result<()> {
        while self.sent - self.done == UNDER_WAY {
            self.hear().await?;
        }
        let payload = message(update);
        let connection = self.typist;
        self.gateway.endpoint.queue(&ToProcess::Binary {
            connection,
            payload,
        });
        self.sent += 1;
        self.queued += 1;
        if self.queued == per_frame {
            // The link sends what it may, and the rest together when it may again.
            while !self.gateway.endpoint.window_open() {
                self.hear().await?;
            }
            self.gateway.flush().await?;
            self.queued = 0;
        }
        Ok(())
    }

    /// Waits until everything that was sent has been published.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        while self.done < self.sent {
            self.hear().await?;
        }
        self.queued = 0;
        Ok(())
    }

    async fn hear(&mut self) -> Result<()> {
        match self.gateway.next().await? {
            ToSidecar::Publish { payload, .. } => {
                if let Some(update) = update_in(&payload)? {
                    self.done = edits_after(&update)?;
                    self.published.push(update);
                }
                Ok(())
            }
            ToSidecar::Close { reason, .. } => bail!("a client was closed: {reason}"),
            ToSidecar::Reset { reason } => bail!("the link was reset: {reason}"),
            _ => Ok(()),
        }
    }
}
