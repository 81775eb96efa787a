//! SDS stores: their tokens, as the original server issues them, and what the owner does with them.

use super::{Answer, Failure, HttpRequest, HttpResponse};
use crate::Core;
use crate::grant::{Access, Refusal};
use crate::ids::{StoreName, Timestamp};
use crate::store::{self, Issued, MOST_REVOCATIONS, Revocation, Tokens};
use crate::{connect, store::StoreSettings};
use serde_json::{Value, json};

/// The largest body of a request for a token, in bytes.
const MOST_BYTES: usize = 64 << 10;
/// The longest text that a revocation names, in bytes.
const MOST_TEXT: usize = 1_024;

const TOO_MANY: Refusal = Refusal::new(
    409,
    "too_many_revocations",
    "there are as many revocations as there may be: delete old ones, or renew the secret",
);
const NO_SUCH_REVOCATION: Refusal = Refusal::new(
    404,
    "no_such_revocation",
    "there is no revocation of this id",
);

impl Core {
    /// Issues a token, as the original does: other shapes, other words.
    pub(super) fn store_token(&self, request: &HttpRequest, now: Timestamp) -> Answer {
        if request.method != "POST" {
            return Ok(not_found());
        }
        let issued = self.issue_store_token(request, now);
        Ok(match issued {
            Ok(token) => HttpResponse::json(200, &json!({ "token": token })),
            Err((status, error)) => HttpResponse::json(status, &json!({ "error": error })),
        })
    }

    fn issue_store_token(
        &self,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<String, (u16, &'static str)> {
        let StoreSettings {
            setup, revocations, ..
        } = &self.settings.stores;
        let Some(secret) = &setup.secret else {
            return Err((503, connect::STORES_OFF.message));
        };
        let authorization = request.header("authorization").unwrap_or_default();
        let token = authorization.strip_prefix("Bearer ");
        let token = token.ok_or((401, "missing token"))?;
        let pass = store::verify(token, setup, now);
        let pass = pass.filter(|pass| !pass.is_void(revocations, now));
        let pass = pass.ok_or((401, "invalid token"))?;
        if pass.access != Access::Admin {
            return Err((403, "admin scope required"));
        }
        if request.body.len() > MOST_BYTES {
            return Err((413, "the body has at most 64 KiB"));
        }
        let body: Value =
            serde_json::from_slice(&request.body).map_err(|_| (400, "invalid JSON body"))?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let (sub, scope) = text("sub")
            .zip(text("scope"))
            .ok_or((400, "sub and scope required"))?;
        let scope = serde_json::from_value(scope.into())
            .map_err(|_| (400, "scope must be read, write or admin"))?;
        let lifetime = store::parse_lifetime(body.get("exp"))
            .ok_or((400, "exp must be a time with a unit, like 1h or 7d"))?;
        let iat = now.0 / 1_000;
        let claims = Issued {
            sub,
            aud: pass.store.as_str(),
            scope,
            iat,
            exp: iat + lifetime,
            iss: setup.issuer.as_deref(),
        };
        store::issue(&claims, secret).ok_or((500, "the token can't be signed"))
    }

    pub(super) fn store(&mut self, id: &str, request: &HttpRequest, now: Timestamp) -> Answer {
        self.check_admin(request, now)?;
        if request.method != "DELETE" {
            return Err(Failure::method_not_allowed("DELETE"));
        }
        let id = connect::decode_segment(id);
        let store = StoreName::parse(&id).ok_or(connect::INVALID_STORE)?;
        if request.parameter("confirm").as_deref() != Some(store.as_str()) {
            let message = "this deletes all that is in it: say ?confirm=<store>";
            return Err(Failure::new(400, "confirmation_required", message));
        }
        self.stores.remove(&store, now, &mut self.effects);
        Ok(HttpResponse::json(202, &json!({ "deleted": store })))
    }

    pub(super) fn revocations(&mut self, request: &HttpRequest, now: Timestamp) -> Answer {
        self.check_admin(request, now)?;
        match request.method.as_str() {
            "GET" => {
                let all = &self.settings.stores.revocations;
                Ok(HttpResponse::json(200, &json!({ "revocations": all })))
            }
            "POST" => self.revoke(request.json()?, now),
            _ => Err(Failure::method_not_allowed("GET, POST")),
        }
    }

    fn revoke(&mut self, tokens: Tokens, now: Timestamp) -> Answer {
        let (Tokens::Id { jti: text } | Tokens::Subject { sub: text, .. }) = &tokens;
        if text.len() > MOST_TEXT {
            return Err(Failure::bad_request("jti and sub have at most 1024 bytes"));
        }
        let settings = &mut self.settings.stores;
        if settings.revocations.len() >= MOST_REVOCATIONS {
            return Err(TOO_MANY.into());
        }
        settings.last_revocation += 1;
        let revocation = Revocation {
            id: settings.last_revocation,
            tokens,
            created: now.0,
        };
        let body = json!(revocation);
        settings.revocations.push(revocation);
        self.expel_from_stores(now);
        self.save(now);
        Ok(HttpResponse::json(201, &body))
    }

    pub(super) fn revocation(&mut self, id: &str, request: &HttpRequest, now: Timestamp) -> Answer {
        self.check_admin(request, now)?;
        if request.method != "DELETE" {
            return Err(Failure::method_not_allowed("DELETE"));
        }
        let revocations = &mut self.settings.stores.revocations;
        let id: u64 = id.parse().map_err(|_| NO_SUCH_REVOCATION)?;
        let mut ids = revocations.iter().map(|revocation| revocation.id);
        let index = ids.position(|own| own == id).ok_or(NO_SUCH_REVOCATION)?;
        revocations.remove(index);
        self.save(now);
        Ok(HttpResponse::json(200, &json!({ "deleted": id })))
    }
}

/// What the original says of whatever it doesn't have.
pub(super) fn not_found() -> HttpResponse {
    let body = "404 Not Found".to_owned();
    HttpResponse::new(404, "text/plain; charset=UTF-8", body)
}
