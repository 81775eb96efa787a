//! What is in use: rooms and stores in memory.

use super::{Answer, Failure, HttpRequest, HttpResponse};
use crate::Core;
use crate::ids::Timestamp;
use serde_json::{Value, json};

/// The most that are listed.
const MOST: usize = 10_000;

impl Core {
    pub(super) fn list_rooms(&self, request: &HttpRequest, now: Timestamp) -> Answer {
        let rooms = self.documents.room_usage().take(MOST).map(|usage| {
            json!({
                "app": usage.id.app,
                "room": usage.id.room.as_str(),
                "connections": usage.connections,
                "bytes": usage.bytes,
                "messages": usage.messages,
                "last_change": usage.last_change.map(|at| at.0),
            })
        });
        self.list("rooms", rooms, request, now)
    }

    pub(super) fn list_stores(&self, request: &HttpRequest, now: Timestamp) -> Answer {
        let stores = self.stores.usage().take(MOST).map(|usage| {
            json!({
                "store": usage.store,
                "connections": usage.connections,
                "bytes": usage.bytes,
                "messages": usage.messages,
                "last_change": usage.last_change.map(|at| at.0),
            })
        });
        self.list("stores", stores, request, now)
    }

    fn list(
        &self,
        name: &str,
        items: impl Iterator<Item = Value>,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Answer {
        self.check_admin(request, now)?;
        if request.method != "GET" {
            return Err(Failure::method_not_allowed("GET"));
        }
        let items: Vec<_> = items.collect();
        Ok(HttpResponse::json(200, &json!({ name: items })))
    }
}
