//! Secrets: how they are made, kept and compared.
//!
//! Tokens made here hold 256 random bits, so a plain SHA-256 is enough to keep them by. What is
//! compared is hashes of equal length, in constant time.

use crate::limits::LimitSettings;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What is kept of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of `token`.
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Whether `token` is the one that this was made of. Takes the same time either way.
    pub(crate) fn matches(&self, token: &str) -> bool {
        self.equals(&Self::of(token))
    }

    /// Whether both were made of the same token. Takes the same time either way.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Where new secrets come from: a cipher's key stream, seeded by the host.
pub(crate) struct Secrets(ChaCha20Rng);

impl Secrets {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A secret of 256 random bits, as text that fits into a URL.
    pub(crate) fn next(&mut self) -> String {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// 32 random bits.
    pub(crate) fn number(&mut self) -> u32 {
        self.0.next_u32()
    }
}

/// Who may do what, as far as it is not said by a signed token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// Lets apps use documents.
    pub(crate) master: Option<TokenHash>,
    /// Lets the owner change what is registered.
    pub(crate) admin: Option<TokenHash>,
}

/// What the owner's machine asks for at its start. Tokens that are not given, and were never
/// made, are made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SetupRequest {
    /// The master token from now on.
    pub master_token: Option<String>,
    /// The admin token from now on.
    pub admin_token: Option<String>,
    /// How documents are kept from now on.
    pub durability: Option<crate::Durability>,
    /// The server's limits from now on.
    pub limits: Option<LimitSettings>,
    /// How SDS stores are served from now on.
    pub stores: Option<crate::StoreSetup>,
}

/// The tokens that were just made, which is the only time they can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupReply {
    /// The new master token.
    pub master_token: Option<String>,
    /// The new admin token.
    pub admin_token: Option<String>,
}

impl Credentials {
    /// Takes over what `request` gives, makes what is missing.
    pub(crate) fn set_up(&mut self, request: &SetupRequest, secrets: &mut Secrets) -> SetupReply {
        let mut one = |hash: &mut Option<TokenHash>, given: &Option<String>| match given {
            Some(token) => {
                *hash = Some(TokenHash::of(token));
                None
            }
            None if hash.is_some() => None,
            None => {
                let token = secrets.next();
                *hash = Some(TokenHash::of(&token));
                Some(token)
            }
        };
        SetupReply {
            master_token: one(&mut self.master, &request.master_token),
            admin_token: one(&mut self.admin, &request.admin_token),
        }
    }

    /// Whether there is a master token.
    pub(crate) fn is_set_up(&self) -> bool {
        self.master.is_some()
    }

    /// Whether `token` is the master token.
    pub(crate) fn is_master(&self, token: &str) -> bool {
        self.master.as_ref().is_some_and(|hash| hash.matches(token))
    }

    /// Whether `token` is the admin token.
    pub(crate) fn is_admin(&self, token: &str) -> bool {
        self.admin.as_ref().is_some_and(|hash| hash.matches(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn au1_tokens_are_made_once_and_kept_as_hashes() {
        let mut credentials = Credentials::default();
        let mut secrets = Secrets::new([7; 32]);
        let reply = credentials.set_up(&SetupRequest::default(), &mut secrets);
        let master = reply.master_token.unwrap();
        assert!(credentials.is_master(&master));
        assert!(!credentials.is_master("other"));
        assert!(!credentials.is_admin(&master));
        let stored = serde_json::to_string(&credentials).unwrap();
        assert!(!stored.contains(&master));
        let again = credentials.set_up(&SetupRequest::default(), &mut secrets);
        assert_eq!(again, SetupReply::default());
    }

    #[test]
    fn au2_a_given_token_replaces_the_one_that_was() {
        let mut credentials = Credentials::default();
        let mut secrets = Secrets::new([7; 32]);
        credentials.set_up(&SetupRequest::default(), &mut secrets);
        let given = SetupRequest {
            master_token: Some("mine".to_owned()),
            ..SetupRequest::default()
        };
        let reply = credentials.set_up(&given, &mut secrets);
        assert_eq!(reply, SetupReply::default());
        assert!(credentials.is_master("mine"));
    }
}
