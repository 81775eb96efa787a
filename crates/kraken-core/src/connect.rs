//! What becomes of a WebSocket handshake.

use crate::api::Way;
use crate::grant::{Access, Audience, Basis, Grant, Refusal};
use crate::ids::{RoomName, StoreName, Timestamp};
use crate::origin::Origin;
use crate::registry::{ORIGIN_NOT_REGISTERED, Registry};
use crate::settings::Settings;
use crate::store::{self, Pass, Purpose, StoreSettings};
use crate::ticket::{Right, Tickets};
use crate::token;
use std::borrow::Cow;

/// What a client asked for when it opened a WebSocket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Path as sent, percent-encoded.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: Option<String>,
    /// `Origin` header.
    pub origin: Option<String>,
    /// What follows `Bearer ` in the `Authorization` header.
    pub bearer: Option<String>,
    /// `User-Agent` header.
    pub user_agent: Option<String>,
}

/// First path segments that are no room's name, so that what comes there later breaks nobody.
const RESERVED: [&str; 9] = [
    "api", "doc", "health", "metrics", "signal", "t", "whep", "whip", "ws",
];

const NOT_SET_UP: Refusal = Refusal::new(503, "not_set_up", "no tokens are set up");
const NO_SUCH_SOCKET: Refusal = Refusal::new(
    404,
    "not_found",
    "no such socket; documents are at /doc/<room>, stores at /ws/<store>",
);
pub(crate) const STORES_OFF: Refusal = Refusal::new(
    503,
    "stores_off",
    "no SDS secret is set: start with SDS_JWT_SECRET, or set sds.secret in the settings",
);
pub(crate) const INVALID_STORE: Refusal = Refusal::new(
    400,
    "invalid_store",
    "a store's id is UTF-8 text of 1 to 1024 bytes",
);
const INVALID_NAME: Refusal = Refusal::new(
    400,
    "invalid_room",
    "a room's name is UTF-8 text of 1 to 1024 bytes",
);
const NO_TOKEN: Refusal = Refusal::new(401, "invalid_token", "missing or wrong token");
const NO_TICKET: Refusal = Refusal::new(
    401,
    "invalid_ticket",
    "no such ticket: one holds for 30 seconds and one connection",
);
pub(crate) const TICKETS_OFF: Refusal = Refusal::new(
    403,
    "tickets_off",
    "this node lets only its owner in by ticket",
);
const NO_ORIGIN: Refusal = Refusal::new(
    403,
    "origin_required",
    "the master token needs an Origin; without one, use an app token",
);
const ROOM_NOT_ALLOWED: Refusal =
    Refusal::new(403, "room_not_allowed", "the token is not for this room");

/// What a client wants, and what it shows for it.
pub(crate) enum Wish<'a> {
    Document {
        room: RoomName,
        proof: Proof<'a>,
    },
    Store {
        store: StoreName,
        purpose: Purpose,
        proof: StoreProof<'a>,
    },
}

/// What a client shows.
pub(crate) enum Proof<'a> {
    Ticket(&'a str),
    Token {
        token: Option<Cow<'a, str>>,
        origin: Option<&'a str>,
    },
}

/// What a client of a store shows.
pub(crate) enum StoreProof<'a> {
    Ticket(&'a str),
    Token(Option<String>),
}

impl<'a> Wish<'a> {
    pub(crate) fn of(handshake: &'a Handshake) -> Result<Self, Refusal> {
        let Place { ticket, target } = Place::of(&handshake.path).ok_or(NO_SUCH_SOCKET)?;
        match target {
            Target::Document(room) => Ok(Self::Document {
                room: room_name(room)?,
                proof: match ticket {
                    Some(ticket) => Proof::Ticket(ticket),
                    None => Proof::Token {
                        token: handshake.token(),
                        origin: handshake.origin.as_deref(),
                    },
                },
            }),
            Target::Store(purpose, store) => Ok(Self::Store {
                store: StoreName::parse(&decode_segment(store)).ok_or(INVALID_STORE)?,
                purpose,
                proof: match ticket {
                    Some(ticket) => StoreProof::Ticket(ticket),
                    None => StoreProof::Token(handshake.query_token()),
                },
            }),
        }
    }
}

