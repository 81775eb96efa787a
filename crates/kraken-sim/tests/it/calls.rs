use kraken_call::{Ended, FromClient, FromEngine, Question, Rights, ToClient, ToEngine};
use kraken_core::ConnectionId;
use kraken_sim::calls::{CallWorld, peer};
use serde_json::{Value, json};

/// The code of the one error that somebody hears, and what it is about.
fn error(heard: &[Value]) -> (&str, Option<&str>) {
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0]["kraken"], "call");
    let call = &heard[0]["call"];
    assert_eq!(call["type"], "error", "{call}");
    assert!(!call["message"].as_str().unwrap().is_empty() || call["code"] == "peer_taken");
    (call["code"].as_str().unwrap(), call["about"].as_str())
}

fn types(heard: &[Value]) -> Vec<&str> {
    let types = heard.iter().map(|text| text["call"]["type"].as_str());
    types.map(Option::unwrap).collect()
}

fn publish(tracks: usize) -> Value {
    let track = json!({ "mid": "0", "source": "camera" });
    json!({ "type": "publish", "sdp": "v=0", "tracks": vec![track; tracks] })
}

/// Somebody in a room's call.
fn member(world: &mut CallWorld, room: &str, scope: &str, peer: &str) -> ConnectionId {
    let token = world.token("default", room, scope);
    let connection = world.enter(room, &token);
    assert_eq!(types(&world.join(connection, peer)), ["joined"]);
    connection
}

#[test]
fn ca1_who_is_in_a_room_joins_its_call_and_hears_what_the_engine_tells() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    let alice = world.enter("notes", &token);
    let joined = world.call(
        alice,
        json!({ "type": "join", "peer": "alice", "name": "Alice", "metadata": { "x": 1 } }),
    );
    assert_eq!(joined[0]["call"]["session"], "secret");
    let Some(ToEngine::Join {
        member,
        room,
        join,
        limits,
        ..
    }) = world.engine().heard.pop()
    else {
        panic!("no join");
    };
    assert_eq!((member, room.as_str()), (alice.0, "default:notes"));
    assert_eq!(join.metadata, json!({ "x": 1 }));
    assert_eq!(
        (limits.peers, limits.publishers, limits.bitrate),
        (50, 25, 8_000_000)
    );
    world.tell(alice, peer("bob"));
    assert_eq!(types(&world.heard(alice)), ["peer"]);
    assert!(world.call(alice, publish(1)).is_empty());
    assert!(matches!(
        world.engine().heard.last(),
        Some(ToEngine::Say {
            message: FromClient::Publish { .. },
            ..
        })
    ));
}

#[test]
fn ca2_the_token_says_what_a_member_may_do() {
    let mut world = CallWorld::new();
    let moderation = json!({ "type": "moderate", "action": "lock", "locked": true });
    let receive = json!({ "type": "receive", "tracks": [{ "track": "t", "enabled": true }] });
    for (scope, publishes, moderates) in [
        ("read", false, false),
        ("write", true, false),
        ("admin", true, true),
    ] {
        let token = world.token("default", "*", scope);
        let person = world.enter("notes", &token);
        world.join(person, scope);
        let rights = world.engine().members[&person.0].1;
        let expected = Rights {
            publish: publishes,
            moderate: moderates,
        };
        assert_eq!(rights, expected);
        let may_publish = world.call(person, publish(1));
        assert_eq!(may_publish.is_empty(), publishes, "{scope}");
        let may_moderate = world.call(person, moderation.clone());
        assert_eq!(may_moderate.is_empty(), moderates, "{scope}");
        if !moderates {
            assert_eq!(error(&may_moderate), ("not_allowed", Some("moderate")));
        }
        // Without tracks, a description only says how somebody is reached.
        assert!(world.call(person, publish(0)).is_empty());
        assert!(world.call(person, receive.clone()).is_empty());
    }
}

#[test]
fn ca3_without_an_engine_nobody_joins_and_when_it_goes_the_call_is_over() {
    let mut world = CallWorld::without_engine();
    let token = world.token("default", "*", "write");
    let alice = world.enter("notes", &token);
    assert_eq!(
        error(&world.join(alice, "alice")),
        ("no_engine", Some("join"))
    );
    world.start_engine();
    assert_eq!(types(&world.join(alice, "alice")), ["joined"]);
    world.stop_engine();
    let heard = world.heard(alice);
    assert_eq!(
        heard[0]["call"],
        json!({ "type": "ended", "reason": "engine" })
    );
    assert_eq!(error(&world.call(alice, publish(1))).0, "no_engine");
    world.start_engine();
    assert_eq!(error(&world.call(alice, publish(1))).0, "not_joined");
    assert_eq!(types(&world.join(alice, "alice")), ["joined"]);
    world.cut_link();
    assert_eq!(types(&world.heard(alice)), ["ended"]);
}

