//! What is tested, in the order in which it happens.

use crate::failure::{Failure, same};
use crate::net::{Heard, Net, Socket};
use crate::protocol::Fail;
use crate::restart;
use crate::room::{self, EDIT};
use kinode_process_lib::{Address, println};
use serde_json::{Value, json};

/// Where the node serves Kraken.
const KRAKEN: &str = "/kraken:kraken:template.os";
/// The API for those whom the node knows as its owner.
const OWNER: &str = "/kraken:kraken:template.os/owner/api";
/// The app that is made here.
const APP: &str = "kraken-test";
const ROOM: &str = "room%20of/tests";
/// What one logs in with. A fake node takes any.
const PASSWORD: &str = "secret";

/// What scenarios hand on to each other.
struct Scene<'a> {
    our: &'a Address,
    net: &'a mut Net,
    /// The cookie of the node's owner.
    cookie: String,
}

type Scenario = fn(&mut Scene<'_>) -> Result<(), Failure>;

const SCENARIOS: [(&str, Scenario); 12] = [
    ("health is open to everybody", health_is_open),
    ("a wrong token is refused", a_wrong_token_is_refused),
    ("strangers get the login page", strangers_get_the_login_page),
    ("the owner logs in", the_owner_logs_in),
    ("other sites are refused", other_sites_are_refused),
    ("the owner makes an app", the_owner_makes_an_app),
    ("two edit together", two_edit_together),
    ("a ticket is used once", a_ticket_is_used_once),
    ("the client API opens a room", the_client_api_opens_a_room),
    ("a restart loses nothing", a_restart_loses_nothing),
    (
        "to delete takes a confirmation",
        to_delete_takes_a_confirmation,
    ),
    ("a deleted app is gone", a_deleted_app_is_gone),
];

/// Goes through all of them; the first that fails ends it.
pub(crate) fn run(our: &Address, net: &mut Net) -> Result<(), Fail> {
    restart::prepare(our).map_err(|failure| failure.of("prepare"))?;
    let mut scene = Scene {
        our,
        net,
        cookie: String::new(),
    };
    for (name, scenario) in SCENARIOS {
        println!("kraken-test: {name}");
        scenario(&mut scene).map_err(|failure| failure.of(name))?;
    }
    Ok(())
}

fn health_is_open(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let health = scene.is_up()?;
    same(
        "the version's being a text",
        health["version"].is_string(),
        true,
    )
}

fn a_wrong_token_is_refused(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let path = format!("{KRAKEN}/api/apps");
    let wrong: [&[(&str, &str)]; 2] = [&[], &[("authorization", "Bearer wrong")]];
    for headers in wrong {
        let answer = scene.net.get(&path, headers)?;
        same("the status", answer.status, 401)?;
        same(
            "what to come with",
            answer.header("Www-Authenticate"),
            Some("Bearer"),
        )?;
        same("the code", &answer.json()?["error"]["code"], "unauthorized")?;
    }
    Ok(())
}

fn strangers_get_the_login_page(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let path = format!("{OWNER}/apps");
    for headers in [vec![], vec![("cookie", "kinode-auth_someone=else")]] {
        let answer = scene.net.get(&path, &headers)?;
        let kind = answer.header("Content-Type").unwrap_or_default();
        same("its being a page", kind.starts_with("text/html"), true)?;
    }
    Ok(())
}

fn the_owner_logs_in(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let login = json!({"password_hash": PASSWORD, "subdomain": null});
    let answer = scene.net.post("/login", &[], &login)?;
    same("the status", answer.status, 200)?;
    let cookie = answer.header("Set-Cookie").unwrap_or_default();
    let cookie = cookie.split(';').next().unwrap_or_default();
    let name = format!("kinode-auth_{}=", scene.our.node());
    same(
        "the cookie's being the node's",
        cookie.starts_with(&name),
        true,
    )?;
    scene.cookie = cookie.to_owned();

    let answer = scene.owner_gets("/apps")?;
    same("the status", answer.status, 200)?;
    same(
        "the apps' being a list",
        answer.json()?["apps"].is_array(),
        true,
    )
}

fn other_sites_are_refused(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let foreign = [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    for header in foreign {
        let headers = [("cookie", scene.cookie.as_str()), header];
        let answer = scene.net.get(&format!("{OWNER}/apps"), &headers)?;
        same("the status", answer.status, 403)?;
        same("the code", &answer.json()?["error"]["code"], "cross_site")?;
    }
    Ok(())
}

fn the_owner_makes_an_app(scene: &mut Scene<'_>) -> Result<(), Failure> {
    // Write-first: an edit that comes back is on disk.
    let app = json!({
        "app_id": APP,
        "name": "Kraken Test",
        "allowed_origins": ["https://kraken-test.example"],
        "durability": "write-first",
    });
    let answer = scene.owner_posts("/apps", &app)?;
    same("the status", answer.status, 201)?;
    let made = answer.json()?;
    same("the app", &made["app_id"], APP)?;
    same("the secret's being there", made["secret"].is_string(), true)?;
    let again = scene.owner_posts("/apps", &app)?;
    same("the status of a second one", again.status, 409)?;
    let listed = scene.owner_gets(&format!("/apps/{APP}"))?.json()?;
    same("the app", &listed["app_id"], APP)?;
    same("the secret, later", &listed["secret"], &Value::Null)
}

fn two_edit_together(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let (writer, reader) = (scene.joins()?, scene.joins()?);
    room::holds(scene.net, writer, None)?;
    room::holds(scene.net, reader, None)?;
    room::edit(scene.net, writer)?;
    room::hears_edit(scene.net, reader)?;
    room::hears_edit(scene.net, writer)?;
    room::holds(scene.net, reader, Some(&EDIT))?;
    scene.net.close(writer)?;
    scene.net.close(reader)
}

fn a_ticket_is_used_once(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let ticket = scene.gets_ticket()?;
    let first = scene.opens(&ticket)?;
    room::holds(scene.net, first, Some(&EDIT))?;
    let second = scene.opens(&ticket)?;
    room::is_denied(scene.net, second)?;
    let guessed = scene.opens("guessed")?;
    room::is_denied(scene.net, guessed)?;
    for socket in [first, second, guessed] {
        scene.net.close(socket)?;
    }
    Ok(())
}

fn the_client_api_opens_a_room(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let ticket = scene.gets_ticket()?;
    let socket = scene.net.open(&format!("{KRAKEN}/"))?;
    // In envelopes a room isn't part of a path, so it isn't encoded.
    let name = ROOM.replace("%20", " ");
    let say = |scene: &Scene<'_>, envelope: Value| {
        scene.net.send(socket, envelope.to_string().into_bytes())
    };
    say(
        scene,
        json!({"kraken": "open", "room": name, "ticket": ticket}),
    )?;
    scene.hears_envelope(socket, &json!({"kraken": "open", "room": name}))?;
    // Step 1 of a client that has nothing, and step 2 with the edit.
    say(
        scene,
        json!({"kraken": "sync", "room": name, "data": "AAABAA=="}),
    )?;
    let step_2 = "AAEMAQEBAAQBAXQCaGkA";
    scene.hears_envelope(
        socket,
        &json!({"kraken": "sync", "room": name, "data": step_2}),
    )?;
    scene.net.close(socket)
}

fn a_restart_loses_nothing(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let before = scene.joins()?;
    room::holds(scene.net, before, Some(&EDIT))?;
    restart::restart_kraken(scene.our)?;
    scene.is_up()?;
    let after = scene.joins()?;
    room::holds(scene.net, after, Some(&EDIT))?;
    // The socket from before is open still, for a process that never heard of it.
    room::edit(scene.net, before)?;
    room::holds(scene.net, after, Some(&EDIT))?;
    scene.net.close(before)?;
    scene.net.close(after)
}

fn to_delete_takes_a_confirmation(scene: &mut Scene<'_>) -> Result<(), Failure> {
    for confirm in ["", "?confirm=another"] {
        let answer = scene.owner_deletes(&format!("/apps/{APP}{confirm}"))?;
        same("the status", answer.status, 400)?;
        let code = &answer.json()?["error"]["code"];
        same("the code", code, "confirmation_required")?;
    }
    let answer = scene.owner_gets(&format!("/apps/{APP}"))?;
    same("the status of the app", answer.status, 200)
}

fn a_deleted_app_is_gone(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let socket = scene.joins()?;
    room::holds(scene.net, socket, Some(&EDIT))?;
    let answer = scene.owner_deletes(&format!("/apps/{APP}?confirm={APP}"))?;
    same("the status", answer.status, 202)?;
    same("what is deleted", &answer.json()?["deleted"], APP)?;
    room::is_denied(scene.net, socket)?;
    scene.net.close(socket)?;
    let answer = scene.owner_gets(&format!("/apps/{APP}"))?;
    same("the status of the app", answer.status, 404)
}

impl Scene<'_> {
    /// Waits until Kraken is as well as it can be on a node where nobody has made tokens at the
    /// terminal, as is usual where there is no sidecar; what it says of its health.
    #[track_caller]
    fn is_up(&self) -> Result<Value, Failure> {
        let answer = self.net.get_until(&format!("{KRAKEN}/health"), |answer| {
            let health = answer.json().unwrap_or_default();
            let status = health["status"].as_str();
            let is_up = match answer.status {
                200 => status == Some("ok"),
                503 => status == Some("not set up"),
                _ => false,
            };
            is_up && health["storage"] == "ok"
        })?;
        answer.json()
    }

    #[track_caller]
    fn owner_gets(&self, path: &str) -> Result<crate::net::Answer, Failure> {
        let headers = [("cookie", self.cookie.as_str())];
        self.net.get(&format!("{OWNER}{path}"), &headers)
    }

    #[track_caller]
    fn owner_posts(&self, path: &str, body: &Value) -> Result<crate::net::Answer, Failure> {
        let headers = [("cookie", self.cookie.as_str())];
        self.net.post(&format!("{OWNER}{path}"), &headers, body)
    }

    #[track_caller]
    fn owner_deletes(&self, path: &str) -> Result<crate::net::Answer, Failure> {
        let headers = [("cookie", self.cookie.as_str())];
        self.net.delete(&format!("{OWNER}{path}"), &headers)
    }

    #[track_caller]
    fn gets_ticket(&self) -> Result<String, Failure> {
        let answer = self.owner_posts("/tickets", &json!({ "app": APP }))?;
        same("the status of a ticket", answer.status, 201)?;
        match &answer.json()?["ticket"] {
            Value::String(ticket) => Ok(ticket.clone()),
            other => Err(Failure::new(format!("not a ticket: {other}"))),
        }
    }

    #[track_caller]
    fn opens(&mut self, ticket: &str) -> Result<Socket, Failure> {
        self.net.open(&format!("{KRAKEN}/t/{ticket}/doc/{ROOM}"))
    }

    /// Opens a socket in the room, with a ticket of its own.
    #[track_caller]
    fn joins(&mut self) -> Result<Socket, Failure> {
        let ticket = self.gets_ticket()?;
        self.opens(&ticket)
    }

    /// Waits for this envelope. Others are passed over, but for errors.
    #[track_caller]
    fn hears_envelope(&mut self, socket: Socket, expected: &Value) -> Result<(), Failure> {
        loop {
            let Heard::Text(text) = self.net.next(socket)? else {
                return Err(Failure::new("the socket doesn't speak JSON"));
            };
            let envelope: Value = serde_json::from_slice(&text)
                .map_err(|error| Failure::new(format!("not an envelope: {error}")))?;
            if envelope == *expected {
                return Ok(());
            }
            if envelope["kraken"] == "error" {
                return Err(Failure::new(format!("refused: {envelope}")));
            }
        }
    }
}
