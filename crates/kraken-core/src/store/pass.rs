//! What somebody may do with a store.

use super::Revocation;
use crate::grant::Access;
use crate::ids::{StoreName, Timestamp};

/// What a token, or the owner's login, lets its bearer do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) store: StoreName,
    pub(crate) access: Access,
    pub(crate) expires: Option<Timestamp>,
    /// The token that it rests on; `None` for the owner's login.
    pub(crate) token: Option<Token>,
}

/// What a token can be revoked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) subject: String,
    pub(crate) id: Option<String>,
    /// When it was made, in seconds since the epoch.
    pub(crate) issued: Option<u64>,
}

impl Pass {
    /// What the node's owner may do.
    pub(crate) fn of_owner(store: StoreName) -> Self {
        Self {
            store,
            access: Access::Admin,
            expires: None,
            token: None,
        }
    }

    /// Whether it has been taken back, or its time is over.
    pub(crate) fn is_void(&self, revocations: &[Revocation], now: Timestamp) -> bool {
        let is_over = self.expires.is_some_and(|end| end <= now);
        let is_revoked = |token: &Token| revocations.iter().any(|one| one.covers(token));
        is_over || self.token.as_ref().is_some_and(is_revoked)
    }
}
