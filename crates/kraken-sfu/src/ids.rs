//! Names of rooms, users and sessions, parsed once where they come in.

use std::fmt;
use thiserror::Error;

/// How many bytes the name of a room or a user has at most.
const LONGEST: usize = 256;
/// How many bytes the name of a call's room has at most.
const LONGEST_CALL: usize = 2_048;
/// How many bytes the name of a call's user has at most.
const LONGEST_PEER: usize = 128;

/// Why a name isn't one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// It is longer than 256 bytes.
    #[error("id {0} too long, the maximum is {LONGEST}")]
    TooLong(String),
    /// It isn't in the form of a URL query: the second is what it would be there.
    #[error("unmatch {0} {1}")]
    NotEscaped(String, String),
    /// A call's room has no app.
    #[error("the room has no app")]
    NoApp,
    /// A call's user has no name.
    #[error("the name is empty")]
    Empty,
}

macro_rules! escaped_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes a name of at most 256 bytes in the form of a URL query: letters, digits and
            /// `-_.~` as they are, a space as `+`, everything else as `%XX`.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check(text).map(|()| Self(text.to_owned()))
            }

            /// The name as it came in.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

impl RoomId {
    /// The room of a call: an app's name, a colon, and the app's name for the room. Clients of
    /// JSON-RPC can't name it, as a colon isn't in the form of a URL query.
    pub fn of_call(text: &str) -> Result<Self, IdError> {
        if text.len() > LONGEST_CALL {
            return Err(IdError::TooLong(text.chars().take(LONGEST).collect()));
        }
        match text.split_once(':') {
            Some((app, _)) if !app.is_empty() => Ok(Self(text.to_owned())),
            Some(_) | None => Err(IdError::NoApp),
        }
    }
}

impl UserId {
    /// The user of this name in a call: any text of at most 128 bytes, but not none.
    pub fn of_call(name: &str) -> Result<Self, IdError> {
        match name.len() {
            0 => Err(IdError::Empty),
            1..=LONGEST_PEER => Ok(Self(escape(name.as_bytes()))),
            _ => Err(IdError::TooLong(name.chars().take(LONGEST).collect())),
        }
    }

    /// Whoever is heard in a room, for those who hear one at a time.
    pub(crate) fn room() -> Self {
        Self("room".to_owned())
    }

    /// The name of a call's user as it came in.
    pub fn name(&self) -> String {
        let bytes = unescape(self.0.as_bytes()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

escaped_id!(
    /// A room: whoever names the same one hears each other.
    RoomId
);
escaped_id!(
    /// A user in a room. Others see it as the id of the user's media stream.
    UserId
);

/// One user's stay in a room, from one `publish` to the next. Whoever knows it may speak for the
/// user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// A session of this name, which must be hard to guess and consist of letters, digits and `-`.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn check(text: &str) -> Result<(), IdError> {
    if text.len() > LONGEST {
        return Err(IdError::TooLong(text.chars().take(LONGEST).collect()));
    }
    let escaped = unescape(text.as_bytes()).map(|bytes| escape(&bytes));
    match escaped {
        Some(escaped) if escaped == text => Ok(()),
        Some(escaped) => Err(IdError::NotEscaped(text.to_owned(), escaped)),
        None => Err(IdError::NotEscaped(text.to_owned(), String::new())),
    }
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => (hex(*high)? << 4 | hex(*low)?, tail),
            (b'%', _) => return None,
            (b'+', tail) => (b' ', tail),
            (byte, tail) => (*byte, tail),
        };
        bytes.push(byte);
        rest = tail;
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            b' ' => text.push('+'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sf1_an_id_is_at_most_256_bytes_in_the_form_of_a_query() {
        for good in [
            "",
            "room",
            "a-b_c.d~e",
            "two+words",
            "%D0%96",
            "uuid%3AVXNlcjE%3D",
        ] {
            assert_eq!(UserId::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "two words",
            "a/b",
            "%d0%96",
            "%41",
            "%",
            "%4",
            "%zz",
            "Ж",
            "a:b",
            "a\r\nb",
        ] {
            assert!(RoomId::parse(bad).is_err(), "{bad} was taken");
        }
        assert!(RoomId::parse(&"x".repeat(256)).is_ok());
        let error = RoomId::parse(&"x".repeat(257)).unwrap_err();
        assert!(error.to_string().ends_with("too long, the maximum is 256"));
    }
}
