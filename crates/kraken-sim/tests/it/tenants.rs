use crate::{messages, relay_first};
use bytes::Bytes;
use kraken_core::doc::message::{self, Message};
use kraken_core::{Durability, Limits, RoomName, close};
use kraken_sim::{ClientId, MASTER_TOKEN, World};
use serde_json::{Value, json};
use yrs::{Doc, ReadTxn, StateVector, Text, Transact};

const PAGE: &str = "https://notes.example.com";

/// Registers an app whose page is [`PAGE`].
fn register(world: &mut World, id: &str) -> Value {
    let app = json!({ "app_id": id, "name": id, "allowed_origins": [PAGE] });
    ask(world, "POST", "/api/apps", &app, 201)
}

fn ask(world: &mut World, method: &str, path: &str, body: &Value, status: u16) -> Value {
    let response = world.ask(method, path, &body.to_string());
    let body = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(response.status, status, "{method} {path}: {body}");
    body
}

fn token(world: &mut World, app: &str, claims: &Value) -> String {
    let path = format!("/api/apps/{app}/tokens");
    let issued = ask(world, "POST", &path, claims, 201);
    issued["token"].as_str().unwrap().to_owned()
}

fn client(world: &mut World, token: &str, origin: Option<&str>) -> ClientId {
    let id = world.client("room");
    world.present(id, token, origin);
    world.connect(id);
    world.settle();
    id
}

fn code(world: &World, id: ClientId) -> Option<(u16, &str)> {
    let last = world.refusals(id).last()?;
    Some((last.0, &last.1))
}

#[test]
fn ap3_the_same_name_in_two_apps_is_two_documents() {
    let mut world = relay_first();
    register(&mut world, "notes");
    let ours = client(&mut world, MASTER_TOKEN, Some(PAGE));
    let theirs = client(&mut world, MASTER_TOKEN, Some("http://localhost:3000"));
    world.insert(ours, 0, "ours");
    world.announce(ours, "\"me\"");
    world.insert(theirs, 0, "theirs");
    world.settle();
    assert_eq!(world.state(ours).text(), "ours");
    assert_eq!(world.state(theirs).text(), "theirs");
    assert!(world.closes(ours).is_empty());
}

#[test]
fn ap8_a_deleted_app_closes_its_sockets_and_takes_its_documents_along() {
    for storage_delay in [0, 400] {
        let mut world = relay_first();
        world.faults.storage_delay = storage_delay;
        register(&mut world, "notes");
        let other = world.joined("room");
        let page = client(&mut world, MASTER_TOKEN, Some(PAGE));
        world.insert(page, 0, "stored");
        world.settle();
        world.insert(page, 0, "on its way");
        world.insert(other, 0, "stays");
        world.advance(60);
        ask(&mut world, "DELETE", "/api/apps/notes", &json!({}), 400);
        ask(
            &mut world,
            "DELETE",
            "/api/apps/notes?confirm=notes",
            &json!({}),
            202,
        );
        let again = json!({ "app_id": "notes", "name": "n", "allowed_origins": [] });
        let refused = ask(&mut world, "POST", "/api/apps", &again, 409);
        assert_eq!(refused["error"]["code"], "app_being_deleted");
        world.settle();
        assert_eq!(world.closes(page), [close::FORBIDDEN]);
        assert!(world.closes(other).is_empty());

        register(&mut world, "notes");
        world.connect(page);
        let fresh = client(&mut world, MASTER_TOKEN, Some(PAGE));
        world.disconnect(page);
        let late = client(&mut world, MASTER_TOKEN, Some("http://localhost:1"));
        assert_eq!(world.state(late).text(), "stays");
        // What the page still holds it brings back, as to any server that has lost it.
        assert!(world.state(fresh).text().contains("stored"));
    }
}

#[test]
fn ap8_a_deletion_goes_on_after_a_crash_and_after_failures() {
    let mut world = relay_first();
    register(&mut world, "notes");
    let page = client(&mut world, MASTER_TOKEN, Some(PAGE));
    world.insert(page, 0, "secret");
    world.settle();
    world.disconnect(page);
    world.faults.storage_failures = 1.0;
    ask(
        &mut world,
        "DELETE",
        "/api/apps/notes?confirm=notes",
        &json!({}),
        202,
    );
    world.advance(3_000);
    world.crash();
    world.advance(3_000);
    world.faults.storage_failures = 0.0;
    world.advance(3_000);
    register(&mut world, "notes");
    let fresh = client(&mut world, MASTER_TOKEN, Some(PAGE));
    assert_eq!(world.state(fresh).text(), "");
}

