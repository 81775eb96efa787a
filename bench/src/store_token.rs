//! Tokens that let a client into an SDS store.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;

/// What servers of stores are started with.
pub(crate) const STORE_SECRET: &str = "bench-sds-secret-0123456789abcdef";

/// A token that never ends, to write to this store. Equal for equal names.
pub(crate) fn store_token(store: &str) -> String {
    let header = json!({ "alg": "HS256" });
    let claims = json!({ "sub": "bench", "aud": store, "scope": "write" });
    let [header, claims] = [header, claims].map(|part| encoded(part.to_string().as_bytes()));
    let signed = format!("{header}.{claims}");
    let signature = encoded(&signature_of(&signed));
    format!("{signed}.{signature}")
}

fn signature_of(text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new(&key());
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The secret as the block that HMAC pads it to.
fn key() -> hmac::digest::Key<Hmac<Sha256>> {
    let mut key = hmac::digest::Key::<Hmac<Sha256>>::default();
    key[..STORE_SECRET.len()].copy_from_slice(STORE_SECRET.as_bytes());
    key
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_signed_as_others_sign_it() {
        let token = store_token("store");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(STORE_SECRET.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        mac.verify_slice(&signature).unwrap();
    }
}
