//! Tickets for sockets whose handshake isn't seen.

use super::{Answer, Failure, HttpRequest, HttpResponse, NO_SUCH_APP, Way};
use crate::connect::StoreProof;
use crate::grant::{Access, Audience, Basis, Grant, Refusal};
use crate::ids::{AppId, RoomName, StoreName, Timestamp};
use crate::store::Pass;
use crate::ticket::{self, Right};
use crate::{Core, connect};
use serde::Deserialize;
use serde_json::json;

const TOO_MANY_TICKETS: Refusal = Refusal::new(
    429,
    "too_many_tickets",
    "too many tickets are open, try again in a moment",
);

/// What a ticket is wanted for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TicketRequest {
    /// The only room that it opens; all that the asker may enter if there is none.
    room: Option<String>,
    /// The owner's alone: everybody else's is known.
    app: Option<String>,
    /// The store that it opens, instead of rooms.
    store: Option<String>,
}

impl Core {
    pub(super) fn issue_ticket(&mut self, request: &HttpRequest, now: Timestamp) -> Answer {
        if request.method != "POST" {
            return Err(Failure::method_not_allowed("POST"));
        }
        let wanted: TicketRequest = request.json()?;
        match &wanted.store {
            Some(store) if wanted.room.is_none() && wanted.app.is_none() => {
                self.issue_store_ticket(store, request, now)
            }
            Some(_) => Err(Failure::bad_request("a ticket is for a store or for rooms")),
            None => self.issue_room_ticket(&wanted, request, now),
        }
    }

    fn issue_store_ticket(&mut self, store: &str, request: &HttpRequest, now: Timestamp) -> Answer {
        let store = StoreName::parse(store).ok_or(connect::INVALID_STORE)?;
        let pass = match request.is_of_owner() {
            true => Pass::of_owner(store.clone()),
            false => {
                let proof = StoreProof::Token(request.bearer().map(str::to_owned));
                let Self {
                    settings, tickets, ..
                } = self;
                connect::check_store(&proof, &store, request.way, settings, tickets, now)??
            }
        };
        let ticket = self.issue(Right::Store(pass), now)?;
        let body = json!({
            "ticket": ticket,
            "expires_in": ticket::LIFETIME / 1_000,
            "store": store,
        });
        Ok(HttpResponse::json(201, &body))
    }

    fn issue(&mut self, right: Right, now: Timestamp) -> Result<String, Failure> {
        let issued = self.tickets.issue(right, now, &mut self.secrets);
        Ok(issued.ok_or(TOO_MANY_TICKETS)?)
    }

    fn issue_room_ticket(
        &mut self,
        wanted: &TicketRequest,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Answer {
        let mut grant = match request.is_of_owner() {
            true => self.owner_grant(wanted.app.as_deref())?,
            false => self.client_grant(request, wanted.app.as_deref(), now)?,
        };
        if let Some(room) = &wanted.room {
            let room = RoomName::parse(room)
                .ok_or_else(|| Failure::new(400, "invalid_room", "a room has 1 to 1024 bytes"))?;
            connect::check_room(&grant, &room)?;
            grant.audience = Audience::one(&room);
        }
        let app = grant.app.clone();
        let ticket = self.issue(Right::Documents(grant), now)?;
        let body = json!({
            "ticket": ticket,
            "expires_in": ticket::LIFETIME / 1_000,
            "app": app,
        });
        Ok(HttpResponse::json(201, &body))
    }

    /// What the node's owner may do: everything, in any app.
    fn owner_grant(&self, app: Option<&str>) -> Result<Grant, Failure> {
        let id = app.map_or_else(|| Some(AppId::default_app()), AppId::parse);
        let app = id.and_then(|id| self.settings.registry.active(&id));
        let app = app.ok_or(NO_SUCH_APP)?;
        Ok(Grant {
            app: app.id.clone(),
            number: app.number,
            audience: Audience::all(),
            access: Access::Write,
            basis: Basis::Owner,
            origin: None,
            expires: None,
            token: None,
        })
    }

    /// What a client's token and origin allow.
    fn client_grant(
        &self,
        request: &HttpRequest,
        app: Option<&str>,
        now: Timestamp,
    ) -> Result<Grant, Failure> {
        if request.way == Way::Node && !self.settings.tickets_for_everyone {
            return Err(connect::TICKETS_OFF.into());
        }
        let of_query = request.parameter("token");
        let token = of_query.as_deref().or_else(|| request.bearer());
        let origin = request.header("origin");
        let grant = connect::authorize(token, origin, &self.settings, now)?;
        match app.is_none_or(|app| app == grant.app.as_str()) {
            true => Ok(grant),
            false => Err(Failure::new(
                403,
                "forbidden",
                "the token is of another app",
            )),
        }
    }
}
