//! The registry of apps, their secrets and tokens.

use super::{Answer, Failure, HttpRequest, HttpResponse, NO_SUCH_APP, nullable, present};
use crate::grant::{Access, Refusal};
use crate::ids::{AppId, Timestamp};
use crate::origin::OriginPattern;
use crate::registry::{App, MOST_APPS, MOST_SECRETS, Profile};
use crate::token::{self, Claims, OneOrMany};
use crate::{AppLimitSettings, Core, Durability};
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest name and description, in bytes, and the most origins of one app.
const MOST_NAME: usize = 200;
const MOST_DESCRIPTION: usize = 2_000;
const MOST_ORIGINS: usize = 100;
/// How long an earlier secret goes on to hold when a new one is made, in seconds.
const DEFAULT_OVERLAP: u64 = 86_400;
/// How long a token holds, in seconds, and the longest that it may.
const DEFAULT_LIFETIME: u64 = 3_600;
const MOST_LIFETIME: u64 = 365 * 86_400;

const NO_SUCH_SECRET: Refusal = Refusal::new(404, "no_such_secret", "there is no such secret");

/// An app to be registered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewApp {
    app_id: String,
    name: String,
    allowed_origins: Vec<String>,
    description: Option<String>,
    owner_email: Option<String>,
    #[serde(default)]
    require_app_token: bool,
    durability: Option<Durability>,
    limits: Option<AppLimitSettings>,
}

/// What is to change. What is absent stays, what is null goes back to its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppChange {
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    allowed_origins: Option<Vec<String>>,
    #[serde(default, deserialize_with = "nullable")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    owner_email: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    require_app_token: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    durability: Option<Option<Durability>>,
    #[serde(default, deserialize_with = "nullable")]
    limits: Option<AppLimitSettings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    overlap_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    sub: String,
    aud: OneOrMany,
    scope: Option<Access>,
    expires_in: Option<u64>,
}

impl Core {
    pub(super) fn apps(&mut self, request: &HttpRequest, now: Timestamp) -> Answer {
        self.check_admin(request, now)?;
        match request.method.as_str() {
            "GET" => {
                let apps = self.settings.registry.iter().map(|app| self.app_json(app));
                let apps: Vec<_> = apps.collect();
                Ok(HttpResponse::json(200, &json!({ "apps": apps })))
            }
            "POST" => self.register(request.json()?, now),
            _ => Err(Failure::method_not_allowed("GET, POST")),
        }
    }

    pub(super) fn app(&mut self, id: &str, request: &HttpRequest, now: Timestamp) -> Answer {
        match request.method.as_str() {
            "GET" => {
                let id = self.administered(id, request, now)?;
                self.show(&id, 200)
            }
            "PATCH" => {
                let id = self.known(id, request, now)?;
                self.change(&id, request.json()?, now)
            }
            "DELETE" => {
                let id = self.known(id, request, now)?;
                self.delete(&id, request, now)
            }
            _ => Err(Failure::method_not_allowed("GET, PATCH, DELETE")),
        }
    }

