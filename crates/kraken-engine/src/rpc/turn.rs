//! Credentials for a TURN server that shares a secret with the engine.

use crate::config::TurnConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use std::time::{Duration, SystemTime};

/// How long credentials are valid.
const VALIDITY: Duration = Duration::from_secs(3_600);

/// The ICE servers for a user, with credentials that are valid for an hour.
pub(super) fn servers(turn: Option<&TurnConfig>, user: &str, now: SystemTime) -> Value {
    let Some(TurnConfig { host, secret }) = turn else {
        return json!([]);
    };
    let until = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        + VALIDITY;
    let username = format!("{}:{user}", until.as_secs());
    let credential = credential(secret, &username);
    let server = |transport: &str| {
        json!({
            "urls": format!("{host}?transport={transport}"),
            "credential": credential,
            "username": username,
        })
    };
    json!([server("udp"), server("tcp")])
}

fn credential(secret: &str, username: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) else {
        // HMAC takes keys of any length.
        return String::new();
    };
    mac.update(username.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn en3_credentials_are_what_coturn_computes() {
        let turn = TurnConfig {
            host: "turn:turn.example.com:443".to_owned(),
            secret: "north".to_owned(),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_433_891_817);
        let servers = servers(Some(&turn), "user", now);
        assert_eq!(servers[0]["username"], "1433895417:user");
        assert_eq!(
            servers[0]["urls"],
            "turn:turn.example.com:443?transport=udp"
        );
        assert_eq!(
            servers[1]["urls"],
            "turn:turn.example.com:443?transport=tcp"
        );
        // echo -n 1433895417:user | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(servers[0]["credential"], "mmoFeeEIUINNJH431ECaufnE43Y=");
    }

    #[test]
    fn en3_without_a_turn_server_there_are_none() {
        assert_eq!(servers(None, "user", SystemTime::now()), json!([]));
    }
}
