//! The apps that are registered: whose pages they are, their secrets, their limits.

use crate::Durability;
use crate::auth::Secrets;
use crate::grant::{Basis, Grant, Refusal};
use crate::ids::{AppId, Timestamp};
use crate::limits::AppLimitSettings;
use crate::origin::{Origin, OriginPattern};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most secrets that an app has at a time.
pub(crate) const MOST_SECRETS: usize = 8;
/// The most apps.
pub(crate) const MOST_APPS: usize = 1_000;

pub(crate) const ORIGIN_NOT_REGISTERED: Refusal = Refusal::new(
    403,
    "origin_not_registered",
    "this page's origin is not registered with an app",
);

/// The pages that a developer's own machine serves.
const LOCAL_ORIGINS: [&str; 3] = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];

/// All apps.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registry {
    apps: BTreeMap<AppId, App>,
    /// The number of the last app that was registered: none is used twice.
    #[serde(default)]
    last_number: u64,
}

/// One app.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct App {
    pub(crate) id: AppId,
    /// Tells it from one that had its id before.
    pub(crate) number: u64,
    #[serde(flatten)]
    pub(crate) profile: Profile,
    pub(crate) created_at: u64,
    /// By their ids; the last one signs.
    secrets: Vec<Secret>,
    /// The id of the last one that was made: none is used twice.
    last_secret: u32,
    /// Whether it is about to be gone: its documents are being deleted.
    #[serde(default)]
    pub(crate) is_leaving: bool,
}

/// What the owner says about an app.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) allowed_origins: Vec<OriginPattern>,
    pub(crate) description: Option<String>,
    pub(crate) owner_email: Option<String>,
    /// Whether the master token isn't enough.
    pub(crate) require_app_token: bool,
    /// How its documents are kept; `None` as the server's.
    pub(crate) durability: Option<Durability>,
    pub(crate) limits: AppLimitSettings,
}

/// What an app's tokens are signed with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Secret {
    pub(crate) id: u32,
    pub(crate) value: String,
    pub(crate) created_at: u64,
    pub(crate) expires_at: Option<u64>,
}

impl Registry {
    /// What is there at the very first start: an app for pages on the machine itself.
    pub(crate) fn initial(now: Timestamp, secrets: &mut Secrets) -> Self {
        let origins = LOCAL_ORIGINS.iter();
        let profile = Profile {
            name: "Default".to_owned(),
            allowed_origins: origins
                .filter_map(|origin| OriginPattern::parse(origin).ok())
                .collect(),
            description: Some("pages on this machine".to_owned()),
            owner_email: None,
            require_app_token: false,
            durability: None,
            limits: AppLimitSettings::default(),
        };
        let mut registry = Self::default();
        registry.add(AppId::default_app(), profile, now, secrets);
        registry
    }

    /// Adds an app; its secret, which isn't shown again.
    pub(crate) fn add(
        &mut self,
        id: AppId,
        profile: Profile,
        now: Timestamp,
        secrets: &mut Secrets,
    ) -> String {
        self.last_number += 1;
        let mut app = App {
            id: id.clone(),
            number: self.last_number,
            profile,
            created_at: now.0,
            secrets: Vec::new(),
            last_secret: 0,
            is_leaving: false,
        };
        let (_, secret) = app.add_secret(now, secrets);
        self.apps.insert(id, app);
        secret
    }

    pub(crate) fn remove(&mut self, id: &AppId) {
        self.apps.remove(id);
    }

    pub(crate) fn len(&self) -> usize {
        self.apps.len()
    }

    /// An app, even one that is leaving.
    pub(crate) fn get(&self, id: &AppId) -> Option<&App> {
        self.apps.get(id)
    }

    /// An app that isn't leaving.
    pub(crate) fn active(&self, id: &AppId) -> Option<&App> {
        self.apps.get(id).filter(|app| !app.is_leaving)
    }

    /// The same, to change it.
    pub(crate) fn active_mut(&mut self, id: &AppId) -> Option<&mut App> {
        self.apps.get_mut(id).filter(|app| !app.is_leaving)
    }

    /// All apps, by their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &App> {
        self.apps.values()
    }

    /// The app whose pages have this origin.
    pub(crate) fn of_origin(&self, origin: &Origin) -> Option<&App> {
        let mut active = self.apps.values().filter(|app| !app.is_leaving);
        active.find(|app| app.has_origin(origin))
    }

    /// An app other than `except` to which some origin of `pattern` belongs.
    pub(crate) fn owner_of(&self, pattern: &OriginPattern, except: Option<&AppId>) -> Option<&App> {
        self.apps.values().find(|app| {
            let mut origins = app.profile.allowed_origins.iter();
            Some(&app.id) != except && origins.any(|own| own.overlaps(pattern))
        })
    }

    /// Whether what `grant` rests on still holds; if not, why.
    pub(crate) fn check(&self, grant: &Grant, now: Timestamp) -> Result<(), Refusal> {
        let app = self.active(&grant.app);
        let Some(app) = app.filter(|app| app.number == grant.number) else {
            return Err(Refusal::new(403, "no_such_app", "the app is gone"));
        };
        if grant
            .origin
            .as_ref()
            .is_some_and(|origin| !app.has_origin(origin))
        {
            return Err(ORIGIN_NOT_REGISTERED);
        }
        match grant.basis {
            Basis::Master if app.profile.require_app_token => Err(Refusal::new(
                401,
                "app_token_required",
                "this app takes app tokens only, not the master token",
            )),
            Basis::Secret(id) if !app.secrets(now).any(|secret| secret.id == id) => Err(
                Refusal::new(401, "invalid_token", "the app's secret has been replaced"),
            ),
            Basis::Master | Basis::Secret(_) | Basis::Owner => Ok(()),
        }
    }
}

impl App {
    pub(crate) fn has_origin(&self, origin: &Origin) -> bool {
        let mut origins = self.profile.allowed_origins.iter();
        origins.any(|pattern| pattern.matches(origin))
    }

    /// The secrets that hold now.
    pub(crate) fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().filter(move |secret| secret.holds(now))
    }

    /// The secrets, also those that have ended.
    pub(crate) fn all_secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.iter()
    }

    /// Adds a secret, which signs from now on: its id and its text.
    pub(crate) fn add_secret(&mut self, now: Timestamp, secrets: &mut Secrets) -> (u32, String) {
        let value = secrets.next();
        self.last_secret += 1;
        self.secrets.push(Secret {
            id: self.last_secret,
            value: value.clone(),
            created_at: now.0,
            expires_at: None,
        });
        (self.last_secret, value)
    }

    /// Lets the secrets that are there end after `overlap` milliseconds at the latest, and
    /// forgets those that have ended.
    pub(crate) fn expire_secrets(&mut self, now: Timestamp, overlap: u64) {
        let end = now.after(overlap).0;
        self.secrets.retain(|secret| secret.holds(now));
        for secret in &mut self.secrets {
            secret.expires_at = Some(secret.expires_at.map_or(end, |own| own.min(end)));
        }
    }

    /// Takes a secret away; whether there was one.
    pub(crate) fn remove_secret(&mut self, id: u32) -> bool {
        let before = self.secrets.len();
        self.secrets.retain(|secret| secret.id != id);
        self.secrets.len() < before
    }

    /// When the secret of this number ends, if that is known.
    pub(crate) fn secret_end(&self, id: u32) -> Option<Timestamp> {
        let secret = self.secrets.iter().find(|secret| secret.id == id)?;
        secret.expires_at.map(Timestamp)
    }
}

impl Secret {
    fn holds(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| Timestamp(end) > now)
    }
}