#[test]
fn ap7_what_changes_in_the_registry_changes_for_who_is_connected() {
    let mut world = relay_first();
    register(&mut world, "notes");
    let claims = json!({ "sub": "alice", "aud": "*" });
    let token = token(&mut world, "notes", &claims);
    let page = client(&mut world, MASTER_TOKEN, Some(PAGE));
    let native = client(&mut world, &token, None);
    let other = world.joined("room");

    let strict = json!({ "require_app_token": true });
    ask(&mut world, "PATCH", "/api/apps/notes", &strict, 200);
    world.settle();
    assert_eq!(world.closes(page), [close::UNAUTHORIZED]);
    assert!(world.closes(native).is_empty());
    world.connect(page);
    world.settle();
    assert_eq!(code(&world, page), Some((401, "app_token_required")));

    let with_token = client(&mut world, &token, Some(PAGE));
    let moved = json!({ "allowed_origins": ["https://elsewhere.example.com"] });
    ask(&mut world, "PATCH", "/api/apps/notes", &moved, 200);
    world.settle();
    assert_eq!(world.closes(with_token), [close::FORBIDDEN]);
    assert!(world.closes(native).is_empty());

    ask(
        &mut world,
        "DELETE",
        "/api/apps/notes/secrets/1",
        &json!({}),
        200,
    );
    world.settle();
    assert_eq!(world.closes(native), [close::UNAUTHORIZED]);
    assert!(world.closes(other).is_empty());
}

#[test]
fn ap13_the_registry_survives_a_crash() {
    let mut world = relay_first();
    register(&mut world, "notes");
    let before = ask(&mut world, "GET", "/api/apps/notes", &json!({}), 200);
    world.crash();
    let after = ask(&mut world, "GET", "/api/apps/notes", &json!({}), 200);
    assert_eq!(before, after);
}

#[test]
fn tk5_who_may_only_read_gets_everything_and_changes_nothing() {
    let mut world = relay_first();
    let claims = json!({ "sub": "eve", "aud": "room", "scope": "read" });
    let token = token(&mut world, "default", &claims);
    let writer = world.joined("room");
    world.insert(writer, 0, "hello");
    world.remove(writer, 0, 1);
    world.settle();
    let reader = client(&mut world, &token, None);
    assert_eq!(world.state(reader).text(), "ello");
    world.announce(reader, "\"reader\"");
    world.insert(reader, 0, "NO");
    world.settle();
    assert_eq!(world.state(writer).text(), "ello");
    assert!(world.closes(reader).is_empty());

    // What a reader holds beyond the server's it offers at each connect, and is told each time.
    world.disconnect(reader);
    world.connect(reader);
    world.settle();
    world.insert(writer, 4, "!");
    world.settle();
    assert_eq!(world.state(writer).text(), "ello!");
    assert!(world.state(reader).text().contains("ello!"));
    assert_eq!(world.state(reader).denials, 2);
}

#[test]
fn tk5_a_refused_change_is_answered_and_a_step_2_without_news_is_not() {
    let mut world = relay_first();
    let claims = json!({ "sub": "eve", "aud": "room", "scope": "read" });
    let token = token(&mut world, "default", &claims);
    let writer = world.joined("room");
    world.insert(writer, 0, "hello");
    world.remove(writer, 0, 2);
    world.settle();
    let denials = |frames: Vec<Bytes>| {
        let is_denial = |message: &Message| matches!(message, Message::PermissionDenied(_));
        messages(&frames)
            .iter()
            .filter(|message| is_denial(message))
            .count()
    };
    let everything = world.state(writer).everything();
    let reader = world.raw("room");
    world.present(reader, &token, None);
    world.connect(reader);
    world.settle();
    world.received(reader);
    for harmless in [message::step_2(&everything), message::step_2(&[0, 0])] {
        world.send(reader, harmless);
        world.settle();
        assert_eq!(denials(world.received(reader)), 0);
    }
    world.remove(writer, 0, 1);
    let deletion = world.state(writer).everything();
    world.disconnect(writer);
    world.send(reader, message::step_2(&deletion));
    world.settle();
    // The writer's own never came: this is a deletion and nothing else.
    assert_eq!(denials(world.received(reader)), 1);
    world.send(reader, message::update(&deletion));
    world.settle();
    assert_eq!(denials(world.received(reader)), 1);
    let alone = Doc::with_client_id(77);
    let text = alone.get_or_insert_text("text");
    text.insert(&mut alone.transact_mut(), 0, "news");
    let news = alone
        .transact()
        .encode_state_as_update_v1(&StateVector::default());
    world.send(reader, message::step_2(&news));
    world.settle();
    assert_eq!(denials(world.received(reader)), 1);
}

