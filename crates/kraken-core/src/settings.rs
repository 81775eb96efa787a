//! What the owner has set, kept over restarts.

use crate::Durability;
use crate::auth::{Credentials, Secrets, TokenHash};
use crate::ids::Timestamp;
use crate::limits::LimitSettings;
use crate::registry::Registry;
use crate::store::StoreSettings;
use serde::{Deserialize, Serialize};
use std::fmt;

/// All that survives a restart of the process, but for documents.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    #[serde(default)]
    pub(crate) credentials: Credentials,
    #[serde(default)]
    pub(crate) durability: Durability,
    /// Shared with the sidecar.
    pub(crate) link_key: String,
    #[serde(default)]
    pub(crate) limits: LimitSettings,
    /// Whether tickets are issued through the node to others than its owner.
    #[serde(default)]
    pub(crate) tickets_for_everyone: bool,
    #[serde(default)]
    pub(crate) stores: StoreSettings,
    #[serde(default)]
    pub(crate) registry: Registry,
    /// How often a process has started with these settings.
    #[serde(default)]
    pub(crate) starts: u64,
}

/// Without what is in them: secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads what [`Settings::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The settings as JSON. Holds secrets.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The secret that a sidecar has to show.
    pub fn link_key(&self) -> &str {
        &self.link_key
    }

    /// Whether `key` is the sidecar's key. Takes the same time either way.
    pub(crate) fn is_link_key(&self, key: &str) -> bool {
        TokenHash::of(&self.link_key).matches(key)
    }

    /// The settings with which a process starts, given those of the last one.
    pub(crate) fn start(last: Option<Self>, now: Timestamp, secrets: &mut Secrets) -> Self {
        let mut settings = last.unwrap_or_else(|| Self {
            credentials: Credentials::default(),
            durability: Durability::default(),
            link_key: secrets.next(),
            limits: LimitSettings::default(),
            tickets_for_everyone: false,
            stores: StoreSettings::default(),
            registry: Registry::default(),
            starts: 0,
        });
        if settings.starts == 0 {
            settings.registry = Registry::initial(now, secrets);
        }
        settings.starts += 1;
        settings
    }
}
