//! What went wrong, and where.

use crate::protocol::Fail;
use std::fmt::Debug;
use std::panic::Location;

/// Something isn't as it should be.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    at: &'static Location<'static>,
}

impl Failure {
    #[track_caller]
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            at: Location::caller(),
        }
    }

    /// As the tester wants it, with the name of the scenario in front.
    pub(crate) fn of(self, scenario: &str) -> Fail {
        Fail {
            test: format!("{scenario}: {}", self.what),
            file: self.at.file().to_owned(),
            line: self.at.line(),
            column: self.at.column(),
        }
    }
}

/// Fails unless both are the same.
#[track_caller]
pub(crate) fn same<T: PartialEq<U> + Debug, U: Debug>(
    what: &str,
    found: T,
    expected: U,
) -> Result<(), Failure> {
    match found == expected {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "{what} is {found:?} instead of {expected:?}"
        ))),
    }
}
