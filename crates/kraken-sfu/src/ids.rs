//! Names of rooms, users and sessions, parsed once where they come in.

use std::fmt;
use thiserror::Error;

/// How many bytes the name of a room or a user has at most.
const LONGEST: usize = 256;

/// Why a name isn't one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// It is longer than 256 bytes.
    #[error("id {0} too long, the maximum is {LONGEST}")]
    TooLong(String),
    /// It isn't in the form of a URL query: the second is what it would be there.
    #[error("unmatch {0} {1}")]
    NotEscaped(String, String),
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
