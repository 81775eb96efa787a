//! App tokens: JWTs (RFC 7519), signed with HS256 (RFC 7518) and an app's own secret.

mod hs256;

use crate::auth::TokenHash;
use crate::grant::{Access, Audience, Basis, Grant, Refusal};
use crate::ids::{AppId, Timestamp};
use crate::registry::Registry;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

/// The longest token that is looked at, in bytes.
const MAX_LENGTH: usize = 8 << 10;

const INVALID: Refusal = Refusal::new(401, "invalid_token", "missing or wrong token");
const EXPIRED: Refusal = Refusal::new(401, "token_expired", "the token has expired");

/// What a token says.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The app whose secret signs it.
    pub(crate) iss: String,
    /// For whom it is.
    pub(crate) sub: String,
    /// The rooms that it opens.
    pub(crate) aud: OneOrMany,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    /// When it ends, in seconds since the epoch.
    pub(crate) exp: u64,
    /// From when it holds, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<u64>,
}

/// A string, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
        .iter()
        .map(String::as_str)
    }
}

/// The part that is needed to know whose secret to check a token with.
#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

/// Whether `text` looks like a JWT at all.
pub(crate) fn is_jwt(text: &str) -> bool {
    text.split('.').count() == 3
}

/// Checks a token; what it lets its bearer do.
pub(crate) fn verify(token: &str, registry: &Registry, now: Timestamp) -> Result<Grant, Refusal> {
    let app = issuer(token).ok_or(INVALID)?;
    let app = registry.active(&app).ok_or(INVALID)?;
    let (secret, claims) = app
        .secrets(now)
        .find_map(|secret| Some((secret.id, decode(token, &secret.value)?)))
        .ok_or(INVALID)?;
    let expires = Timestamp(claims.exp.saturating_mul(1_000));
    if expires <= now {
        return Err(EXPIRED);
    }
    let not_before = claims.nbf.unwrap_or(0).saturating_mul(1_000);
    if now < Timestamp(not_before) {
        return Err(INVALID);
    }
    Ok(Grant {
        app: app.id.clone(),
        number: app.number,
        audience: Audience::parse(claims.aud.iter()),
        access: access(claims.scope.as_deref()).ok_or(INVALID)?,
        basis: Basis::Secret(secret),
        origin: None,
        expires: Some(expires),
        token: Some(TokenHash::of(token)),
    })
}

/// Signs a token.
pub(crate) fn sign(claims: &Claims, secret: &str) -> Option<String> {
    hs256::install();
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).ok()
}

/// Signs claims under a header that names the algorithm and nothing else.
pub(crate) fn encode_bare(claims: &impl Serialize, secret: &str) -> Option<String> {
    hs256::install();
    let header = Header {
        typ: None,
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&header, claims, &key).ok()
}

/// What a token says that is signed with this secret, whatever claims it has. A header that
/// demands to be understood (`crit`, RFC 7515, 4.1.11) isn't.
pub(crate) fn decode_any<T: DeserializeOwned + Clone>(token: &str, secret: &str) -> Option<T> {
    #[derive(Deserialize)]
    struct Demands {
        crit: Option<IgnoredAny>,
    }

    if token.len() > MAX_LENGTH {
        return None;
    }
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let demands: Demands = serde_json::from_slice(&header).ok()?;
    if demands.crit.is_some() {
        return None;
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    hs256::install();
    let key = DecodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::decode::<T>(token, &key, &validation).ok()?;
    Some(token.claims)
}

/// The app that a token says it is of. Proves nothing yet.
fn issuer(token: &str) -> Option<AppId> {
    if token.len() > MAX_LENGTH {
        return None;
    }
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let issuer: Issuer = serde_json::from_slice(&payload).ok()?;
    AppId::parse(&issuer.iss)
}

fn decode(token: &str, secret: &str) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::HS256);
    // The core has its own time; the audience is rooms, not this server.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    hs256::install();
    let key = DecodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::decode::<Claims>(token, &key, &validation).ok()?;
    Some(token.claims)
}

