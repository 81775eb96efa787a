//! Origins (RFC 6454): which page a browser's request comes from.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use url::Url;

/// Where a page comes from, as a browser says it in the `Origin` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: String,
    host: String,
    /// `None` if the scheme has no ports.
    port: Option<u16>,
}

/// One or many origins: `https://app.example.com`, `https://*.example.com`, `http://localhost:*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct OriginPattern {
    scheme: String,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Exactly(String),
    /// Every host that ends with a dot and this.
    Below(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PortPattern {
    Exactly(Option<u16>),
    Any,
}

/// Why text is no pattern of origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum InvalidOrigin {
    /// It doesn't parse.
    #[error("an origin is scheme://host or scheme://host:port")]
    Syntax,
    /// There is something behind the port.
    #[error("an origin has no path, query, fragment or user")]
    NotBare,
    /// It is `null`, which any page can make its origin.
    #[error("null is the origin of any sandboxed page, so it can't be registered")]
    Null,
    /// A wildcard in a wrong place.
    #[error("* stands for the subdomains of a domain (https://*.example.com) or for any port")]
    Wildcard,
    /// A wildcard that would take in other people's domains.
    #[error("behind *. there are at least two labels, or localhost")]
    TooWide,
}

impl Origin {
    /// Parses an `Origin` header; `None` for `null` and whatever else is no origin.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, host, port) = parts(text).ok()?;
        // A `*` would be a host to a URL parser.
        (!host.contains('*')).then_some(Self { scheme, host, port })
    }

    /// Whether this is the origin of pages served at `authority` (`host` or `host:port`),
    /// whatever their scheme: behind a proxy that isn't known.
    pub(crate) fn is_at(&self, authority: &str) -> bool {
        Self::parse(&format!("{}://{authority}", self.scheme)).is_some_and(|own| own == *self)
    }
}

impl OriginPattern {
    /// Parses what an owner registers.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let (text, any_port) = match text.strip_suffix(":*") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (scheme, host, port) = parts(text)?;
        let host = match host.strip_prefix("*.") {
            Some(domain) => HostPattern::below(domain)?,
            None if host.contains('*') => return Err(InvalidOrigin::Wildcard),
            None => HostPattern::Exactly(host),
        };
        let port = match any_port {
            true => PortPattern::Any,
            false => PortPattern::Exactly(port),
        };
        Ok(Self { scheme, host, port })
    }

    /// Whether `origin` is one of these.
    pub(crate) fn matches(&self, origin: &Origin) -> bool {
        let port = match self.port {
            PortPattern::Exactly(port) => port == origin.port,
            PortPattern::Any => true,
        };
        port && self.scheme == origin.scheme && self.host.matches(&origin.host)
    }

    /// Whether some origin is one of these and of the `other`s.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let ports = match (self.port, other.port) {
            (PortPattern::Exactly(one), PortPattern::Exactly(two)) => one == two,
            (PortPattern::Any, _) | (_, PortPattern::Any) => true,
        };
        ports && self.scheme == other.scheme && self.host.overlaps(&other.host)
    }
}

impl HostPattern {
    fn below(domain: &str) -> Result<Self, InvalidOrigin> {
        if domain.is_empty() || domain.contains('*') {
            return Err(InvalidOrigin::Wildcard);
        }
        let labels = domain.split('.').filter(|label| !label.is_empty()).count();
        if labels < 2 && domain != "localhost" {
            return Err(InvalidOrigin::TooWide);
        }
        Ok(Self::Below(domain.to_owned()))
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exactly(own) => own == host,
            Self::Below(domain) => is_below(host, domain),
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exactly(host), pattern) | (pattern, Self::Exactly(host)) => {
                pattern.matches(host)
            }
            (Self::Below(one), Self::Below(two)) => {
                one == two || is_below(one, two) || is_below(two, one)
            }
        }
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
}