#[test]
fn ca4_who_is_gone_is_gone_for_the_engine_and_comes_back_by_its_session() {
    let mut world = CallWorld::new();
    let alice = member(&mut world, "notes", "write", "alice");
    let stranger = {
        let token = world.token("default", "*", "write");
        world.enter("notes", &token)
    };
    world.leave(stranger);
    assert_eq!(world.engine().heard.len(), 1, "never in the call");
    world.leave(alice);
    let gone = ToEngine::Gone { member: alice.0 };
    assert_eq!(world.engine().heard.last(), Some(&gone));
    // What the engine still says to it reaches nobody.
    world.tell(alice, peer("bob"));
    assert!(world.heard(alice).is_empty());

    let token = world.token("default", "*", "write");
    let again = world.enter("notes", &token);
    let join = json!({ "type": "join", "peer": "alice", "session": "secret" });
    let joined = world.call(again, join);
    assert_eq!(joined[0]["call"]["resumed"], true);
}

#[test]
fn ca4_who_leaves_may_join_again_on_the_same_connection() {
    let mut world = CallWorld::new();
    let alice = member(&mut world, "notes", "write", "alice");
    assert_eq!(
        error(&world.join(alice, "alice")),
        ("already_joined", Some("join"))
    );
    assert!(world.call(alice, json!({ "type": "leave" })).is_empty());
    assert_eq!(error(&world.call(alice, publish(1))).0, "not_joined");
    assert_eq!(types(&world.join(alice, "alice")), ["joined"]);
    world.tell(
        alice,
        ToClient::Ended {
            reason: Ended::Lost,
        },
    );
    assert_eq!(types(&world.heard(alice)), ["ended"]);
    assert_eq!(types(&world.join(alice, "alice")), ["joined"]);
}

#[test]
fn ca4_whom_the_engine_refuses_is_no_member() {
    let mut world = CallWorld::new();
    world.engine().refused.push("alice".to_owned());
    let token = world.token("default", "*", "write");
    let alice = world.enter("notes", &token);
    assert_eq!(error(&world.join(alice, "alice")).0, "peer_taken");
    assert_eq!(error(&world.call(alice, publish(1))).0, "not_joined");
    world.leave(alice);
    let is_gone = |message: &ToEngine| matches!(message, ToEngine::Gone { .. });
    assert!(!world.engine().heard.iter().any(is_gone));
}