/// What the proof allows whoever comes this way to a store. The outer refusal is for the
/// handshake, the inner one for whoever has been let in, as SDS clients know it.
pub(crate) fn check_store(
    proof: &StoreProof<'_>,
    store: &StoreName,
    way: Way,
    settings: &Settings,
    tickets: &mut Tickets,
    now: Timestamp,
) -> Result<Result<Pass, Refusal>, Refusal> {
    let StoreSettings {
        setup, revocations, ..
    } = &settings.stores;
    let pass = match proof {
        StoreProof::Ticket(ticket) => match tickets.redeem(ticket, now) {
            Some(Right::Store(pass)) => Some(pass),
            Some(Right::Documents(_)) | None => return Err(NO_TICKET),
        },
        StoreProof::Token(_) if setup.secret.is_none() => return Err(STORES_OFF),
        StoreProof::Token(token) => store::verify(token.as_deref().unwrap_or_default(), setup, now),
    };
    let Some(pass) = pass.filter(|pass| !pass.is_void(revocations, now)) else {
        return Ok(Err(store::UNAUTHORIZED));
    };
    let is_stranger = way == Way::Node && pass.token.is_some();
    if is_stranger && !settings.tickets_for_everyone {
        return Err(TICKETS_OFF);
    }
    match pass.store == *store {
        true => Ok(Ok(pass)),
        false => Ok(Err(store::FORBIDDEN)),
    }
}

/// The name of a room as it stands in a path.
pub(crate) fn room_name(encoded: &str) -> Result<RoomName, Refusal> {
    let name = percent_decode(encoded);
    name.as_deref()
        .and_then(RoomName::parse)
        .ok_or(INVALID_NAME)
}

/// The name of a room as it stands in JSON.
pub(crate) fn room_of_text(text: &str) -> Result<RoomName, Refusal> {
    RoomName::parse(text).ok_or(INVALID_NAME)
}

/// What the proof allows whoever comes this way.
pub(crate) fn check(
    proof: &Proof<'_>,
    way: Way,
    settings: &Settings,
    tickets: &mut Tickets,
    now: Timestamp,
) -> Result<Grant, Refusal> {
    let grant = match proof {
        Proof::Token { token, origin } => authorize(token.as_deref(), *origin, settings, now)?,
        Proof::Ticket(ticket) => match tickets.redeem(ticket, now) {
            Some(Right::Documents(grant)) => grant,
            Some(Right::Store(_)) | None => return Err(NO_TICKET),
        },
    };
    settings.registry.check(&grant, now)?;
    let is_stranger = way == Way::Node && grant.basis != Basis::Owner;
    match is_stranger && !settings.tickets_for_everyone {
        true => Err(TICKETS_OFF),
        false => Ok(grant),
    }
}

/// What a token, shown by a page of `origin`, allows.
pub(crate) fn authorize(
    token: Option<&str>,
    origin: Option<&str>,
    settings: &Settings,
    now: Timestamp,
) -> Result<Grant, Refusal> {
    let Settings {
        credentials,
        registry,
        ..
    } = settings;
    if !credentials.is_set_up() {
        return Err(NOT_SET_UP);
    }
    let token = token.ok_or(NO_TOKEN)?;
    let grant = if credentials.is_master(token) {
        by_origin(origin, registry)?
    } else if token::is_jwt(token) {
        Grant {
            origin: origin.map(parse_origin).transpose()?,
            ..token::verify(token, registry, now)?
        }
    } else {
        return Err(NO_TOKEN);
    };
    registry.check(&grant, now)?;
    Ok(grant)
}

/// Whether a grant covers a room.
pub(crate) fn check_room(grant: &Grant, room: &RoomName) -> Result<(), Refusal> {
    match grant.audience.contains(room) {
        true => Ok(()),
        false => Err(ROOM_NOT_ALLOWED),
    }
}

/// What the master token allows a page: everything of the app that it belongs to.
fn by_origin(origin: Option<&str>, registry: &Registry) -> Result<Grant, Refusal> {
    let origin = parse_origin(origin.ok_or(NO_ORIGIN)?)?;
    let app = registry.of_origin(&origin).ok_or(ORIGIN_NOT_REGISTERED)?;
    Ok(Grant {
        app: app.id.clone(),
        number: app.number,
        audience: Audience::all(),
        access: Access::Write,
        basis: Basis::Master,
        origin: Some(origin),
        expires: None,
        token: None,
    })
}

fn parse_origin(origin: &str) -> Result<Origin, Refusal> {
    Origin::parse(origin).ok_or(ORIGIN_NOT_REGISTERED)
}

/// Whether a path without an upgrade deserves 426 rather than 404.
pub(crate) fn is_socket_path(path: &str) -> bool {
    let is_explicit = path.starts_with("/doc/") || path.starts_with("/t/");
    is_explicit && Place::of(path).is_some()
}

/// Whether SDS is spoken at a path.
pub(crate) fn is_store_path(path: &str) -> bool {
    let target = Place::of(path).map(|place| place.target);
    matches!(target, Some(Target::Store(..)))
}

/// A path that leads to a socket, behind a ticket or not.
struct Place<'a> {
    ticket: Option<&'a str>,
    target: Target<'a>,
}