#[test]
fn au3_a_renewed_master_token_ends_what_the_earlier_one_let_in() {
    let mut world = relay_first();
    let claims = json!({ "sub": "alice", "aud": "*" });
    let token = token(&mut world, "default", &claims);
    let (page, native) = (world.joined("room"), client(&mut world, &token, None));
    world.settle();
    let renewal = json!({ "renew": "master" });
    let renewed = ask(&mut world, "POST", "/api/credentials", &renewal, 201);
    world.settle();
    assert_eq!(world.closes(page), [close::UNAUTHORIZED]);
    assert!(world.closes(native).is_empty());
    world.connect(page);
    world.settle();
    assert_eq!(code(&world, page), Some((401, "invalid_token")));
    let master = renewed["master_token"].as_str().unwrap();
    let fresh = client(&mut world, master, Some("http://localhost:1"));
    assert!(world.is_connected(fresh));
    let renewal = json!({ "renew": "admin" });
    ask(&mut world, "POST", "/api/credentials", &renewal, 201);
    ask(&mut world, "GET", "/api/apps", &json!({}), 401);
}

#[test]
fn tk6_a_token_that_expires_closes_its_connection_so_that_it_comes_back() {
    let mut world = relay_first();
    let claims = json!({ "sub": "alice", "aud": "room", "expires_in": 60 });
    let token = token(&mut world, "default", &claims);
    let alice = client(&mut world, &token, None);
    world.advance(58_000);
    assert!(world.closes(alice).is_empty());
    world.advance(3_000);
    assert_eq!(world.closes(alice), [close::EXPIRED]);
    world.connect(alice);
    world.settle();
    assert_eq!(code(&world, alice), Some((401, "token_expired")));
}

#[test]
fn tk7_a_secret_that_was_replaced_ends_the_connections_it_let_in() {
    let mut world = relay_first();
    let claims = json!({ "sub": "alice", "aud": "*", "expires_in": 3600 });
    let token = token(&mut world, "default", &claims);
    let alice = client(&mut world, &token, None);
    let overlap = json!({ "overlap_seconds": 30 });
    ask(
        &mut world,
        "POST",
        "/api/apps/default/secrets",
        &overlap,
        201,
    );
    world.advance(29_000);
    assert!(world.closes(alice).is_empty());
    world.advance(2_000);
    assert_eq!(world.closes(alice), [close::UNAUTHORIZED]);
}

#[test]
fn li1_an_app_has_as_many_connections_and_rooms_as_it_may() {
    let mut world = relay_first();
    let limits = json!({ "limits": { "connections": 2, "rooms": 1 } });
    ask(&mut world, "PATCH", "/api/apps/default", &limits, 200);
    let (one, two) = (world.joined("room"), world.client("other"));
    world.settle();
    world.connect(two);
    world.settle();
    assert_eq!(code(&world, two), Some((503, "too_many_rooms")));
    let also = world.joined("room");
    world.settle();
    let third = world.joined("room");
    world.settle();
    assert_eq!(code(&world, third), Some((429, "too_many_connections")));
    register(&mut world, "notes");
    let elsewhere = client(&mut world, MASTER_TOKEN, Some(PAGE));
    assert!(world.is_connected(elsewhere));
    world.disconnect(also);
    world.settle();
    world.connect(third);
    world.settle();
    assert!(world.is_connected(third) && world.is_connected(one));
}

#[test]
fn li9_the_server_has_bounds_for_all_apps_together() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let mut world = World::new(1, Durability::RelayFirst, limits);
    let _one = world.joined("room");
    world.settle();
    let two = world.joined("room");
    world.settle();
    assert_eq!(code(&world, two), Some((503, "full")));
    let wider = json!({ "limits": { "total_connections": 2 } });
    ask(&mut world, "PATCH", "/api/settings", &wider, 200);
    world.connect(two);
    world.settle();
    assert!(world.is_connected(two));
}

#[test]
fn ap12_an_apps_durability_is_its_own() {
    let mut world = relay_first();
    let change = json!({ "durability": "write-first" });
    ask(&mut world, "PATCH", "/api/apps/default", &change, 200);
    let alice = world.joined("room");
    world.settle();
    world.insert(alice, 0, "a");
    world.settle();
    assert_eq!(world.state(alice).echoes.len(), 1);
    let room = RoomName::parse("room").unwrap();
    assert_eq!(world.storage.segments(&room), 1);
}