#[test]
fn ca5_what_is_no_message_about_a_call_goes_no_further() {
    let mut world = CallWorld::new();
    let alice = member(&mut world, "notes", "write", "alice");
    let before = world.engine().heard.len();
    let long = "x".repeat(300);
    for (call, code) in [
        (json!({ "type": "dance" }), "bad_call"),
        (json!({}), "bad_call"),
        (json!("join"), "bad_call"),
        (
            json!({ "type": "publish", "sdp": 7, "tracks": [] }),
            "bad_call",
        ),
        (publish(65), "bad_call"),
        (
            json!({ "type": "publish", "sdp": "", "tracks": [{ "mid": long, "source": "camera" }] }),
            "bad_call",
        ),
        (
            json!({ "type": "mute", "track": long, "muted": true }),
            "bad_call",
        ),
        (
            json!({ "type": "moderate", "action": "remove", "peer": long }),
            "bad_call",
        ),
        (
            json!({ "type": "answer", "offer": 1, "sdp": "x".repeat(256 << 10) }),
            "too_large",
        ),
    ] {
        assert_eq!(error(&world.call(alice, call)).0, code);
    }
    assert_eq!(
        error(&world.text(alice, r#"{"kraken":"call"}"#)).0,
        "bad_call"
    );
    assert_eq!(world.engine().heard.len(), before);
    // Signalling is as it was.
    let announced = world.text(
        alice,
        r#"{"kraken":"signal","signal":{"type":0,"from":"a"}}"#,
    );
    assert_eq!(announced[0]["kraken"], "signal");
}

#[test]
fn ca5_names_have_bounds() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    let alice = world.enter("notes", &token);
    let long = |bytes: usize| "x".repeat(bytes);
    for (join, code) in [
        (json!({ "type": "join", "peer": "" }), "bad_call"),
        (json!({ "type": "join", "peer": long(129) }), "bad_call"),
        (
            json!({ "type": "join", "peer": "a", "name": long(257) }),
            "bad_call",
        ),
        (
            json!({ "type": "join", "peer": "a", "session": long(129) }),
            "bad_call",
        ),
        (
            json!({ "type": "join", "peer": "a", "metadata": long(4096) }),
            "too_large",
        ),
    ] {
        assert_eq!(error(&world.call(alice, join)), (code, Some("join")));
    }
    let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let join = |metadata: Value| json!({ "type": "join", "peer": "a", "metadata": metadata });
    let heard = world.call(alice, join(nested(33)));
    assert_eq!(error(&heard), ("too_large", Some("join")));
    assert!(world.engine().heard.is_empty());
    // What is passed on is understood on its way back, however deep it is put.
    assert_eq!(types(&world.call(alice, join(nested(32)))), ["joined"]);
    let Some(ToEngine::Join { join, .. }) = world.engine().heard.pop() else {
        panic!("no join");
    };
    let ToClient::Peer(mut bob) = peer("bob") else {
        panic!("no peer");
    };
    bob.metadata = join.metadata;
    world.tell(alice, ToClient::Peer(bob));
    assert_eq!(types(&world.heard(alice)), ["peer"]);
    assert!(world.warnings.is_empty());
}

#[test]
fn ca5_damaged_messages_hurt_nobody() {
    let seeds = [
        json!({ "type": "join", "peer": "a", "name": "A", "metadata": { "x": [1.5, null] } }),
        publish(2),
        json!({ "type": "answer", "offer": 1, "sdp": "v=0" }),
        json!({ "type": "receive", "tracks": [{ "track": "t", "enabled": true, "width": 9 }] }),
        json!({ "type": "moderate", "action": "mute-track", "track": "t" }),
        json!({ "type": "leave" }),
    ];
    let seeds = seeds.map(|call| json!({ "kraken": "call", "call": call }).to_string());
    let mut rng = fastrand::Rng::with_seed(7);
    let mut world = CallWorld::new();
    let alice = member(&mut world, "notes", "admin", "alice");
    for _ in 0..20_000 {
        let mut bytes = rng.choice(&seeds).unwrap().clone().into_bytes();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(0..bytes.len());
            match rng.u8(0..3) {
                0 => bytes[at] = rng.u8(..),
                1 => bytes.truncate(at + 1),
                _ => bytes.insert(at, *rng.choice(b"{}[],:\"0\\").unwrap()),
            }
        }
        // What the engine hears is well-formed: the simulated one checks that.
        world.text(alice, &String::from_utf8_lossy(&bytes));
    }
    world.call(alice, json!({ "type": "leave" }));
    assert_eq!(types(&world.join(alice, "alice")), ["joined"]);
}

#[test]
fn ca6_nothing_of_one_app_reaches_another() {
    let mut world = CallWorld::new();
    world.register("other");
    let alice = member(&mut world, "notes", "admin", "alice");
    let token = world.token("other", "*", "admin");
    let eve = world.enter("notes", &token);
    world.join(eve, "eve");
    assert_eq!(world.engine().members[&alice.0].0, "default:notes");
    assert_eq!(world.engine().members[&eve.0].0, "other:notes");
    world.tell(alice, peer("bob"));
    assert!(world.heard(eve).is_empty());

    // The API shows an app's admin its own calls only, and takes nothing for others.
    let calls = world.ask_as(Some(&token), "GET", "/api/calls", &[], "");
    let calls: Value = serde_json::from_slice(&calls.body).unwrap();
    assert_eq!(calls["calls"].as_array().unwrap().len(), 1);
    assert_eq!(calls["calls"][0]["app"], "other");
    let lock = json!({ "app": "default", "room": "notes", "action": "lock", "locked": true });
    let refused = world.ask_as(Some(&token), "POST", "/api/calls", &[], &lock.to_string());
    assert_eq!(refused.status, 403);
    let own = json!({ "room": "notes", "action": "lock", "locked": true }).to_string();
    assert_eq!(
        world
            .ask_as(Some(&token), "POST", "/api/calls", &[], &own)
            .status,
        204
    );
    let Some(ToEngine::Ask {
        question: Question::Moderate { room, .. },
        ..
    }) = world.engine().heard.last()
    else {
        panic!("not asked");
    };
    assert_eq!(room, "other:notes");
}