/// Scheme, host and port of a bare origin, in their normal form.
fn parts(text: &str) -> Result<(String, String, Option<u16>), InvalidOrigin> {
    if text == "null" {
        return Err(InvalidOrigin::Null);
    }
    if text
        .chars()
        .any(|char| char.is_whitespace() || char.is_control())
    {
        return Err(InvalidOrigin::Syntax);
    }
    let (_, behind) = text.split_once("://").ok_or(InvalidOrigin::Syntax)?;
    if behind.contains(['/', '\\', '?', '#', '@']) {
        return Err(InvalidOrigin::NotBare);
    }
    let url = Url::parse(text).map_err(|_| InvalidOrigin::Syntax)?;
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or(InvalidOrigin::Syntax)?.to_ascii_lowercase();
    Ok((url.scheme().to_owned(), host, url.port_or_known_default()))
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        match host {
            HostPattern::Exactly(host) => write!(f, "{scheme}://{host}")?,
            HostPattern::Below(domain) => write!(f, "{scheme}://*.{domain}")?,
        }
        let usual = match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        match port {
            PortPattern::Any => f.write_str(":*"),
            PortPattern::Exactly(Some(port)) if Some(*port) != usual => write!(f, ":{port}"),
            PortPattern::Exactly(_) => Ok(()),
        }
    }
}

impl TryFrom<String> for OriginPattern {
    type Error = InvalidOrigin;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<OriginPattern> for String {
    fn from(pattern: OriginPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> OriginPattern {
        OriginPattern::parse(text).unwrap()
    }

    fn matches(text: &str, origin: &str) -> bool {
        Origin::parse(origin).is_some_and(|origin| pattern(text).matches(&origin))
    }

    #[test]
    fn ap4_origins_are_compared_as_scheme_host_and_port() {
        let app = "https://app.example.com";
        for same in [
            app,
            "https://app.example.com:443",
            "https://APP.example.com",
        ] {
            assert!(matches(app, same), "{same}");
        }
        for other in [
            "http://app.example.com",
            "https://app.example.com:444",
            "https://app.example.com.evil.org",
            "https://evil-app.example.com",
            "https://app.example.com@evil.org",
            "https://app.example.com/path",
            "https://app.example.com.",
            "https://xn--app-example.com",
            "app.example.com",
            "null",
            "",
            "*",
            "https://*",
        ] {
            assert!(!matches(app, other), "{other}");
        }
        assert!(matches("tauri://localhost", "tauri://localhost"));
        assert!(matches("http://[::1]:3000", "http://[::1]:3000"));
    }

    #[test]
    fn ap4_a_pattern_takes_in_subdomains_or_ports_and_nothing_else() {
        let below = "https://*.example.com";
        assert!(matches(below, "https://a.example.com"));
        assert!(matches(below, "https://b.a.example.com"));
        for other in [
            "https://example.com",
            "https://.example.com",
            "https://evilexample.com",
            "https://a.example.com:8443",
            "https://*.example.com",
            "https://example.com.evil.org",
        ] {
            assert!(!matches(below, other), "{other}");
        }
        assert!(matches("http://localhost:*", "http://localhost:5173"));
        assert!(matches("http://localhost:*", "http://localhost"));
        assert!(!matches("http://localhost:*", "https://localhost:5173"));
    }

    #[test]
    fn ap4_what_would_take_in_too_much_is_refused() {
        use InvalidOrigin::*;
        for (text, why) in [
            ("*", Syntax),
            ("null", Null),
            ("https://*", Wildcard),
            ("https://*.", Wildcard),
            ("https://*.com", TooWide),
            ("https://a.*.com", Wildcard),
            ("https://*.*.example.com", Wildcard),
            ("https://example.com/app", NotBare),
            ("https://user@example.com", NotBare),
            ("https://example.com?x", NotBare),
            ("https://exa mple.com", Syntax),
            ("example.com", Syntax),
            ("https://", Syntax),
            ("https://example.com:99999", Syntax),
        ] {
            assert_eq!(OriginPattern::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn ap4_overlapping_patterns_are_recognized() {
        for (one, two, overlap) in [
            ("https://a.example.com", "https://*.example.com", true),
            ("https://*.a.example.com", "https://*.example.com", true),
            ("https://example.com", "https://*.example.com", false),
            ("http://localhost:*", "http://localhost:3000", true),
            ("http://localhost:1", "http://localhost:2", false),
            ("http://a.org", "https://a.org", false),
            ("https://*.example.com", "https://*.example.org", false),
            ("https://*.ample.com", "https://*.example.com", false),
        ] {
            assert_eq!(pattern(one).overlaps(&pattern(two)), overlap, "{one} {two}");
            assert_eq!(pattern(two).overlaps(&pattern(one)), overlap, "{two} {one}");
        }
    }

    #[test]
    fn a_pattern_is_written_as_it_is_read() {
        for text in [
            "https://*.example.com:*",
            "http://localhost:3000",
            "https://a.org",
        ] {
            assert_eq!(pattern(text).to_string(), text);
        }
        assert_eq!(pattern("https://a.org:443").to_string(), "https://a.org");
    }
}
