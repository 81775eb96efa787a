//! Tokens of SDS clients: JWTs, signed with HS256 and the server's secret.
//!
//! What holds is what `jose` lets pass in the original server: HS256 alone, times that are numbers
//! and may be absent, no tolerance.

use super::pass::{Pass, Token};
use super::settings::StoreSetup;
use crate::grant::{Access, Refusal};
use crate::ids::{StoreName, Timestamp};
use crate::token;
use serde::Serialize;
use serde_json::{Map, Value};

/// Who has no token that holds, or one that nobody knows what it is for.
pub(crate) const UNAUTHORIZED: Refusal = Refusal::new(401, "unauthorized", "Unauthorized");

/// Whose token is for another store.
pub(crate) const FORBIDDEN: Refusal = Refusal::new(403, "forbidden", "Forbidden");

/// How long a token lasts unless it is said otherwise, in seconds.
const DAY: u64 = 24 * 60 * 60;
/// The longest that a token may last, in seconds: numbers beyond are no times any more.
const LONGEST: f64 = 1e11;

/// The claims of a token that is issued here, in the original's order.
#[derive(Serialize)]
pub(crate) struct Issued<'a> {
    pub(crate) sub: &'a str,
    pub(crate) aud: &'a str,
    pub(crate) scope: Access,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<&'a str>,
}

/// Checks a token; what it lets its bearer do in the store that it names. `None` if it doesn't
/// hold.
pub(crate) fn verify(token: &str, setup: &StoreSetup, now: Timestamp) -> Option<Pass> {
    let secret = setup.secret.as_deref()?;
    let claims: Map<String, Value> = token::decode_any(token, secret)?;
    let seconds = now.0 / 1_000;
    let expires = number(&claims, "exp")?;
    if expires.is_some_and(|end| end <= seconds as f64)
        || number(&claims, "nbf")?.is_some_and(|start| start > seconds as f64)
    {
        return None;
    }
    let issued = number(&claims, "iat")?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if setup.issuer.is_some() && text("iss") != setup.issuer.as_deref() {
        return None;
    }
    let access = match text("scope")? {
        "read" => Access::Read,
        "write" => Access::Write,
        "admin" => Access::Admin,
        _ => return None,
    };
    Some(Pass {
        store: StoreName::parse(text("aud")?)?,
        access,
        // The first whole second that is not before the end.
        expires: expires.map(|end| Timestamp((end.ceil() as u64).saturating_mul(1_000))),
        token: Some(Token {
            subject: text("sub")?.to_owned(),
            id: text("jti").map(str::to_owned),
            issued: issued.map(|issued| issued as u64),
        }),
    })
}

/// A claim that is a number if it is there; `None` if it is something else.
fn number(claims: &Map<String, Value>, name: &str) -> Option<Option<f64>> {
    match claims.get(name) {
        None => Some(None),
        Some(value) => value.as_f64().map(Some),
    }
}

/// Signs a token.
pub(crate) fn issue(claims: &Issued<'_>, secret: &str) -> Option<String> {
    token::encode_bare(claims, secret)
}

