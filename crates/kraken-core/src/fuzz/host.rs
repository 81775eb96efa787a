//! A host for a core: its storage keeps nothing and answers at once.

use crate::ids::{RequestId, Timestamp};
use crate::{
    Config, Core, Effect, Event, HttpRequest, HttpResponse, Limits, SetupRequest, StoreSetup,
};
use std::borrow::Cow;

pub(super) const MASTER: &str = "master";
pub(super) const ADMIN: &str = "admin";
/// Signs tokens of stores.
pub(super) const STORE_SECRET: &str = "a secret of at least 32 characters";

pub(super) struct Host {
    pub(super) core: Core,
    pub(super) now: Timestamp,
}

impl Host {
    /// A host at the first start of a server, with an engine.
    pub(super) fn new() -> Self {
        let now = Timestamp(1_700_000_000_000);
        let mut core = Core::new(Config {
            limits: Limits::default(),
            settings: None,
            seed: [1; 32],
            pages: [("index.html".to_owned(), "<p>".into())].into(),
            stopwatch: || 0,
            now,
        });
        let request = SetupRequest {
            master_token: Some(MASTER.to_owned()),
            admin_token: Some(ADMIN.to_owned()),
            stores: Some(StoreSetup {
                secret: Some(STORE_SECRET.to_owned()),
                ..StoreSetup::default()
            }),
            ..SetupRequest::default()
        };
        assert!(core.set_up(&request, now).is_ok(), "can't be set up");
        let mut host = Self { core, now };
        host.handle(Event::EngineUp { is_up: true });
        host
    }

    /// What is to be done after an event, but for what storage does.
    pub(super) fn handle(&mut self, event: Event) -> Vec<Effect> {
        self.core.handle(self.now, event);
        self.carry_out()
    }

    /// What is to be done as time passes.
    pub(super) fn wait(&mut self, millis: u64) -> Vec<Effect> {
        self.now = self.now.after(millis);
        self.core.handle_timeout(self.now);
        self.carry_out()
    }

    /// The answer to a request, if there is one at once.
    pub(super) fn ask(&mut self, http: HttpRequest) -> Option<HttpResponse> {
        let request = RequestId(u64::MAX);
        let effects = self.handle(Event::Request { request, http });
        effects.into_iter().find_map(|effect| match effect {
            Effect::Respond { response, .. } => Some(response),
            _ => None,
        })
    }

    fn carry_out(&mut self) -> Vec<Effect> {
        let mut rest = Vec::new();
        loop {
            let effects: Vec<_> = self.core.drain_effects().collect();
            if effects.is_empty() {
                return rest;
            }
            for effect in effects {
                match effect {
                    Effect::Store(request) => {
                        let id = request.id;
                        let reply = request.operation.answer_of_nothing();
                        self.core.handle(self.now, Event::Stored { id, reply });
                    }
                    effect => rest.push(effect),
                }
            }
        }
    }
}

/// What stands between tabs.
pub(super) struct Fields<'a>(Vec<Cow<'a, str>>);

impl<'a> Fields<'a> {
    pub(super) fn of(line: &'a [u8]) -> Self {
        let fields = line.split(|&byte| byte == b'\t');
        Self(fields.map(String::from_utf8_lossy).collect())
    }

    pub(super) fn text(&self, index: usize) -> String {
        self.some(index).unwrap_or_default()
    }

    /// A field that isn't empty.
    pub(super) fn some(&self, index: usize) -> Option<String> {
        let field = self.0.get(index).filter(|field| !field.is_empty());
        field.map(|field| field.clone().into_owned())
    }
}
