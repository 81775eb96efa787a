//! Who is let in, by what right, and how long that lasts.

use crate::close;
use crate::grant::{Basis, Grant, Refusal};
use crate::ids::{AppId, ConnectionId, Timestamp};
use crate::registry::Registry;
use crate::timers::Timers;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// The grants of all connections, or of something else that is let in and known by a `K`.
pub(crate) struct Connections<K = ConnectionId> {
    grants: BTreeMap<K, Grant>,
    ends: Timers<K>,
}

/// A connection that has to go.
pub(crate) struct Expelled<K = ConnectionId> {
    pub(crate) connection: K,
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

impl<K> Default for Connections<K> {
    fn default() -> Self {
        Self {
            grants: BTreeMap::new(),
            ends: Timers::default(),
        }
    }
}

impl<K: Copy + Ord + Debug> Connections<K> {
    pub(crate) fn add(&mut self, connection: K, grant: Grant, registry: &Registry) {
        if let Some(end) = end(&grant, registry) {
            self.ends.set(connection, end);
        }
        self.grants.insert(connection, grant);
    }

    pub(crate) fn remove(&mut self, connection: K) {
        self.grants.remove(&connection);
        self.ends.clear(&connection);
    }

    /// By what right somebody is here.
    pub(crate) fn grant(&self, connection: K) -> Option<&Grant> {
        self.grants.get(&connection)
    }

    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        self.ends.next()
    }

    /// Takes out whoever's time is over.
    pub(crate) fn expire(&mut self, registry: &Registry, now: Timestamp) -> Vec<Expelled<K>> {
        let mut expelled = Vec::new();
        while let Some(connection) = self.ends.pop(now) {
            let grant = self.grants.remove(&connection);
            let by_secret = grant.and_then(|grant| registry.check(&grant, now).err());
            expelled.push(match by_secret {
                Some(refusal) => Expelled::by(connection, &refusal),
                None => Expelled {
                    connection,
                    code: close::EXPIRED,
                    reason: "the token has expired",
                },
            });
        }
        expelled
    }

    /// Takes out those of an app whose right doesn't hold any more.
    pub(crate) fn recheck(
        &mut self,
        app: &AppId,
        registry: &Registry,
        now: Timestamp,
    ) -> Vec<Expelled<K>> {
        let of_app = self.grants.iter().filter(|(_, grant)| grant.app == *app);
        let mut expelled = Vec::new();
        for (&connection, grant) in of_app {
            match registry.check(grant, now) {
                Err(refusal) => expelled.push(Expelled::by(connection, &refusal)),
                Ok(()) => {
                    if let Some(end) = end(grant, registry) {
                        self.ends.set(connection, end);
                    }
                }
            }
        }
        self.take_out(&expelled);
        expelled
    }

    /// Takes out everybody whom the master token let in.
    pub(crate) fn without_master(&mut self) -> Vec<Expelled<K>> {
        let changed = Refusal::new(401, "invalid_token", "the master token has been replaced");
        let by_master = |grant: &Grant| grant.basis == Basis::Master;
        let expelled: Vec<_> = self
            .grants
            .iter()
            .filter(|(_, grant)| by_master(grant))
            .map(|(&connection, _)| Expelled::by(connection, &changed))
            .collect();
        self.take_out(&expelled);
        expelled
    }

    fn take_out(&mut self, expelled: &[Expelled<K>]) {
        for Expelled { connection, .. } in expelled {
            self.remove(*connection);
        }
    }
}

impl<K> Expelled<K> {
    fn by(connection: K, refusal: &Refusal) -> Self {
        Self {
            connection,
            code: refusal.close_code(),
            reason: refusal.message,
        }
    }
}

/// When a grant ends by itself: with its token, or with the secret that signed it.
fn end(grant: &Grant, registry: &Registry) -> Option<Timestamp> {
    let secret_end = match grant.basis {
        Basis::Secret(id) => registry.get(&grant.app).and_then(|app| app.secret_end(id)),
        Basis::Master | Basis::Owner => None,
    };
    [grant.expires, secret_end].into_iter().flatten().min()
}