/// How long a token is to last, in seconds: as the package `ms` writes it, with a unit. A day if
/// nothing is said, `None` if it can't be read.
pub(crate) fn parse_lifetime(exp: Option<&Value>) -> Option<u64> {
    let text = match exp {
        None | Some(Value::Null) => return Some(DAY),
        Some(value) => value.as_str()?,
    };
    let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.');
    let (number, unit) = text.split_at(digits?);
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim_start_matches(' ').to_ascii_lowercase();
    let seconds = match unit.as_str() {
        "milliseconds" | "millisecond" | "msecs" | "msec" | "ms" => 0.001,
        "seconds" | "second" | "secs" | "sec" | "s" => 1.0,
        "minutes" | "minute" | "mins" | "min" | "m" => 60.0,
        "hours" | "hour" | "hrs" | "hr" | "h" => 3_600.0,
        "days" | "day" | "d" => 86_400.0,
        "weeks" | "week" | "w" => 604_800.0,
        "months" | "month" | "mo" => 2_629_800.0,
        "years" | "year" | "yrs" | "yr" | "y" => 31_557_600.0,
        _ => return None,
    };
    let seconds = number * seconds;
    (seconds <= LONGEST).then_some(seconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SECRET: &str = "a secret of at least 32 characters";
    const NOW: Timestamp = Timestamp(1_700_000_000_500);
    const SECONDS: u64 = NOW.0 / 1_000;

    fn setup(issuer: Option<&str>) -> StoreSetup {
        StoreSetup {
            secret: Some(SECRET.to_owned()),
            issuer: issuer.map(str::to_owned),
            ..StoreSetup::default()
        }
    }

    fn check(claims: &Value, issuer: Option<&str>) -> Option<Pass> {
        let token = token::encode_bare(claims, SECRET).unwrap();
        verify(&token, &setup(issuer), NOW)
    }

    /// Good claims, but for these.
    fn claims(changes: Value) -> Value {
        let mut claims = json!({ "sub": "alice", "aud": "notes", "scope": "write" });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    #[test]
    fn sd3_a_token_says_for_which_store_it_is_and_what_may_be_done() {
        let pass = check(&claims(json!({ "exp": SECONDS + 1, "jti": "7" })), None).unwrap();
        assert_eq!(pass.store.as_str(), "notes");
        assert_eq!(pass.access, Access::Write);
        assert_eq!(pass.expires, Some(Timestamp((SECONDS + 1) * 1_000)));
        assert_eq!(pass.token.unwrap().id.as_deref(), Some("7"));
    }

    #[test]
    fn sd3_claims_hold_as_the_original_takes_them() {
        for (changes, holds) in [
            (json!({}), true),
            (json!({ "exp": SECONDS + 1 }), true),
            (json!({ "exp": SECONDS }), false),
            (json!({ "exp": SECONDS as f64 + 0.5 }), true),
            (json!({ "exp": (SECONDS + 60).to_string() }), false),
            (json!({ "exp": null }), false),
            (json!({ "exp": 1e300 }), true),
            (json!({ "nbf": SECONDS }), true),
            (json!({ "nbf": SECONDS + 1 }), false),
            (json!({ "nbf": "now" }), false),
            (json!({ "iat": SECONDS + 1_000 }), true),
            (json!({ "iat": "now" }), false),
            (json!({ "iss": "any" }), true),
            (json!({ "sub": "" }), true),
            (json!({ "sub": 7 }), false),
            (json!({ "sub": null }), false),
            (json!({ "aud": ["notes"] }), false),
            (json!({ "aud": "" }), false),
            (json!({ "scope": "read" }), true),
            (json!({ "scope": "admin" }), true),
            (json!({ "scope": "Write" }), false),
            (json!({ "scope": "read write" }), false),
            (json!({ "scope": null }), false),
        ] {
            let claims = claims(changes.clone());
            assert_eq!(check(&claims, None).is_some(), holds, "{changes}");
        }
    }

    #[test]
    fn sd3_an_issuer_is_checked_if_one_is_set() {
        assert!(check(&claims(json!({ "iss": "me" })), Some("me")).is_some());
        assert!(check(&claims(json!({ "iss": "you" })), Some("me")).is_none());
        assert!(check(&claims(json!({})), Some("me")).is_none());
    }

    #[test]
    fn sd5_a_lifetime_is_read_as_ms_does() {
        let read = |text: &str| parse_lifetime(Some(&json!(text)));
        for (text, seconds) in [
            ("1h", 3_600),
            ("7d", 604_800),
            ("0s", 0),
            ("1w", 604_800),
            ("1.5h", 5_400),
            ("2 days", 172_800),
            ("1H", 3_600),
            (".5m", 30),
            ("1500ms", 1),
            ("1 year", 31_557_600),
        ] {
            assert_eq!(read(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "-1h",
            "3600",
            "1x",
            "h",
            "1.2.3h",
            "1e3s",
            "9999999999999y",
            "1h ",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(parse_lifetime(None), Some(DAY));
        assert_eq!(parse_lifetime(Some(&Value::Null)), Some(DAY));
        assert_eq!(parse_lifetime(Some(&json!(3600))), None);
    }
}