/// `/doc/<room>`, or `/<room>` as y-websocket makes it of a server URL without a path;
/// `/ws/<store>` and `/signal/<store>`. Names are percent-encoded.
enum Target<'a> {
    Document(&'a str),
    Store(Purpose, &'a str),
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        if first == "t" {
            let (ticket, rest) = rest.split_once('/')?;
            let (first, rest) = rest.split_once('/')?;
            return Some(Self {
                ticket: Some(ticket),
                target: Target::explicit(first, rest)?,
            });
        }
        // An empty first segment would be a room that `//host` URLs lead to by accident.
        let target = match RESERVED.contains(&first) {
            true => Target::explicit(first, rest)?,
            false if first.is_empty() => return None,
            false => Target::Document(path),
        };
        Some(Self {
            ticket: None,
            target,
        })
    }
}

impl<'a> Target<'a> {
    fn explicit(first: &str, rest: &'a str) -> Option<Self> {
        let target = match first {
            "doc" => Self::Document(rest),
            "ws" if !rest.contains('/') => Self::Store(Purpose::Sync, rest),
            "signal" if !rest.contains('/') => Self::Store(Purpose::Signal, rest),
            _ => return None,
        };
        (!rest.is_empty()).then_some(target)
    }
}

impl Handshake {
    /// Browsers send an origin, and a `User-Agent` that begins like this. They show their pages
    /// neither the status nor the reason of a refused handshake, and y-websocket would try for
    /// ever; so they are accepted, to be closed with a code.
    pub(crate) fn is_browser(&self) -> bool {
        let user_agent = self.user_agent.as_deref().unwrap_or_default();
        self.origin.is_some() && user_agent.starts_with("Mozilla/")
    }

    /// The first `token` of the query, or the bearer.
    fn token(&self) -> Option<Cow<'_, str>> {
        self.query_token()
            .map(Cow::Owned)
            .or_else(|| self.bearer.as_deref().map(Cow::Borrowed))
    }

    /// The first `token` of the query.
    fn query_token(&self) -> Option<String> {
        parameter(self.query.as_deref()?, "token")
    }
}

/// The first value of a query's parameter, decoded.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))?;
    percent_decode(&value.replace('+', " "))
}

/// Decodes the percent escapes of a path segment; those that aren't UTF-8 stand for themselves.
pub(crate) fn decode_segment(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('%') {
        decoded.push_str(&rest[..start]);
        let escapes = &rest[start..];
        let length = escapes_len(escapes.as_bytes());
        let (escapes, behind) = escapes.split_at(length.max(1));
        match percent_decode(escapes) {
            Some(text) => decoded.push_str(&text),
            None => decoded.push_str(escapes),
        }
        rest = behind;
    }
    decoded.push_str(rest);
    decoded
}

/// How many bytes of escapes a text begins with.
fn escapes_len(text: &[u8]) -> usize {
    let is_escape = |chunk: &&[u8]| match chunk {
        [b'%', high, low] => hex_digit(*high).and(hex_digit(*low)).is_some(),
        _ => false,
    };
    3 * text.chunks(3).take_while(is_escape).count()
}

