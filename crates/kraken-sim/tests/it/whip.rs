use kraken_call::{Answer, FromEngine, Question, ToEngine};
use kraken_core::HttpResponse;
use kraken_sim::calls::CallWorld;
use serde_json::Value;

const SDP: [(&str, &str); 1] = [("content-type", "application/sdp")];
const FRAGMENT: (&str, &str) = ("content-type", "application/trickle-ice-sdpfrag");

fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    let found = response.headers.iter().find(|(own, _)| own == name);
    found.map(|(_, value)| value.as_str())
}

fn code(response: &HttpResponse) -> String {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    body["error"]["code"].as_str().unwrap().to_owned()
}

fn asked(world: &mut CallWorld) -> Question {
    match world.engine().heard.pop() {
        Some(ToEngine::Ask { question, .. }) => question,
        other => panic!("{other:?}"),
    }
}

#[test]
fn wh1_an_offer_is_answered_by_a_session_with_location_and_etag() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    for (path, location) in [
        ("/whip/notes", "/whip/notes/s-1"),
        ("/whep/team/a%20b", "/whep/team/a%20b/s-1"),
    ] {
        let made = world.ask_as(Some(&token), "POST", path, &SDP, "v=0\r\n");
        assert_eq!(made.status, 201);
        assert_eq!(header(&made, "location"), Some(location));
        assert_eq!(header(&made, "etag"), Some("\"e-1\""));
        assert_eq!(header(&made, "content-type"), Some("application/sdp"));
        assert_eq!(made.body, "v=0\r\n");
    }
    let Question::Whep { room, sdp, limits } = asked(&mut world) else {
        panic!("not asked");
    };
    assert_eq!(
        (room.as_str(), sdp.as_str()),
        ("default:team/a b", "v=0\r\n")
    );
    assert_eq!(limits.peers, 50);
    // A token of the query is part of the session's address as well.
    let path = format!("/whip/notes?token={token}");
    let made = world.ask_as(None, "POST", &path, &SDP, "v=0\r\n");
    let location = format!("/whip/notes/s-1?token={token}");
    assert_eq!(header(&made, "location"), Some(location.as_str()));
}

#[test]
fn wh2_the_token_opens_the_door_or_it_stays_shut() {
    let mut world = CallWorld::new();
    let ask = |world: &mut CallWorld, token: Option<&str>, path: &str| {
        world.ask_as(token, "POST", path, &SDP, "v=0\r\n").status
    };
    assert_eq!(ask(&mut world, None, "/whip/notes"), 401);
    assert_eq!(ask(&mut world, Some("wrong"), "/whip/notes"), 401);
    let reader = world.token("default", "*", "read");
    assert_eq!(ask(&mut world, Some(&reader), "/whip/notes"), 403);
    assert_eq!(ask(&mut world, Some(&reader), "/whep/notes"), 201);
    let elsewhere = world.token("default", "elsewhere", "write");
    assert_eq!(ask(&mut world, Some(&elsewhere), "/whip/notes"), 403);
    assert_eq!(ask(&mut world, Some(&elsewhere), "/whip/elsewhere"), 201);
    // The master token belongs to pages.
    assert_eq!(ask(&mut world, Some("master"), "/whip/notes"), 403);
    world.register("other");
    let other = world.token("other", "*", "write");
    assert_eq!(ask(&mut world, Some(&other), "/whip/notes"), 201);
    let Question::Whip { room, .. } = asked(&mut world) else {
        panic!("not asked");
    };
    assert_eq!(room, "other:notes");
    let leave = world.ask_as(None, "DELETE", "/whip/notes/s-1", &[], "");
    assert_eq!(leave.status, 401);
}

