//! What concerns the whole server: its health, its metrics, its settings, its link.

use super::{Answer, Failure, HttpRequest, HttpResponse, Way, nullable, present};
use crate::auth::TokenHash;
use crate::ids::Timestamp;
use crate::metrics::Text;
use crate::{Core, Durability, LimitSettings, StoreSetup};
use serde::Deserialize;
use serde_json::{Value, json};

/// What an owner may change. What is absent stays, what is null goes back to its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsChange {
    #[serde(default, deserialize_with = "nullable")]
    durability: Option<Durability>,
    #[serde(default, deserialize_with = "nullable")]
    tickets_for_everyone: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    limits: Option<LimitSettings>,
    #[serde(default, deserialize_with = "present")]
    sds: Option<Option<StoreChange>>,
}

/// What an owner may change about stores, likewise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreChange {
    #[serde(default, deserialize_with = "present")]
    secret: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    issuer: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    persist: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    store_bytes: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    retention_days: Option<Option<u32>>,
}

impl StoreChange {
    fn apply(self, setup: &StoreSetup) -> StoreSetup {
        StoreSetup {
            secret: self.secret.unwrap_or_else(|| setup.secret.clone()),
            issuer: self.issuer.unwrap_or_else(|| setup.issuer.clone()),
            persist: self.persist.unwrap_or(setup.persist),
            store_bytes: self.store_bytes.unwrap_or(setup.store_bytes),
            retention_days: self.retention_days.unwrap_or(setup.retention_days),
        }
    }
}

/// A credential to be replaced, or made for the first time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renewal {
    renew: Credential,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Credential {
    Master,
    Admin,
}

