//! What is undone when whoever waits for the process gives up.

use std::sync::Arc;

use kraken_link::ToProcess;
use tokio::sync::oneshot;

use crate::session::{Answer, Session};

/// A connection that the process knows of, from its handshake on. When it is dropped, the process
/// is told that the connection is gone.
#[derive(Debug)]
pub(crate) struct Place {
    session: Arc<Session>,
    connection: u32,
    taken: bool,
}

impl Place {
    pub(crate) fn new(session: Arc<Session>, connection: u32) -> Self {
        Self {
            session,
            connection,
            taken: true,
        }
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Tells the process that the connection has ended with this close code, 0 if it was lost.
    /// Further calls do nothing.
    pub(crate) fn leave(&mut self, code: u16) {
        if std::mem::replace(&mut self.taken, false) {
            let connection = self.connection;
            self.session.take_handshake(connection);
            self.session.queue(&ToProcess::Closed { connection, code });
            self.session.depart(connection);
        }
    }

    /// Forgets the connection: the process has refused it.
    pub(crate) fn forget(mut self) {
        self.taken = false;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave(0);
    }
}

/// A request that the process was asked to answer.
#[derive(Debug)]
pub(crate) struct Asked {
    session: Arc<Session>,
    id: u32,
    /// Fails when the link is gone.
    pub(crate) answer: oneshot::Receiver<Answer>,
}

impl Asked {
    pub(crate) fn new(session: Arc<Session>, id: u32, answer: oneshot::Receiver<Answer>) -> Self {
        Self {
            session,
            id,
            answer,
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.session.take_request(self.id);
    }
}
