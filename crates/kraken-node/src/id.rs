//! Names: of processes, of packages, and of single messages and channels.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

/// Names a process: `process:package:publisher`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ProcessId(Arc<Names>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Names {
    process: String,
    package: String,
    publisher: String,
}

/// Names a package: `package:publisher`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackageId {
    #[serde(rename = "package_name")]
    package: String,
    #[serde(rename = "publisher_node")]
    publisher: String,
}

/// A text is not the name of a process or package.
#[derive(Debug, thiserror::Error)]
#[error("not a valid name of a process or package: {0:?}")]
pub struct InvalidId(String);

impl ProcessId {
    pub(crate) fn new(process: String, package: String, publisher: String) -> Self {
        Self(Arc::new(Names {
            process,
            package,
            publisher,
        }))
    }

    /// Returns the name of a process of the runtime itself.
    pub(crate) fn system(process: &str) -> Self {
        Self::new(process.to_owned(), "distro".to_owned(), "sys".to_owned())
    }

    /// The first part of the name.
    pub fn process(&self) -> &str {
        &self.0.process
    }

    /// The name of the package, without its publisher.
    pub fn package(&self) -> &str {
        &self.0.package
    }

    /// The publisher of the package.
    pub fn publisher(&self) -> &str {
        &self.0.publisher
    }

    /// The package that the process belongs to.
    pub fn package_id(&self) -> PackageId {
        PackageId {
            package: self.0.package.clone(),
            publisher: self.0.publisher.clone(),
        }
    }

    /// Whether the name can bind paths: a-z, 0-9 and `-`, and dots in the
    /// publisher's.
    pub(crate) fn may_bind(&self) -> bool {
        let plain = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        plain(self.process()) && plain(self.package()) && self.publisher().split('.').all(plain)
    }
}

impl PackageId {
    /// Returns the name of a package, if both parts can be part of a path.
    pub fn new(package: &str, publisher: &str) -> Result<Self, InvalidId> {
        if is_name(package) && is_name(publisher) {
            Ok(Self {
                package: package.to_owned(),
                publisher: publisher.to_owned(),
            })
        } else {
            Err(InvalidId(format!("{package}:{publisher}")))
        }
    }

    /// Returns the name of a process of the package.
    pub fn process(&self, process: &str) -> Result<ProcessId, InvalidId> {
        if !is_name(process) {
            return Err(InvalidId(format!("{process}:{self}")));
        }
        Ok(ProcessId::new(
            process.to_owned(),
            self.package.clone(),
            self.publisher.clone(),
        ))
    }
}

impl FromStr for ProcessId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (process, package) = text
            .split_once(':')
            .ok_or_else(|| InvalidId(text.to_owned()))?;
        package.parse::<PackageId>()?.process(process)
    }
}

impl TryFrom<String> for ProcessId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for PackageId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (package, publisher) = text
            .split_once(':')
            .ok_or_else(|| InvalidId(text.to_owned()))?;
        Self::new(package, publisher)
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = &self.0;
        write!(
            formatter,
            "{}:{}:{}",
            names.process, names.package, names.publisher
        )
    }
}

impl fmt::Debug for ProcessId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.package, self.publisher)
    }
}

/// Returns a number that no other message of this program has.
pub(crate) fn random_id() -> u64 {
    static NEXT: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(std::process::id())));
    // The output function of SplitMix64: a bijection of a counter, so never repeats.
    let mut mixed = NEXT.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_id_has_three_parts() {
        let id: ProcessId = "main:chat:example.os".parse().unwrap();
        assert_eq!(id.process(), "main");
        assert_eq!(id.package_id().to_string(), "chat:example.os");
        assert_eq!(id.to_string(), "main:chat:example.os");
        for bad in [
            "",
            "main",
            "main:chat",
            "a:b:c:d",
            "a::c",
            "../a:b:c",
            "a:b:..",
        ] {
            assert!(bad.parse::<ProcessId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_lower_case_names_may_bind() {
        let may_bind = |text: &str| text.parse::<ProcessId>().unwrap().may_bind();
        assert!(may_bind("a-1:b:c.os"));
        assert!(!may_bind("a_1:b:c.os"));
        assert!(!may_bind("A:b:c.os"));
    }
}