impl Core {
    pub(super) fn health(&self, request: &HttpRequest) -> Answer {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Err(Failure::method_not_allowed("GET, HEAD"));
        }
        let is_failing = self.is_storage_failing();
        let status = match (self.settings.credentials.is_set_up(), is_failing) {
            (true, false) => "ok",
            (true, true) => "degraded",
            (false, _) => "not set up",
        };
        let body = json!({
            "status": status,
            "version": env!("CARGO_PKG_VERSION"),
            "storage": if is_failing { "failing" } else { "ok" },
            "link": if self.is_linked { "up" } else { "down" },
            "engine": if self.calls.has_engine() { "on" } else { "off" },
            "connections": self.documents.connections() + self.stores.connections(),
            "rooms": self.documents.rooms(),
            "stores": self.stores.rooms(),
        });
        let code = if status == "ok" { 200 } else { 503 };
        Ok(HttpResponse::json(code, &body))
    }

    pub(super) fn metrics(&self, request: &HttpRequest, now: Timestamp) -> Answer {
        if !request.is_local() {
            self.check_admin(request, now)?;
        }
        if request.method != "GET" {
            return Err(Failure::method_not_allowed("GET"));
        }
        let mut text = Text::new();
        let connections = self.documents.connections();
        text.gauge("kraken_connections", "Connections in rooms.", connections);
        text.gauge("kraken_rooms", "Rooms in memory.", self.documents.rooms());
        let stores = self.stores.connections();
        let help = "Connections in stores, those for signalling too.";
        text.gauge("kraken_store_connections", help, stores);
        let help = "Stores in memory, and their signalling.";
        text.gauge("kraken_stores", help, self.stores.rooms());
        let help = "Bytes of values in parts that aren't complete.";
        text.gauge("kraken_store_chunk_bytes", help, self.stores.chunk_bytes());
        let members = self.calls.members();
        text.gauge("kraken_call_members", "Members of calls.", members);
        text.gauge("kraken_calls", "Rooms with a call.", self.calls.rooms());
        let help = "Members of calls that have come, or come back.";
        text.counter("kraken_call_joins_total", help, self.calls.joins());
        let help = "Whether there is a media engine.";
        text.gauge("kraken_engine_up", help, u8::from(self.calls.has_engine()));
        let unstored = self.documents.unstored() + self.stores.unstored();
        text.gauge(
            "kraken_unstored_bytes",
            "Bytes that wait for storage.",
            unstored,
        );
        let congested = u8::from(self.is_congested());
        text.gauge(
            "kraken_congested",
            "Whether input waits for storage.",
            congested,
        );
        let failing = u8::from(self.is_storage_failing());
        text.gauge("kraken_storage_failing", "Whether storage fails.", failing);
        let help = "How long storage takes to answer.";
        text.latency("kraken_storage_seconds", help, self.documents.latency());
        let help = "How long storage takes to answer for stores.";
        text.latency("kraken_store_storage_seconds", help, self.stores.latency());
        text.counters(&self.counters);
        let starts = self.settings.starts;
        text.counter(
            "kraken_process_starts_total",
            "Starts of the process.",
            starts,
        );
        let started = self.started.0 / 1_000;
        let help = "When the process started, in seconds since the epoch.";
        text.gauge("kraken_process_start_time_seconds", help, started);
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        Ok(HttpResponse::new(200, kind, text.into_string()))
    }

    pub(super) fn renew_credentials(&mut self, request: &HttpRequest, now: Timestamp) -> Answer {
        self.check_admin(request, now)?;
        if request.method != "POST" {
            return Err(Failure::method_not_allowed("POST"));
        }
        let Renewal { renew } = request.json()?;
        let token = self.secrets.next();
        let credentials = &mut self.settings.credentials;
        let last_master = credentials.master.clone();
        let (name, hash) = match renew {
            Credential::Master => ("master_token", &mut credentials.master),
            Credential::Admin => ("admin_token", &mut credentials.admin),
        };
        *hash = Some(TokenHash::of(&token));
        self.credentials_changed(last_master.as_ref(), now);
        self.save(now);
        Ok(HttpResponse::json(201, &json!({ name: token })))
    }

    pub(super) fn server_settings(&mut self, request: &HttpRequest, now: Timestamp) -> Answer {
        self.check_admin(request, now)?;
        match request.method.as_str() {
            "GET" => {}
            "PATCH" => self.change_settings(request.json()?, now)?,
            _ => return Err(Failure::method_not_allowed("GET, PATCH")),
        }
        Ok(HttpResponse::json(200, &self.settings_json()))
    }

    fn change_settings(&mut self, change: SettingsChange, now: Timestamp) -> Result<(), Failure> {
        let settings = &mut self.settings;
        let stores = change.sds.map(|change| match change {
            Some(change) => change.apply(&settings.stores.setup),
            None => StoreSetup::default(),
        });
        if let Some(stores) = &stores {
            let checked = stores.check();
            checked.map_err(|message| Failure::new(400, "invalid_sds", message))?;
        }
        if let Some(limits) = change.limits {
            let checked = limits.check();
            checked.map_err(|message| Failure::new(400, "invalid_limit", message))?;
            settings.limits = limits;
        }
        if let Some(durability) = change.durability {
            settings.durability = durability;
        }
        if let Some(allowed) = change.tickets_for_everyone {
            settings.tickets_for_everyone = allowed;
        }
        if let Some(stores) = stores {
            self.set_up_stores(stores, now);
        }
        self.save(now);
        Ok(())
    }

    fn settings_json(&self) -> Value {
        let stores = &self.settings.stores.setup;
        json!({
            "durability": self.settings.durability,
            "tickets_for_everyone": self.settings.tickets_for_everyone,
            "limits": self.settings.limits,
            "sds": {
                "configured": stores.secret.is_some(),
                "issuer": stores.issuer,
                "persist": stores.persist,
                "store_bytes": stores.store_bytes,
                "retention_days": stores.retention_days,
            },
        })
    }

    pub(super) fn link(&mut self, request: &HttpRequest, now: Timestamp) -> Answer {
        self.check_admin(request, now)?;
        match request.method.as_str() {
            "GET" => {}
            "POST" => {
                self.settings.link_key = self.secrets.next();
                self.is_link_key_new = true;
                self.save(now);
            }
            _ => return Err(Failure::method_not_allowed("GET, POST")),
        }
        let body = json!({
            "key": self.settings.link_key,
            "connected": self.is_linked && !self.is_link_key_new,
        });
        Ok(HttpResponse::json(200, &body))
    }
}

impl HttpRequest {
    /// Whether the owner of the node asks, whom the node has recognized.
    pub(super) fn is_of_owner(&self) -> bool {
        self.way == Way::Owner
    }
}