#[test]
fn ca7_an_app_has_limits_of_its_own_for_its_calls() {
    let mut world = CallWorld::new();
    let limits = json!({ "limits": { "call_peers": 3, "call_bitrate": 1_000_000 } });
    let changed = world.ask("PATCH", "/api/apps/default", &limits.to_string());
    assert_eq!(changed.status, 200);
    let all = json!({ "limits": { "call_publishers": 2, "call_peers": 9 } });
    world.ask("PATCH", "/api/settings", &all.to_string());
    let alice = member(&mut world, "notes", "write", "alice");
    let limits = world.engine().members[&alice.0].2;
    assert_eq!(
        (limits.peers, limits.publishers, limits.bitrate),
        (3, 2, 1_000_000)
    );
    let none = json!({ "limits": { "call_peers": 0 } }).to_string();
    assert_eq!(world.ask("PATCH", "/api/settings", &none).status, 400);
}

#[test]
fn ca8_a_socket_of_the_node_itself_has_calls_too() {
    let mut world = CallWorld::new();
    let channel = world.open_channel("notes");
    world.pushed();
    let call = |call: Value| json!({ "kraken": "call", "room": "notes", "call": call });
    let heard = world.push(channel, &call(json!({ "type": "join", "peer": "owner" })));
    assert_eq!(
        (&heard[0]["room"], &heard[0]["kraken"]),
        (&json!("notes"), &json!("call"))
    );
    assert_eq!(heard[0]["call"]["type"], "joined");
    // The node's owner may do everything.
    assert_eq!(heard[0]["call"]["mayModerate"], true);
    let heard = world.push(channel, &call(json!({ "type": "dance" })));
    assert_eq!(heard[0]["call"]["code"], "bad_call");
    let other = json!({ "kraken": "call", "room": "else", "call": { "type": "leave" } });
    assert_eq!(world.push(channel, &other)[0]["code"], "not_open");
    world.close_channel(channel);
    assert!(matches!(
        world.engine().heard.last(),
        Some(ToEngine::Gone { .. })
    ));
}

#[test]
fn ca9_whom_an_admin_removes_comes_back_by_that_token_only_when_the_room_is_empty() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    let alice = member(&mut world, "notes", "admin", "alice");
    let bob = world.enter("notes", &token);
    world.join(bob, "bob");
    world.tell(
        bob,
        ToClient::Ended {
            reason: Ended::Removed,
        },
    );
    world.heard(bob);
    assert_eq!(error(&world.join(bob, "robert")), ("removed", Some("join")));
    let elsewhere = world.enter("elsewhere", &token);
    assert_eq!(types(&world.join(elsewhere, "bob")), ["joined"]);
    world.leave(alice);
    assert_eq!(types(&world.join(bob, "bob")), ["joined"]);
}

#[test]
fn ca9_a_token_that_others_in_the_call_have_too_stays_good() {
    let mut world = CallWorld::new();
    let token = world.token("default", "*", "write");
    let [alice, bob] = ["alice", "bob"].map(|name| {
        let connection = world.enter("notes", &token);
        world.join(connection, name);
        connection
    });
    let reason = Ended::Removed;
    world.tell(bob, ToClient::Ended { reason });
    world.leave(alice);
    let again = world.enter("notes", &token);
    assert_eq!(types(&world.join(again, "alice")), ["joined"]);
}

#[test]
fn ca10_a_connection_that_loses_its_right_loses_its_call() {
    let mut world = CallWorld::new();
    let alice = member(&mut world, "notes", "write", "alice");
    world.advance(3_601_000);
    assert_eq!(world.close_of(alice), Some(4501));
    let gone = ToEngine::Gone { member: alice.0 };
    assert_eq!(world.engine().heard.last(), Some(&gone));
}