    pub(super) fn app_secrets(
        &mut self,
        id: &str,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Answer {
        let id = self.known(id, request, now)?;
        if request.method != "POST" {
            return Err(Failure::method_not_allowed("POST"));
        }
        let rotation: Rotation = request.json()?;
        let overlap = rotation.overlap_seconds.unwrap_or(DEFAULT_OVERLAP);
        let app = self.settings.registry.active_mut(&id).ok_or(NO_SUCH_APP)?;
        if app.secrets(now).count() >= MOST_SECRETS {
            let message = format!("an app has at most {MOST_SECRETS} secrets, delete one");
            return Err(Failure::new(409, "too_many_secrets", message));
        }
        app.expire_secrets(now, overlap.saturating_mul(1_000));
        let (number, secret) = app.add_secret(now, &mut self.secrets);
        self.app_changed(&id, now);
        let body = json!({ "id": number, "secret": secret });
        Ok(HttpResponse::json(201, &body))
    }

    pub(super) fn app_secret(
        &mut self,
        id: &str,
        number: &str,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Answer {
        let id = self.known(id, request, now)?;
        if request.method != "DELETE" {
            return Err(Failure::method_not_allowed("DELETE"));
        }
        let app = self.settings.registry.active_mut(&id).ok_or(NO_SUCH_APP)?;
        let is_removed = number.parse().is_ok_and(|number| app.remove_secret(number));
        if !is_removed {
            return Err(NO_SUCH_SECRET.into());
        }
        self.app_changed(&id, now);
        self.show(&id, 200)
    }

    pub(super) fn app_tokens(&mut self, id: &str, request: &HttpRequest, now: Timestamp) -> Answer {
        let id = self.administered(id, request, now)?;
        if request.method != "POST" {
            return Err(Failure::method_not_allowed("POST"));
        }
        let wanted: TokenRequest = request.json()?;
        let lifetime = wanted.expires_in.unwrap_or(DEFAULT_LIFETIME);
        if !(1..=MOST_LIFETIME).contains(&lifetime) {
            let message = format!("expires_in is a number of seconds from 1 to {MOST_LIFETIME}");
            return Err(Failure::bad_request(message));
        }
        if !wanted.aud.iter().any(|room| !room.is_empty()) {
            let message = "aud names no room: it is a room, prefix/*, *, or a list of these";
            return Err(Failure::bad_request(message));
        }
        let scope = wanted.scope.unwrap_or(Access::Write);
        let claims = Claims {
            iss: id.as_str().to_owned(),
            sub: wanted.sub,
            aud: wanted.aud,
            scope: Some(scope.as_str().to_owned()),
            exp: now.0 / 1_000 + lifetime,
            nbf: None,
        };
        let app = self.settings.registry.active(&id).ok_or(NO_SUCH_APP)?;
        let secret = app.secrets(now).last().ok_or(NO_SUCH_SECRET)?;
        let token = token::sign(&claims, &secret.value)
            .ok_or_else(|| Failure::bad_request("the claims can't be signed"))?;
        let body = json!({ "token": token, "expires_at": claims.exp * 1_000 });
        Ok(HttpResponse::json(201, &body))
    }

    fn register(&mut self, new: NewApp, now: Timestamp) -> Answer {
        let id = AppId::parse(&new.app_id).ok_or_else(|| {
            Failure::new(400, "invalid_app_id", "app_id is 1 to 64 of a-z, 0-9 and -")
        })?;
        if let Some(app) = self.settings.registry.get(&id) {
            return Err(match app.is_leaving {
                true => Failure::new(409, "app_being_deleted", "it is about to be gone"),
                false => Failure::new(409, "app_exists", "there is an app with this id"),
            });
        }
        if self.settings.registry.len() >= MOST_APPS {
            let message = format!("there may be at most {MOST_APPS} apps");
            return Err(Failure::new(409, "too_many_apps", message));
        }
        let profile = Profile {
            name: new.name,
            allowed_origins: self.origins(&new.allowed_origins, None)?,
            description: new.description,
            owner_email: new.owner_email,
            require_app_token: new.require_app_token,
            durability: new.durability,
            limits: new.limits.unwrap_or_default(),
        };
        check(&profile)?;
        let registry = &mut self.settings.registry;
        let secret = registry.add(id.clone(), profile, now, &mut self.secrets);
        self.save(now);
        let app = self.settings.registry.active(&id).ok_or(NO_SUCH_APP)?;
        let mut body = self.app_json(app);
        body["secret"] = secret.into();
        Ok(HttpResponse::json(201, &body))
    }

    fn change(&mut self, id: &AppId, change: AppChange, now: Timestamp) -> Answer {
        let app = self.settings.registry.active(id).ok_or(NO_SUCH_APP)?;
        let mut profile = app.profile.clone();
        if let Some(origins) = &change.allowed_origins {
            profile.allowed_origins = self.origins(origins, Some(id))?;
        }
        let set = |field: &mut Option<String>, new| {
            if let Some(new) = new {
                *field = new;
            }
        };
        set(&mut profile.description, change.description);
        set(&mut profile.owner_email, change.owner_email);
        profile.name = change.name.unwrap_or(profile.name);
        profile.require_app_token = change
            .require_app_token
            .unwrap_or(profile.require_app_token);
        profile.durability = change.durability.unwrap_or(profile.durability);
        if let Some(limits) = change.limits {
            profile.limits = limits;
        }
        check(&profile)?;
        if let Some(app) = self.settings.registry.active_mut(id) {
            app.profile = profile;
        }
        self.app_changed(id, now);
        self.show(id, 200)
    }

    fn delete(&mut self, id: &AppId, request: &HttpRequest, now: Timestamp) -> Answer {
        if request.parameter("confirm").as_deref() != Some(id.as_str()) {
            let message = format!("this deletes all its documents: say ?confirm={id}");
            return Err(Failure::new(400, "confirmation_required", message));
        }
        if let Some(app) = self.settings.registry.active_mut(id) {
            app.is_leaving = true;
        }
        self.app_changed(id, now);
        self.documents.remove_app(id, now, &mut self.effects);
        Ok(HttpResponse::json(202, &json!({ "deleted": id })))
    }

    /// Puts a change of an app into force, also for who is connected.
    fn app_changed(&mut self, id: &AppId, now: Timestamp) {
        self.save(now);
        let registry = &self.settings.registry;
        let expelled = self.connections.recheck(id, registry, now);
        let over = self.visits.recheck(id, registry, now);
        self.expel(expelled, now);
        self.end_visits(over);
    }

    /// The app of this id, for the owner.
    fn known(&self, id: &str, request: &HttpRequest, now: Timestamp) -> Result<AppId, Failure> {
        self.check_admin(request, now)?;
        let id = AppId::parse(id).ok_or(NO_SUCH_APP)?;
        match self.settings.registry.active(&id) {
            Some(_) => Ok(id),
            None => Err(NO_SUCH_APP.into()),
        }
    }

    /// The app of this id, for the owner and the app's own admins.
    fn administered(
        &self,
        id: &str,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<AppId, Failure> {
        match AppId::parse(id) {
            Some(id) if self.check_app_admin(&id, request, now).is_ok() => {
                match self.settings.registry.active(&id) {
                    Some(_) => Ok(id),
                    None => Err(NO_SUCH_APP.into()),
                }
            }
            _ => self.known(id, request, now),
        }
    }

    fn show(&self, id: &AppId, status: u16) -> Answer {
        let app = self.settings.registry.active(id).ok_or(NO_SUCH_APP)?;
        Ok(HttpResponse::json(status, &self.app_json(app)))
    }

    fn app_json(&self, app: &App) -> Value {
        let (connections, rooms) = self.documents.usage(&app.id);
        let secrets = app.all_secrets().map(|secret| {
            json!({
                "id": secret.id,
                "created_at": secret.created_at,
                "expires_at": secret.expires_at,
            })
        });
        json!({
            "app_id": app.id,
            "name": app.profile.name,
            "allowed_origins": app.profile.allowed_origins,
            "description": app.profile.description,
            "owner_email": app.profile.owner_email,
            "require_app_token": app.profile.require_app_token,
            "durability": app.profile.durability,
            "limits": app.profile.limits,
            "created_at": app.created_at,
            "secrets": secrets.collect::<Vec<_>>(),
            "connections": connections,
            "rooms": rooms,
            "being_deleted": app.is_leaving,
        })
    }

    /// Parses origins, and sees to it that they belong to no other app.
    fn origins(
        &self,
        origins: &[String],
        app: Option<&AppId>,
    ) -> Result<Vec<OriginPattern>, Failure> {
        if origins.len() > MOST_ORIGINS {
            let message = format!("an app has at most {MOST_ORIGINS} origins");
            return Err(Failure::new(400, "invalid_origin", message));
        }
        let parse = |text: &String| {
            let pattern = OriginPattern::parse(text).map_err(|error| {
                Failure::new(400, "invalid_origin", format!("{text:?}: {error}"))
            })?;
            match self.settings.registry.owner_of(&pattern, app) {
                Some(other) => {
                    let message = format!("{pattern} belongs to the app {}", other.id);
                    Err(Failure::new(409, "origin_taken", message))
                }
                None => Ok(pattern),
            }
        };
        origins.iter().map(parse).collect()
    }
}

/// Checks what can be wrong with an app apart from its id and origins.
fn check(profile: &Profile) -> Result<(), Failure> {
    let is_email = |email: &String| email.len() <= 254 && email.contains('@');
    let fits = |text: &String| text.len() <= MOST_DESCRIPTION;
    if profile.name.is_empty() || profile.name.len() > MOST_NAME {
        let message = format!("name has 1 to {MOST_NAME} bytes");
        return Err(Failure::bad_request(message));
    }
    if !profile.description.iter().all(fits) {
        let message = format!("description has at most {MOST_DESCRIPTION} bytes");
        return Err(Failure::bad_request(message));
    }
    if !profile.owner_email.iter().all(is_email) {
        return Err(Failure::bad_request("owner_email is no e-mail address"));
    }
    let limits = profile.limits.check();
    limits.map_err(|message| Failure::new(400, "invalid_limit", message))
}