#[test]
fn wh3_what_is_no_offer_is_refused_with_the_status_for_that() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    let large = "x".repeat((128 << 10) + 1);
    let html = [SDP[0], ("accept", "text/html")];
    let json = [("content-type", "application/json")];
    for (headers, body, status, expected) in [
        (&SDP[..], "nonsense", 400, "bad_sdp"),
        (&SDP[..], "", 400, "bad_sdp"),
        (&SDP[..], "v=0\r\nm=text 9 x\r\n", 422, "unsupported"),
        (&json[..], "v=0", 415, "unsupported_media_type"),
        (&[], "v=0", 415, "unsupported_media_type"),
        (&html[..], "v=0", 406, "not_acceptable"),
        (&SDP[..], &large, 413, "too_large"),
    ] {
        let refused = world.ask_as(Some(&token), "POST", "/whip/notes", headers, body);
        assert_eq!(
            (refused.status, code(&refused).as_str()),
            (status, expected)
        );
    }
    for accept in ["*/*", "text/html, application/*;q=0.5", "Application/SDP"] {
        let headers = [
            ("content-type", "Application/SDP; charset=utf-8"),
            ("accept", accept),
        ];
        let made = world.ask_as(Some(&token), "POST", "/whip/notes", &headers, "v=0");
        assert_eq!(made.status, 201, "{accept}");
    }
    for method in ["GET", "HEAD", "PUT"] {
        let refused = world.ask_as(Some(&token), method, "/whip/notes", &[], "");
        assert_eq!(refused.status, 405);
        assert_eq!(
            header(&refused, "allow"),
            Some("POST, PATCH, DELETE, OPTIONS")
        );
    }
    assert_eq!(
        world
            .ask_as(Some(&token), "POST", "/whip/", &SDP, "v=0")
            .status,
        400
    );
}

#[test]
fn wh4_a_fragment_names_the_ice_session_that_it_means() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    let mut patch = |path: &str, if_match: Option<&str>| {
        let headers: Vec<_> = [FRAGMENT]
            .into_iter()
            .chain(if_match.map(|tag| ("if-match", tag)))
            .collect();
        world.ask_as(Some(&token), "PATCH", path, &headers, "a=candidate:1")
    };
    let session = "/whip/notes/s-1";
    assert_eq!(patch(session, Some("\"e-1\"")).status, 204);
    let restarted = patch(session, Some("*"));
    assert_eq!(restarted.status, 200);
    assert_eq!(header(&restarted, "etag"), Some("\"e-2\""));
    assert_eq!(
        header(&restarted, "content-type"),
        Some("application/trickle-ice-sdpfrag")
    );
    for stale in ["\"e-0\"", "e-1", "\"e-1\", \"e-2\"", "\"*\""] {
        assert_eq!(patch(session, Some(stale)).status, 412, "{stale}");
    }
    assert_eq!(patch(session, None).status, 428);
    assert_eq!(patch("/whip/notes/s-2", Some("*")).status, 404);
    assert_eq!(patch("/whip/notes", Some("*")).status, 404);
    let refused = world.ask_as(Some(&token), "PATCH", session, &SDP, "v=0");
    assert_eq!(refused.status, 415);
}

#[test]
fn wh5_a_session_ends_when_it_is_deleted() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    let mut delete = |path: &str| world.ask_as(Some(&token), "DELETE", path, &[], "").status;
    assert_eq!(delete("/whip/notes/s-1"), 200);
    assert_eq!(delete("/whip/notes/s-2"), 404);
    assert_eq!(delete("/whip/notes"), 404);
}

#[test]
fn wh6_pages_of_registered_origins_may_use_the_doors() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    let page = ("origin", "http://localhost:3000");
    let preflight = [page, ("access-control-request-method", "PATCH")];
    let answer = world.ask_as(None, "OPTIONS", "/whip/notes/s-1", &preflight, "");
    assert_eq!(answer.status, 204);
    assert_eq!(
        header(&answer, "access-control-allow-origin"),
        Some("http://localhost:3000")
    );
    let allowed = header(&answer, "access-control-allow-headers").unwrap();
    assert!(allowed.contains("if-match"), "{allowed}");
    let made = world.ask_as(
        Some(&token),
        "POST",
        "/whip/notes",
        &[page, SDP[0]],
        "v=0\r\n",
    );
    assert_eq!(
        header(&made, "access-control-expose-headers"),
        Some("location, etag")
    );
    let stranger = [("origin", "https://evil.example"), preflight[1]];
    let answer = world.ask_as(None, "OPTIONS", "/whip/notes", &stranger, "");
    assert_eq!(header(&answer, "access-control-allow-origin"), None);
    // Without a page, it says what it takes.
    let answer = world.ask_as(None, "OPTIONS", "/whep/notes", &[], "");
    assert_eq!(answer.status, 204);
    assert_eq!(header(&answer, "accept-post"), Some("application/sdp"));
}