#[test]
fn ca11_an_engine_that_talks_nonsense_hurts_nobody() {
    let mut world = CallWorld::new();
    let alice = member(&mut world, "notes", "write", "alice");
    world.engine_says(b"nonsense");
    world.engine_says(br#"{"type":"tell","member":7}"#);
    assert_eq!(world.warnings.len(), 2);
    world.say(&FromEngine::Answer {
        request: 99,
        answer: Ok(kraken_call::Answer::Done {}),
    });
    world.tell(ConnectionId(99), peer("bob"));
    world.tell(alice, peer("bob"));
    assert_eq!(types(&world.heard(alice)), ["peer"]);
}

#[test]
fn ca12_the_owner_sees_and_moderates_calls_by_the_api() {
    let mut world = CallWorld::new();
    let calls = world.ask("GET", "/api/calls", "");
    let calls: Value = serde_json::from_slice(&calls.body).unwrap();
    assert_eq!(calls["calls"].as_array().unwrap().len(), 2);
    assert_eq!(
        calls["calls"][0],
        json!({ "app": "default", "room": "notes", "locked": false, "recorded": false, "peers": [] })
    );
    let remove = json!({ "room": "notes", "action": "remove", "peer": "bob" }).to_string();
    assert_eq!(world.ask("POST", "/api/calls", &remove).status, 204);
    for body in ["{}", r#"{"room":"","action":"lock","locked":true}"#, "[]"] {
        assert_eq!(world.ask("POST", "/api/calls", body).status, 400, "{body}");
    }
    assert_eq!(world.ask("PUT", "/api/calls", "").status, 405);
    for scope in ["read", "write"] {
        let token = world.token("default", "*", scope);
        let refused = world.ask_as(Some(&token), "GET", "/api/calls", &[], "");
        assert_eq!(refused.status, 403);
    }
    let narrow = world.token("default", "notes", "admin");
    let refused = world.ask_as(Some(&narrow), "POST", "/api/calls", &[], &remove);
    assert_eq!(refused.status, 403);
    assert_eq!(world.ask_as(None, "GET", "/api/calls", &[], "").status, 401);
}

#[test]
fn ca12_recordings_are_the_owners() {
    let mut world = CallWorld::new();
    assert_eq!(
        world.ask("GET", "/api/recordings", "").body,
        r#"{"recordings":[]}"#
    );
    let refused = world.ask("POST", "/api/recordings", r#"{"room":"notes"}"#);
    assert_eq!(refused.status, 503);
    let refused = world.ask("DELETE", "/api/recordings?room=notes&app=default", "");
    assert_eq!(refused.status, 503);
    let Some(ToEngine::Ask {
        question: Question::StopRecording { room },
        ..
    }) = world.engine().heard.last()
    else {
        panic!("not asked");
    };
    assert_eq!(room, "default:notes");
    assert_eq!(world.ask("DELETE", "/api/recordings", "").status, 400);
    let token = world.token("default", "*", "admin");
    let refused = world.ask_as(Some(&token), "GET", "/api/recordings", &[], "");
    assert_eq!(refused.status, 403);
}

#[test]
fn ca13_a_request_waits_for_the_engine_ten_seconds_at_most() {
    let mut world = CallWorld::new();
    world.engine().is_silent = true;
    let request = world.begin(Some("admin"), "GET", "/api/calls", &[], "");
    world.advance(9_999);
    assert!(world.answer_to(request).is_none());
    world.advance(1);
    assert_eq!(world.answer_to(request).unwrap().status, 504);
    // An answer that comes later is nobody's.
    world.say(&FromEngine::Answer {
        request: 1,
        answer: Ok(kraken_call::Answer::Done {}),
    });
    let request = world.begin(Some("admin"), "GET", "/api/calls", &[], "");
    world.stop_engine();
    assert_eq!(world.answer_to(request).unwrap().status, 503);
    assert_eq!(world.ask("GET", "/api/calls", "").status, 503);
}

#[test]
fn ca13_only_so_many_requests_wait() {
    let mut world = CallWorld::new();
    world.engine().is_silent = true;
    for _ in 0..1_000 {
        world.begin(Some("admin"), "GET", "/api/calls", &[], "");
    }
    assert_eq!(world.ask("GET", "/api/calls", "").status, 503);
    world.advance(10_000);
    let request = world.begin(Some("admin"), "GET", "/api/calls", &[], "");
    assert!(world.answer_to(request).is_none());
}

#[test]
fn ca13_an_answer_to_another_question_is_an_error() {
    let mut world = CallWorld::new();
    world.engine().is_silent = true;
    let request = world.begin(Some("admin"), "GET", "/api/calls", &[], "");
    world.say(&FromEngine::Answer {
        request: 1,
        answer: Ok(kraken_call::Answer::Done {}),
    });
    assert_eq!(world.answer_to(request).unwrap().status, 502);
}

#[test]
fn ca14_health_and_metrics_tell_of_engine_and_calls() {
    let mut world = CallWorld::without_engine();
    let health = |world: &mut CallWorld| {
        let body = world.ask("GET", "/health", "").body;
        let health: Value = serde_json::from_slice(&body).unwrap();
        health["engine"].clone()
    };
    assert_eq!(health(&mut world), "off");
    world.start_engine();
    assert_eq!(health(&mut world), "on");
    member(&mut world, "notes", "write", "alice");
    member(&mut world, "notes", "write", "bob");
    let metrics = world.ask("GET", "/metrics", "").body;
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    for line in [
        "kraken_engine_up 1",
        "kraken_calls 1",
        "kraken_call_members 2",
        "kraken_call_joins_total 2",
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line}");
    }
    // The node takes no answer that comes later.
    assert_eq!(world.ask_node("/api/calls").status, 501);
}
