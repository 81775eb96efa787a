//! Tokens that the owner has taken back.

use super::pass::Token;
use serde::{Deserialize, Serialize};

/// The most revocations at a time.
pub(crate) const MOST_REVOCATIONS: usize = 10_000;

/// Some tokens that don't hold any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revocation {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) tokens: Tokens,
    /// In milliseconds since the epoch.
    pub(crate) created: u64,
}

/// Which tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Tokens {
    /// The one with this id.
    Id { jti: String },
    /// All of somebody's, or those made before a moment, in seconds since the epoch. Those that
    /// don't say when they were made count as old.
    Subject {
        sub: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issued_before: Option<u64>,
    },
}

impl Revocation {
    pub(super) fn covers(&self, token: &Token) -> bool {
        match &self.tokens {
            Tokens::Id { jti } => token.id.as_ref() == Some(jti),
            Tokens::Subject { sub, issued_before } => {
                let is_old = |before: u64| token.issued.is_none_or(|issued| issued < before);
                token.subject == *sub && issued_before.is_none_or(is_old)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn covers(tokens: serde_json::Value, token: &Token) -> bool {
        let tokens = serde_json::from_value(tokens).unwrap();
        let revocation = Revocation {
            id: 1,
            tokens,
            created: 0,
        };
        revocation.covers(token)
    }

    #[test]
    fn sd23_a_token_is_revoked_by_its_id_or_by_whose_it_is() {
        let token = |issued| Token {
            subject: "alice".to_owned(),
            id: Some("7".to_owned()),
            issued,
        };
        let known = token(Some(100));
        assert!(covers(json!({ "jti": "7" }), &known));
        assert!(!covers(json!({ "jti": "8" }), &known));
        assert!(covers(json!({ "sub": "alice" }), &known));
        assert!(!covers(json!({ "sub": "Alice" }), &known));
        assert!(covers(
            json!({ "sub": "alice", "issued_before": 101 }),
            &known
        ));
        assert!(!covers(
            json!({ "sub": "alice", "issued_before": 100 }),
            &known
        ));
        assert!(covers(
            json!({ "sub": "alice", "issued_before": 1 }),
            &token(None)
        ));
    }
}
