//! Tickets for sockets whose handshake isn't seen.

use super::{Answer, Failure, HttpRequest, HttpResponse, NO_SUCH_APP, Way};
use crate::grant::{Access, Audience, Basis, Grant, Refusal};
use crate::ids::{AppId, RoomName, Timestamp};
use crate::{Core, connect, ticket};
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
}

impl Core {
    pub(super) fn issue_ticket(&mut self, request: &HttpRequest, now: Timestamp) -> Answer {
        if request.method != "POST" {
            return Err(Failure::method_not_allowed("POST"));
        }
        let wanted: TicketRequest = request.json()?;
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
        let issued = self.tickets.issue(grant, now, &mut self.secrets);
        let ticket = issued.ok_or(TOO_MANY_TICKETS)?;
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