/// A token that lasts for a minute.
fn short_token(world: &mut CallWorld) -> String {
    let body = r#"{"sub": "tester", "aud": "*", "scope": "write", "expires_in": 60}"#;
    let made = world.ask("POST", "/api/apps/default/tokens", body);
    let body: Value = serde_json::from_slice(&made.body).unwrap();
    body["token"].as_str().unwrap().to_owned()
}

/// Replaces the secret by which tokens are signed; the one before goes on for so many seconds.
fn replace_secret(world: &mut CallWorld, overlap: u32) {
    let body = format!(r#"{{"overlap_seconds": {overlap}}}"#);
    let made = world.ask("POST", "/api/apps/default/secrets", &body);
    assert_eq!(made.status, 201);
}

/// How often the engine was asked to end the session in this room.
fn ends(world: &mut CallWorld, of: &str) -> usize {
    let heard = world.engine().heard.iter();
    let ends = heard.filter(|message| match message {
        ToEngine::Ask {
            question: Question::Leave { room, session },
            ..
        } => (room.as_str(), session.as_str()) == (of, "s-1"),
        _ => false,
    });
    ends.count()
}

#[test]
fn wh8_a_session_ends_with_its_token() {
    let mut world = CallWorld::new();
    let token = short_token(&mut world);
    for path in ["/whip/notes", "/whep/notes2", "/whip/notes3"] {
        let made = world.ask_as(Some(&token), "POST", path, &SDP, "v=0");
        assert_eq!(made.status, 201);
    }
    let deleted = world.ask_as(Some(&token), "DELETE", "/whip/notes3/s-1", &[], "");
    assert_eq!(deleted.status, 200);
    world.advance(59_999);
    assert_eq!(ends(&mut world, "default:notes"), 0);
    world.advance(1);
    assert_eq!(ends(&mut world, "default:notes"), 1);
    assert_eq!(ends(&mut world, "default:notes2"), 1);
    // It was over before.
    assert_eq!(ends(&mut world, "default:notes3"), 1);
}

#[test]
fn wh8_a_session_ends_with_the_secret_that_signed_its_token() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    let made = world.ask_as(Some(&token), "POST", "/whip/notes", &SDP, "v=0");
    assert_eq!(made.status, 201);
    replace_secret(&mut world, 30);
    world.advance(29_999);
    assert_eq!(ends(&mut world, "default:notes"), 0);
    world.advance(1);
    assert_eq!(ends(&mut world, "default:notes"), 1);
}

#[test]
fn wh8_a_token_that_is_revoked_while_the_engine_is_asked_begins_nothing() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    world.engine().is_silent = true;
    world.begin(Some(&token), "POST", "/whip/notes", &SDP, "v=0");
    let Some(ToEngine::Ask { request, .. }) = world.engine().heard.last().cloned() else {
        panic!("not asked");
    };
    replace_secret(&mut world, 0);
    assert_eq!(ends(&mut world, "default:notes"), 0);
    let session = Answer::Session {
        session: "s-1".to_owned(),
        sdp: "v=0".to_owned(),
        etag: "e-1".to_owned(),
    };
    world.say(&FromEngine::Answer {
        request,
        answer: Ok(session),
    });
    assert_eq!(ends(&mut world, "default:notes"), 1);
}

#[test]
fn wh7_without_an_engine_the_doors_are_shut() {
    let mut world = CallWorld::without_engine();
    let token = world.token("default", "*", "write");
    let refused = world.ask_as(Some(&token), "POST", "/whip/notes", &SDP, "v=0");
    assert_eq!(
        (refused.status, code(&refused).as_str()),
        (503, "no_engine")
    );
    assert_eq!(header(&refused, "retry-after"), Some("1"));
}