/// The most that a scope (RFC 8693: words between spaces) allows; `None` if it names nothing
/// that is known. A token without a scope may write.
fn access(scope: Option<&str>) -> Option<Access> {
    let Some(scope) = scope else {
        return Some(Access::Write);
    };
    let one = |word| match word {
        "read" => Some(Access::Read),
        "write" => Some(Access::Write),
        "admin" => Some(Access::Admin),
        _ => None,
    };
    scope.split(' ').filter_map(one).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Secrets;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const SECONDS: u64 = NOW.0 / 1_000;

    fn registry() -> (Registry, String) {
        let mut secrets = Secrets::new([1; 32]);
        let registry = Registry::initial(NOW, &mut secrets);
        let app = registry.get(&AppId::default_app()).unwrap();
        let secret = app.secrets(NOW).next().unwrap().value.clone();
        (registry, secret)
    }

    fn claims() -> Value {
        json!({
            "iss": "default",
            "sub": "alice",
            "aud": ["notes", "team/*"],
            "scope": "read",
            "exp": SECONDS + 60,
        })
    }

    fn token(header: &Header, claims: &Value, secret: &str) -> String {
        hs256::install();
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(header, claims, &key).unwrap()
    }

    fn code(claims: &Value, now: Timestamp) -> Result<Access, &'static str> {
        let (registry, secret) = registry();
        let token = token(&Header::default(), claims, &secret);
        let grant = verify(&token, &registry, now);
        grant
            .map(|grant| grant.access)
            .map_err(|refusal| refusal.code)
    }

    #[test]
    fn tk1_a_token_says_what_its_bearer_may_do_and_until_when() {
        let (registry, secret) = registry();
        let token = token(&Header::default(), &claims(), &secret);
        let grant = verify(&token, &registry, NOW).unwrap();
        assert_eq!(grant.app, AppId::default_app());
        assert_eq!(grant.access, Access::Read);
        assert_eq!(grant.basis, Basis::Secret(1));
        assert_eq!(grant.expires, Some(NOW.after(60_000)));
        let room = |name| crate::RoomName::parse(name).unwrap();
        assert!(grant.audience.contains(&room("team/a")));
        assert!(!grant.audience.contains(&room("other")));
    }

    #[test]
    fn tk4_a_token_holds_from_nbf_to_exp() {
        assert!(code(&claims(), NOW).is_ok());
        assert_eq!(code(&claims(), NOW.after(60_000)), Err("token_expired"));
        let mut early = claims();
        early["nbf"] = json!(SECONDS + 10);
        assert_eq!(code(&early, NOW), Err("invalid_token"));
        assert!(code(&early, NOW.after(10_000)).is_ok());
        let mut endless = claims();
        endless["exp"] = json!(u64::MAX);
        assert!(code(&endless, NOW).is_ok());
    }

    #[test]
    fn tk4_a_token_lacks_nothing() {
        for claim in ["iss", "sub", "aud", "exp"] {
            let mut lacking = claims();
            lacking.as_object_mut().unwrap().remove(claim);
            assert_eq!(code(&lacking, NOW), Err("invalid_token"), "{claim}");
        }
        for (claim, value) in [
            ("exp", json!("tomorrow")),
            ("exp", json!(-1)),
            ("aud", json!(7)),
            ("iss", json!("other")),
            ("iss", json!("Default")),
            ("scope", json!("delete")),
            ("scope", json!("")),
            ("nbf", json!("now")),
        ] {
            let mut wrong = claims();
            wrong[claim] = value.clone();
            assert_eq!(code(&wrong, NOW), Err("invalid_token"), "{claim} {value}");
        }
    }

    #[test]
    fn tk1_the_widest_scope_counts_and_none_is_write() {
        for (scope, access) in [
            (json!("read write"), Access::Write),
            (json!("admin read"), Access::Admin),
            (json!("openid read"), Access::Read),
            (Value::Null, Access::Write),
        ] {
            let mut scoped = claims();
            scoped["scope"] = scope;
            assert_eq!(code(&scoped, NOW), Ok(access));
        }
    }

    #[test]
    fn tk4_only_hs256_with_the_apps_own_secret_is_a_signature() {
        let (registry, secret) = registry();
        let refused = |token: &str| verify(token, &registry, NOW).is_err();
        let good = token(&Header::default(), &claims(), &secret);
        assert!(!refused(&good));
        assert!(refused(&token(&Header::default(), &claims(), "other")));
        assert!(refused(&token(&Header::default(), &claims(), "")));

        let parts: Vec<_> = good.split('.').collect();
        let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let unsigned = encode(json!({ "alg": "none", "typ": "JWT" }));
        for forged in [
            format!("{unsigned}.{}.", parts[1]),
            format!("{unsigned}.{}.{}", parts[1], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}.AAAA", parts[0], parts[1]),
            format!(
                "{}.{}.{}",
                encode(json!({ "alg": "HS384" })),
                parts[1],
                parts[2]
            ),
            format!(
                "{}.{}.{}",
                encode(json!({ "alg": "RS256" })),
                parts[1],
                parts[2]
            ),
            format!(
                "{}.{}.{}",
                parts[0],
                encode(json!({ "iss": "default" })),
                parts[2]
            ),
            format!("{good}."),
            "..".to_owned(),
            "a.b.c".to_owned(),
            format!("{}.{}.{}", parts[0], "A".repeat(1 << 20), parts[2]),
        ] {
            assert!(refused(&forged), "{forged:.80}");
        }
    }

    #[test]
    fn tk7_earlier_secrets_hold_for_their_overlap() {
        let (mut registry, secret) = registry();
        let token = token(&Header::default(), &claims(), &secret);
        let app = registry.active_mut(&AppId::default_app()).unwrap();
        app.expire_secrets(NOW, 10_000);
        app.add_secret(NOW, &mut Secrets::new([2; 32]));
        assert!(verify(&token, &registry, NOW.after(9_999)).is_ok());
        assert!(verify(&token, &registry, NOW.after(10_000)).is_err());
    }
}
