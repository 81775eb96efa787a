//! What somebody may do, and what that rests on.

use crate::auth::TokenHash;
use crate::close;
use crate::ids::{AppId, RoomName, Timestamp};
use crate::origin::Origin;
use serde::{Deserialize, Serialize};

/// How much somebody may do. Each includes the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    /// Gets everything, is seen by the others, changes nothing.
    Read,
    /// Changes documents.
    Write,
    /// Issues tokens of its app.
    Admin,
}

impl Access {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// Some of an app's rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Audience(Vec<RoomPattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum RoomPattern {
    All,
    /// Rooms whose name begins with this, which ends with a slash.
    Below(String),
    One(String),
}

/// What a grant rests on. It ends when that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basis {
    /// The master token.
    Master,
    /// An app token signed with the app's secret of this number.
    Secret(u32),
    /// The login of the node's owner.
    Owner,
}

/// What somebody may do in one app.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) app: AppId,
    /// The app's number: another may have its id one day.
    pub(crate) number: u64,
    pub(crate) audience: Audience,
    pub(crate) access: Access,
    pub(crate) basis: Basis,
    pub(crate) origin: Option<Origin>,
    pub(crate) expires: Option<Timestamp>,
    /// The app token itself, if it was one.
    pub(crate) token: Option<TokenHash>,
}

impl Grant {
    /// Whether its bearer may issue tokens of `app`: for all rooms, so it must be for all itself.
    pub(crate) fn administers(&self, app: &AppId) -> bool {
        let is_whole = self.audience.0.contains(&RoomPattern::All);
        self.access == Access::Admin && self.app == *app && is_whole
    }
}

/// Why somebody is not let in, or can't stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: u16,
    /// For programs.
    pub(crate) code: &'static str,
    /// For people; at most 123 bytes.
    pub(crate) message: &'static str,
}

impl Refusal {
    pub(crate) const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self {
            status,
            code,
            message,
        }
    }

    /// The WebSocket close code that says the same.
    pub(crate) fn close_code(&self) -> u16 {
        match (self.status, self.code) {
            (429 | 503, _) => close::TRY_AGAIN,
            (status, _) => 4000 + status,
        }
    }
}

impl Audience {
    /// Every room.
    pub(crate) fn all() -> Self {
        Self(vec![RoomPattern::All])
    }

    /// One room.
    pub(crate) fn one(room: &RoomName) -> Self {
        Self(vec![RoomPattern::One(room.as_str().to_owned())])
    }

    /// The rooms that the patterns name: `*`, `prefix/*`, or a room's name.
    pub(crate) fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let one = |pattern: &'a str| match pattern.strip_suffix('*') {
            Some("") => RoomPattern::All,
            Some(prefix) if prefix.ends_with('/') => RoomPattern::Below(prefix.to_owned()),
            _ => RoomPattern::One(pattern.to_owned()),
        };
        Self(patterns.into_iter().map(one).collect())
    }

    pub(crate) fn contains(&self, room: &RoomName) -> bool {
        let name = room.as_str();
        self.0.iter().any(|pattern| match pattern {
            RoomPattern::All => true,
            RoomPattern::Below(prefix) => name.len() > prefix.len() && name.starts_with(prefix),
            RoomPattern::One(one) => one == name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tk3_an_audience_is_a_room_a_prefix_or_everything() {
        let contains = |patterns: &[&str], room: &str| {
            let audience = Audience::parse(patterns.iter().copied());
            audience.contains(&RoomName::parse(room).unwrap())
        };
        assert!(contains(&["*"], "any/thing"));
        assert!(contains(&["a"], "a"));
        assert!(!contains(&["a"], "ab"));
        assert!(!contains(&["a"], "A"));
        assert!(contains(&["team/*"], "team/notes"));
        assert!(contains(&["team/*"], "team/a/b"));
        assert!(!contains(&["team/*"], "team/"));
        assert!(!contains(&["team/*"], "team"));
        assert!(!contains(&["team/*"], "teams/notes"));
        assert!(!contains(&["team*"], "teams"), "a prefix ends with a slash");
        assert!(contains(&["team*"], "team*"));
        assert!(contains(&["x", "y"], "y"));
        assert!(!contains(&[], "x"));
    }
}
