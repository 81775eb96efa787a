//! Tokens: JWTs of apps and of stores.

use super::host::STORE_SECRET;
use crate::auth::Secrets;
use crate::ids::{AppId, Timestamp};
use crate::registry::Registry;
use crate::store::{self, StoreSetup};
use crate::token;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::Sha256;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const SECONDS: f64 = 1_700_000_000.0;

/// Shows any text as a token; and a first line as a header, and what follows as claims, signed with
/// the secrets of an app, of the stores, and of neither. What opens anything is signed with the
/// right secret and HS256, is not over, and says for what it is.
pub fn tokens(data: &[u8]) {
    let verifiers = Verifiers::new();
    verifiers.show(&String::from_utf8_lossy(data));
    let mut lines = data.splitn(2, |&byte| byte == b'\n');
    if let (Some(header), Some(claims)) = (lines.next(), lines.next()) {
        let encode = |part| URL_SAFE_NO_PAD.encode(part);
        let signed = format!("{}.{}", encode(header), encode(claims));
        for secret in [verifiers.secret.as_str(), STORE_SECRET, "another"] {
            let signature = URL_SAFE_NO_PAD.encode(mac(&signed, secret));
            verifiers.show(&format!("{signed}.{signature}"));
        }
        verifiers.show(&format!("{signed}."));
    }
}

struct Verifiers {
    registry: Registry,
    /// The app's.
    secret: String,
    stores: StoreSetup,
}

impl Verifiers {
    fn new() -> Self {
        let registry = Registry::initial(NOW, &mut Secrets::new([1; 32]));
        let app = registry.get(&AppId::default_app());
        let secret = app.and_then(|app| Some(app.secrets(NOW).last()?.value.clone()));
        Self {
            registry,
            secret: secret.unwrap_or_default(),
            stores: StoreSetup {
                secret: Some(STORE_SECRET.to_owned()),
                ..StoreSetup::default()
            },
        }
    }

    fn show(&self, token: &str) {
        if let Ok(grant) = token::verify(token, &self.registry, NOW) {
            let claims: Shown = check(token, &self.secret);
            assert_eq!(claims.iss, grant.app.as_str());
            assert!(grant.expires > Some(NOW), "endless, or over");
            let expires = claims.exp.as_f64();
            assert!(expires.is_some_and(|end| end > SECONDS), "it is over");
            assert!(!claims.sub.is_null() && !claims.aud.is_null(), "for nobody");
            assert!(has_begun(&claims.nbf), "not yet");
        }
        if let Some(pass) = store::verify(token, &self.stores, NOW) {
            let claims: Map<String, Value> = check(token, STORE_SECRET);
            assert_eq!(claims["aud"], pass.store.as_str());
            assert_eq!(claims["scope"], pass.access.as_str());
            assert!(claims.get("nbf").is_none_or(has_begun), "not yet");
            assert!(pass.expires.is_none_or(|end| end > NOW), "it is over");
            let subject = pass.token.map(|token| token.subject);
            assert_eq!(claims["sub"].as_str(), subject.as_deref());
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    alg: Value,
    crit: Value,
}

/// What counts of the claims of an app's token. What nobody asks for need not be UTF-8, nor a
/// number that there is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Shown {
    iss: Value,
    sub: Value,
    aud: Value,
    exp: Value,
    nbf: Value,
}

/// The claims of a token that must be good.
fn check<T: DeserializeOwned + Default>(token: &str, secret: &str) -> T {
    let (signed, signature) = token.rsplit_once('.').unwrap_or_default();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    assert_eq!(signature, mac(signed, secret), "signed by somebody else");
    let (header, claims) = signed.split_once('.').unwrap_or_default();
    let header: Header = read(header);
    assert_eq!(header.alg, "HS256");
    assert!(header.crit.is_null(), "not understood");
    read(claims)
}

fn has_begun(nbf: &Value) -> bool {
    nbf.as_f64().is_none_or(|begins| begins <= SECONDS)
}

fn read<T: DeserializeOwned + Default>(part: &str) -> T {
    let json = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    let read = serde_json::from_str(&String::from_utf8_lossy(&json));
    assert!(read.is_ok(), "no JSON");
    read.unwrap_or_default()
}

fn mac(message: &str, secret: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    mac.map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}
