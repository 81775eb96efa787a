//! Tickets: what a client shows in place of a token where its handshake can't be seen.

use crate::auth::{Secrets, TokenHash};
use crate::grant::Grant;
use crate::ids::Timestamp;
use crate::store::Pass;
use std::collections::VecDeque;

/// How long a ticket is good for, in milliseconds.
pub(crate) const LIFETIME: u64 = 30_000;
/// Tickets that may be open at a time; over it no more are issued.
const MOST: usize = 10_000;

/// Tickets that nobody has used yet.
#[derive(Default)]
pub(crate) struct Tickets {
    /// By the moment they end.
    open: VecDeque<Ticket>,
}

struct Ticket {
    hash: TokenHash,
    ends: Timestamp,
    right: Right,
}

/// What a ticket stands for.
pub(crate) enum Right {
    Documents(Grant),
    Store(Pass),
}

impl Tickets {
    /// A ticket for a right; `None` if too many are open.
    pub(crate) fn issue(
        &mut self,
        right: Right,
        now: Timestamp,
        secrets: &mut Secrets,
    ) -> Option<String> {
        self.forget_old(now);
        if self.open.len() >= MOST {
            return None;
        }
        let ticket = secrets.next();
        self.open.push_back(Ticket {
            hash: TokenHash::of(&ticket),
            ends: now.after(LIFETIME),
            right,
        });
        Some(ticket)
    }

    /// Takes a ticket that nobody has used; nobody can from now on.
    pub(crate) fn redeem(&mut self, ticket: &str, now: Timestamp) -> Option<Right> {
        self.forget_old(now);
        let hash = TokenHash::of(ticket);
        let index = self.open.iter().position(|open| open.hash.equals(&hash))?;
        self.open.remove(index).map(|ticket| ticket.right)
    }

    fn forget_old(&mut self, now: Timestamp) {
        while self
            .open
            .pop_front_if(|ticket| ticket.ends <= now)
            .is_some()
        {}
    }
}