/// Decodes percent escapes; what is no escape stays as it is. `None` if that isn't UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escape = match (first, tail) {
            (b'%', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                decoded.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Secrets, SetupRequest};
    use crate::ids::AppId;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn settings() -> Settings {
        let mut secrets = Secrets::new([1; 32]);
        let mut settings = Settings::start(None, NOW, &mut secrets);
        let request = SetupRequest {
            master_token: Some("secret".to_owned()),
            ..SetupRequest::default()
        };
        settings.credentials.set_up(&request, &mut secrets);
        settings
    }

    fn handshake(path: &str) -> Handshake {
        Handshake {
            path: path.to_owned(),
            query: Some("token=secret".to_owned()),
            origin: Some("http://localhost:3000".to_owned()),
            ..Handshake::default()
        }
    }

    fn document(handshake: &Handshake) -> Result<(RoomName, Proof<'_>), Refusal> {
        match Wish::of(handshake)? {
            Wish::Document { room, proof } => Ok((room, proof)),
            Wish::Store { .. } => Err(NO_SUCH_SOCKET),
        }
    }

    fn decide(handshake: &Handshake) -> Result<(Grant, RoomName), Refusal> {
        let (room, proof) = document(handshake)?;
        let grant = check(
            &proof,
            Way::Gateway,
            &settings(),
            &mut Tickets::default(),
            NOW,
        )?;
        check_room(&grant, &room)?;
        Ok((grant, room))
    }

    fn room(path: &str) -> Option<String> {
        let handshake = handshake(path);
        let wish = document(&handshake);
        wish.ok().map(|(room, _)| room.as_str().to_owned())
    }

    #[test]
    fn co1_the_room_is_the_rest_of_the_path_decoded() {
        assert_eq!(room("/doc/a").as_deref(), Some("a"));
        assert_eq!(room("/a").as_deref(), Some("a"));
        assert_eq!(room("/doc/a/b%20c%C3%A4").as_deref(), Some("a/b cä"));
        assert_eq!(room("/a%2Fb").as_deref(), Some("a/b"));
        assert_eq!(room("/doc/100%").as_deref(), Some("100%"));
        assert_eq!(room("/doc/%zz").as_deref(), Some("%zz"));
        assert_eq!(room("/doc/%ff"), None);
        assert_eq!(room("/doc/doc").as_deref(), Some("doc"));
        assert_eq!(room("/t/ticket/doc/a/b").as_deref(), Some("a/b"));
    }

    #[test]
    fn sd1_a_store_is_one_segment_and_what_isnt_utf8_stays_as_it_is() {
        let store = |path: &str| match Wish::of(&handshake(path)) {
            Ok(Wish::Store { store, purpose, .. }) => Some((store.as_str().to_owned(), purpose)),
            _ => None,
        };
        for (path, expected) in [
            ("/ws/notes", "notes"),
            ("/ws/a%2Fb", "a/b"),
            ("/ws/a+b", "a+b"),
            ("/ws/%C3%A4%20", "ä "),
            ("/ws/%ff", "%ff"),
            ("/ws/%20%ff", "%20%ff"),
            ("/ws/a%20b%ff%zz%", "a b%ff%zz%"),
            ("/t/ticket/ws/notes", "notes"),
        ] {
            let found = store(path);
            assert_eq!(found, Some((expected.to_owned(), Purpose::Sync)), "{path}");
        }
        let signal = Some(("notes".to_owned(), Purpose::Signal));
        assert_eq!(store("/signal/notes"), signal);
        for path in [
            "/ws", "/ws/", "/ws/a/b", "/ws/a/", "/signal/", "/wss/a", "/t/x/ws/",
        ] {
            assert_eq!(store(path), None, "{path}");
        }
        assert_eq!(store(&format!("/ws/{}", "a".repeat(1_025))), None);
    }

    #[test]
    fn co2_reserved_paths_are_no_rooms() {
        for path in [
            "/",
            "//",
            "//a",
            "/doc",
            "/doc/",
            "/api/x",
            "/ws/store",
            "/health",
            "/t/x",
            "/t/x/y",
            "/t/x/doc/",
        ] {
            assert_eq!(room(path), None, "{path}");
        }
    }

    #[test]
    fn co3_a_wrong_token_is_401_and_4401_for_a_browser() {
        let mut wrong = handshake("/doc/a");
        wrong.query = Some("token=other".to_owned());
        let refusal = decide(&wrong).unwrap_err();
        assert_eq!((refusal.status, refusal.close_code()), (401, 4401));
        assert!(!wrong.is_browser());
        wrong.user_agent = Some("Mozilla/5.0 (X11)".to_owned());
        assert!(wrong.is_browser());
    }

    #[test]
    fn co4_the_token_may_come_as_bearer_or_escaped() {
        let mut bearer = handshake("/doc/a");
        bearer.query = None;
        bearer.bearer = Some("secret".to_owned());
        assert!(decide(&bearer).is_ok());
        let mut escaped = handshake("/doc/a");
        escaped.query = Some("x=1&token=%73ecret&token=other".to_owned());
        assert!(decide(&escaped).is_ok());
    }

    #[test]
    fn co5_nobody_is_let_in_before_tokens_are_set_up() {
        let mut settings = settings();
        settings.credentials = Default::default();
        let handshake = handshake("/doc/a");
        let (_, proof) = document(&handshake).unwrap();
        let mut tickets = Tickets::default();
        let refused = check(&proof, Way::Gateway, &settings, &mut tickets, NOW);
        let refusal = refused.unwrap_err();
        assert_eq!(refusal.status, 503);
    }

    #[test]
    fn ap9_the_origin_names_the_app() {
        let mut page = handshake("/doc/a");
        assert_eq!(decide(&page).unwrap().0.app, AppId::default_app());
        page.origin = Some("https://elsewhere.example".to_owned());
        assert_eq!(decide(&page).unwrap_err().code, "origin_not_registered");
        page.origin = Some("null".to_owned());
        assert_eq!(decide(&page).unwrap_err().code, "origin_not_registered");
        page.origin = None;
        assert_eq!(decide(&page).unwrap_err().code, "origin_required");
    }
}
