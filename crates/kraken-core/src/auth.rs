//! Secrets: how they are made, kept and compared.
//!
//! Tokens made here hold 256 random bits, so a plain SHA-256 is enough to keep them by. What is
//! compared is hashes of equal length, in constant time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What is kept of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of `token`.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Whether `token` is the one that this was made of. Takes the same time either way.
    pub fn matches(&self, token: &str) -> bool {
        self.0.ct_eq(&Self::of(token).0).into()
    }
}

/// Who may do what, as far as it is not said by a signed token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Lets apps use documents.
    pub master: Option<TokenHash>,
    /// Lets the owner change what is registered.
    pub admin: Option<TokenHash>,
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
    /// Takes over what `request` gives, makes what is missing. `random` gives fresh random bytes.
    pub fn set_up(
        &mut self,
        request: &SetupRequest,
        mut random: impl FnMut() -> [u8; 32],
    ) -> SetupReply {
        let mut one = |hash: &mut Option<TokenHash>, given: &Option<String>| match given {
            Some(token) => {
                *hash = Some(TokenHash::of(token));
                None
            }
            None if hash.is_some() => None,
            None => {
                let token = URL_SAFE_NO_PAD.encode(random());
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
    pub fn is_set_up(&self) -> bool {
        self.master.is_some()
    }

    /// Whether `token` is the master token.
    pub fn is_master(&self, token: &str) -> bool {
        self.master.as_ref().is_some_and(|hash| hash.matches(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn au1_tokens_are_made_once_and_kept_as_hashes() {
        let mut credentials = Credentials::default();
        let reply = credentials.set_up(&SetupRequest::default(), || [7; 32]);
        let master = reply.master_token.unwrap();
        assert!(credentials.is_master(&master));
        assert!(!credentials.is_master("other"));
        let stored = serde_json::to_string(&credentials).unwrap();
        assert!(!stored.contains(&master));
        let again = credentials.set_up(&SetupRequest::default(), || [8; 32]);
        assert_eq!(again, SetupReply::default());
    }

    #[test]
    fn au2_a_given_token_replaces_the_one_that_was() {
        let mut credentials = Credentials::default();
        credentials.set_up(&SetupRequest::default(), || [7; 32]);
        let given = SetupRequest {
            master_token: Some("mine".to_owned()),
            ..SetupRequest::default()
        };
        assert_eq!(
            credentials.set_up(&given, || [8; 32]),
            SetupReply::default()
        );
        assert!(credentials.is_master("mine"));
    }
}
