//! Origins, and patterns of them.

use crate::origin::{Origin, OriginPattern};
use url::Url;

/// Takes two lines as patterns, and what follows as an origin. A pattern is written as it is read,
/// patterns that share an origin overlap, and an origin is the one that a browser means.
pub fn origins(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (one, two, origin) = (line(), line(), line());
    let (one, two) = (pattern(one), pattern(two));
    if let (Some(one), Some(two)) = (&one, &two) {
        assert_eq!(one.overlaps(two), two.overlaps(one));
    }
    let Some(parsed) = Origin::parse(origin) else {
        return;
    };
    check_origin(origin, &parsed);
    if let (Some(one), Some(two)) = (one, two)
        && one.matches(&parsed)
        && two.matches(&parsed)
    {
        assert!(one.overlaps(&two), "{origin} belongs to two");
    }
}

fn pattern(text: &str) -> Option<OriginPattern> {
    let pattern = OriginPattern::parse(text).ok()?;
    let again = OriginPattern::parse(&pattern.to_string());
    assert_eq!(again.as_ref(), Ok(&pattern), "{text} becomes another");
    assert!(pattern.overlaps(&pattern), "{text} is not itself");
    Some(pattern)
}

fn check_origin(text: &str, origin: &Origin) {
    let url = Url::parse(text);
    let host = url
        .as_ref()
        .ok()
        .and_then(Url::host_str)
        .unwrap_or_default();
    let is_meant = OriginPattern::parse(text).is_ok_and(|pattern| pattern.matches(origin));
    assert!(is_meant && !host.is_empty(), "{text} is another's");
}
