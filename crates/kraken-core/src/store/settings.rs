//! What the owner says about stores.

use super::Revocation;
use serde::{Deserialize, Serialize};

/// The fewest UTF-16 units of a secret, as the original server counts them.
const SHORTEST_SECRET: usize = 32;

/// What the owner's machine says at its start, all at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "snake_case")]
pub struct StoreSetup {
    /// Signs tokens.
    pub secret: Option<String>,
    /// The `iss` of tokens, if it is to be checked.
    pub issuer: Option<String>,
    /// Whether what comes is kept.
    pub persist: bool,
    /// Bytes that one store may have.
    pub store_bytes: Option<u64>,
    /// After how many days what is kept is deleted.
    pub retention_days: Option<u32>,
}

/// What is kept of it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreSettings {
    #[serde(flatten)]
    pub(crate) setup: StoreSetup,
    #[serde(default)]
    pub(crate) revocations: Vec<Revocation>,
    /// The id of the last one: none is used twice.
    #[serde(default)]
    pub(crate) last_revocation: u64,
}

impl StoreSetup {
    /// Says what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let secret = self.secret.as_deref();
        if secret.is_some_and(|secret| secret.encode_utf16().count() < SHORTEST_SECRET) {
            return Err(format!(
                "the secret has to have at least {SHORTEST_SECRET} characters"
            ));
        }
        for (name, is_zero) in [
            ("store_bytes", self.store_bytes == Some(0)),
            ("retention_days", self.retention_days == Some(0)),
        ] {
            if is_zero {
                return Err(format!("{name} is a number from 1 on"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Tokens;

    #[test]
    fn sd23_what_the_owner_has_set_survives_a_restart() {
        let revocation = |id, tokens| Revocation {
            id,
            tokens,
            created: 1_700_000_000_000,
        };
        let jti = "7".to_owned();
        let sub = "alice".to_owned();
        let settings = StoreSettings {
            setup: StoreSetup {
                secret: Some("a secret of at least 32 characters".to_owned()),
                issuer: Some("me".to_owned()),
                persist: true,
                store_bytes: Some(1 << 40),
                retention_days: Some(30),
            },
            revocations: vec![
                revocation(1, Tokens::Id { jti }),
                revocation(
                    3,
                    Tokens::Subject {
                        sub,
                        issued_before: Some(1_700_000_000),
                    },
                ),
            ],
            last_revocation: 3,
        };
        let kept = serde_json::to_vec(&settings).unwrap();
        let read: StoreSettings = serde_json::from_slice(&kept).unwrap();
        assert!(read == settings);
        assert!(serde_json::from_str::<StoreSettings>("{}").unwrap() == StoreSettings::default());
    }
}
