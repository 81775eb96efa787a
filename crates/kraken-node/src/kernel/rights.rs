//! Capabilities: what each process was granted, checked at every message.

use std::collections::{BTreeSet, HashMap, HashSet};

use parking_lot::RwLock;

use crate::id::ProcessId;
use crate::message::{Capability, Envelope, MESSAGING};

/// How many capabilities one process may hold.
const HELD: usize = 10_000;

pub(crate) struct Rights {
    our: String,
    held: RwLock<HashMap<ProcessId, Held>>,
}

#[derive(Default)]
struct Held {
    messaging: HashSet<ProcessId>,
    other: BTreeSet<Capability>,
}

impl Rights {
    pub(crate) fn new(our: &str) -> Self {
        Self {
            our: our.to_owned(),
            held: RwLock::default(),
        }
    }

    /// Whether the message may pass. If not, it is dropped, as on a real node:
    /// a requester gets its timeout.
    pub(crate) fn allow(&self, envelope: &Envelope, target_is_public: bool) -> bool {
        if target_is_public || may_always_send(&envelope.source) {
            return true;
        }
        let held = self.held.read();
        let allowed = held
            .get(&envelope.source)
            .is_some_and(|held| held.messaging.contains(&envelope.target));
        if !allowed {
            tracing::warn!(
                "process {} doesn't have capability to message process {}",
                envelope.source,
                envelope.target
            );
        }
        allowed
    }

    pub(crate) fn grant(&self, holder: &ProcessId, capability: Capability) {
        let capability = capability.normalized();
        let mut held = self.held.write();
        let held = held.entry(holder.clone()).or_default();
        if held.messaging.len() + held.other.len() >= HELD {
            tracing::warn!(process = %holder, "holds too many capabilities, one more is refused");
        } else if self.is_messaging(&capability) {
            held.messaging.insert(capability.issuer);
        } else {
            held.other.insert(capability);
        }
    }

    pub(crate) fn drop(&self, holder: &ProcessId, capability: &Capability) {
        let capability = &capability.clone().normalized();
        if let Some(held) = self.held.write().get_mut(holder) {
            if self.is_messaging(capability) {
                held.messaging.remove(&capability.issuer);
            } else {
                held.other.remove(capability);
            }
        }
    }

    /// Forgets what a process holds.
    pub(crate) fn forget(&self, holder: &ProcessId) {
        self.held.write().remove(holder);
    }

    /// Takes from everybody what a process has issued.
    pub(crate) fn revoke(&self, issuer: &ProcessId) {
        for held in self.held.write().values_mut() {
            held.messaging.remove(issuer);
            held.other.retain(|capability| capability.issuer != *issuer);
        }
    }

    pub(crate) fn holds(&self, holder: &ProcessId, capability: &Capability) -> bool {
        let capability = &capability.clone().normalized();
        self.held.read().get(holder).is_some_and(|held| {
            if self.is_messaging(capability) {
                held.messaging.contains(&capability.issuer)
            } else {
                held.other.contains(capability)
            }
        })
    }

    pub(crate) fn all(&self, holder: &ProcessId) -> Vec<Capability> {
        let held = self.held.read();
        let Some(held) = held.get(holder) else {
            return Vec::new();
        };
        let mut messaging: Vec<_> = held.messaging.iter().cloned().collect();
        messaging.sort_unstable();
        messaging
            .into_iter()
            .map(|issuer| self.messaging(issuer))
            .chain(held.other.iter().cloned())
            .collect()
    }

    pub(crate) fn messaging(&self, issuer: ProcessId) -> Capability {
        Capability {
            node: self.our.clone(),
            issuer,
            params: MESSAGING.to_owned(),
        }
    }

    fn is_messaging(&self, capability: &Capability) -> bool {
        capability.params == MESSAGING && capability.node == self.our
    }
}

fn may_always_send(source: &ProcessId) -> bool {
    source.package() == "distro"
        && source.publisher() == "sys"
        && matches!(source.process(), "kernel" | "state" | "vfs")
}
