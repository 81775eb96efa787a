//! Shapes, codes and texts of the JSON-RPC.

use crate::client::{Client, Way};
use crate::rig::{Rig, agent, config, get, post, until};
use serde_json::{Value, json};
use std::time::Duration;

fn json_of(answer: ureq::http::Response<ureq::Body>) -> Value {
    let text = answer.into_body().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn en20_there_is_one_path_and_one_method() {
    let rig = Rig::new(config());
    let http = rig.http;
    for answer in [
        get(http, "/", &[]),
        get(http, "/debug/pprof/", &[]),
        agent().post(format!("http://{http}/x")).send("{}").unwrap(),
        agent().delete(format!("http://{http}/")).call().unwrap(),
    ] {
        assert_eq!(answer.status(), 404);
        assert_eq!(json_of(answer), json!({ "error": "not found" }));
    }
    for body in ["", "{", "[]", "{\"id\":1}", "{\"params\":{}}", "null"] {
        let answer = post(http, body, &[]);
        assert_eq!(answer.status(), 400, "{body}");
        assert!(json_of(answer)["error"].is_string());
    }
}

#[test]
fn en21_an_id_comes_back_if_there_is_one() {
    let rig = Rig::new(config());
    let answer = post(rig.http, "{\"method\":\"info\"}", &[]);
    assert_eq!(
        answer.headers()["content-type"],
        "application/json; charset=UTF-8"
    );
    let answer = json_of(answer);
    assert!(answer.get("id").is_none() && answer.get("error").is_none());
    let answer = post(
        rig.http,
        "{\"id\":\"7\",\"method\":\"nope\",\"params\":null}",
        &[],
    );
    let answer = json_of(answer);
    assert_eq!(answer["id"], "7");
    assert!(answer.get("data").is_none());
}

#[test]
fn en22_pages_of_any_origin_may_call() {
    let rig = Rig::new(config());
    let origin = ("Origin", "https://call.example.com");
    let answer = post(rig.http, "{\"method\":\"info\"}", &[origin]);
    let headers = answer.headers();
    assert_eq!(headers["access-control-allow-origin"], origin.1);
    assert_eq!(headers["access-control-max-age"], "600");
    let request = agent().options(format!("http://{}/anything", rig.http));
    let answer = request.header(origin.0, origin.1).call().unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["access-control-allow-headers"],
        "Content-Type,Authorization,Mixin-Conversation-ID"
    );
    assert_eq!(json_of(answer), json!({}));
    let request = agent().options(format!("http://{}/", rig.http));
    assert_eq!(request.call().unwrap().status(), 404);
    let answer = post(rig.http, "{\"method\":\"info\"}", &[]);
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}

#[test]
fn en23_wrong_parameters_are_named() {
    let rig = Rig::new(config());
    let long = "x".repeat(257);
    let offer = "{\"type\":\"offer\",\"sdp\":\"\"}";
    let answer = "{\"type\":\"answer\",\"sdp\":\"\"}";
    for (method, params, code, text) in [
        ("turn", json!([]), 5_001_000, "invalid params count 0"),
        ("info", json!([1]), 5_001_000, "invalid params count 1"),
        ("list", json!([7]), 5_001_000, "invalid rid type 7"),
        (
            "publish",
            json!(["r", "u"]),
            5_001_000,
            "invalid params count 2",
        ),
        (
            "publish",
            json!(["r", null, offer]),
            5_001_000,
            "invalid uid type <nil>",
        ),
        (
            "publish",
            json!(["r", "u", {}]),
            5_001_000,
            "invalid sdp type {}",
        ),
        (
            "publish",
            json!(["r", "u", answer]),
            5_001_001,
            "invalid sdp type answer",
        ),
        ("publish", json!(["r", "u", "nope"]), 5_001_001, ""),
        (
            "publish",
            json!(["r", "u", offer]),
            5_001_001,
            "invalid sdp Unexpected `\r`, Expected `v`, sdp line",
        ),
        (
            "publish",
            json!(["r r", "u", offer]),
            5_001_000,
            "invalid rid format r r unmatch r r r+r",
        ),
        ("publish", json!([long, "u", offer]), 5_001_000, ""),
        ("publish", json!(["r", "u", offer, "x", ""]), 5_001_000, ""),
        (
            "publish",
            json!(["r", "u", offer, 0, "http://x"]),
            5_001_000,
            "invalid callback value http://x",
        ),
        (
            "restart",
            json!(["r", "u", "c"]),
            5_001_000,
            "invalid params count 3",
        ),
        (
            "restart",
            json!(["r", "u", "c", offer]),
            5_002_001,
            "peer u not found in r",
        ),
        (
            "end",
            json!(["r", "u", "c"]),
            5_002_001,
            "peer u not found in r",
        ),
        ("end", json!(["r", "u", 1]), 5_001_000, "invalid cid type 1"),
        ("trickle", json!(["r", "u", "c", "x"]), 5_001_002, ""),
        (
            "subscribe",
            json!(["r r", "u", "c"]),
            5_002_001,
            "peer u not found in r r",
        ),
        (
            "answer",
            json!(["r", "u", "c", answer]),
            5_002_001,
            "peer u not found in r",
        ),
        (
            "answer",
            json!(["r", "u", "c", offer]),
            5_001_001,
            "invalid sdp type offer",
        ),
    ] {
        let (got, description) = rig.refused(method, &params);
        assert_eq!(got, code, "{method} {params}: {description}");
        assert!(
            text.is_empty() || description == text,
            "{method}: {description}"
        );
    }
    assert_eq!(rig.call("nope", &json!([]))["error"], json!({}));
    // The end of candidates is nobody's in particular.
    for end in ["null", "{}", "{\"candidate\":\"\"}"] {
        let answer = rig.call("trickle", &json!(["r", "u", "", end]));
        assert_eq!(answer["data"], json!({}));
    }
}

#[test]
fn en24_a_call_in_the_clients_words() {
    let rig = Rig::new(config());
    let a = Client::join(rig.http, Way::udp(), "room", "a");
    let who = |session: &str| json!(["room", "a", session]);
    until("it has polled", Duration::from_secs(5), || {
        rig.call("info", &json!([]))["data"]["active_peers"] == 1
    });
    let (code, text) = rig.refused("subscribe", &who("other"));
    assert_eq!(code, 5_002_003);
    assert_eq!(text, "peer a track not match other in room");
    assert!(!text.contains(&a.session));
    let candidate =
        "{\"candidate\":\"candidate:1 1 udp 2130706431 10.0.0.1 9 typ host\",\"sdpMid\":\"0\"}";
    let trickle = |candidate: &str| json!(["room", "a", a.session, candidate]);
    assert_eq!(rig.call("trickle", &trickle(candidate))["data"], json!({}));
    let (code, _) = rig.refused("trickle", &trickle("{\"candidate\":\"nonsense\"}"));
    assert_eq!(code, 5_001_002);
    let (code, _) = rig.refused(
        "answer",
        &json!(["room", "a", a.session, "{\"type\":\"answer\",\"sdp\":\"\"}"]),
    );
    assert_eq!(code, 5_003_008);
    let limited = json!(["room", "b", "{\"type\":\"offer\",\"sdp\":\"\"}", "1", ""]);
    assert_eq!(rig.refused("publish", &limited).0, 5_002_000);
    assert_eq!(rig.refused("info", &json!([0])).0, 5_001_000);
}

#[test]
fn en25_a_list_does_not_hand_out_sessions_to_everybody() {
    let rig = Rig::new(config());
    let a = Client::join(rig.http, Way::udp(), "room", "a");
    let list = json!({ "method": "list", "params": ["room"] }).to_string();
    let open = json_of(post(rig.http, &list, &[]));
    assert_eq!(open["data"]["peers"], json!([{ "id": "a" }]));
    let wrong = json_of(post(rig.http, &list, &[("Authorization", "Bearer wrong")]));
    assert_eq!(wrong, open);
    // printf %s ROOM | openssl dgst -sha256 -hmac engine-key -binary | base64
    let of_room = "o5mM6M79iKHOeIRLcnSlC80Ne/IqtftM7ZhF34wSMCU=";
    let of_other_room = "eIHBbzcRW9Q1VB6z7dRwn2QgXgvM867nOZimlR33gLA=";
    for (key, is_shown) in [
        ("engine-key", true),
        (of_room, true),
        (of_other_room, false),
    ] {
        let authorization = format!("Bearer {key}");
        let answer = json_of(post(rig.http, &list, &[("Authorization", &authorization)]));
        let mut peer = json!({ "id": "a" });
        if is_shown {
            peer["track"] = json!(a.session);
        }
        assert_eq!(answer["data"]["peers"], json!([peer]), "{key}");
    }
    // Asking for a room doesn't make it.
    assert_eq!(
        rig.call("list", &json!(["other"]))["data"],
        json!({ "peers": [] })
    );
    until("the count is fresh", Duration::from_secs(5), || {
        rig.call("info", &json!([]))["data"]["active_rooms"] == 1
    });
}

#[test]
fn en26_the_calls_fit_into_another_server() {
    let rig = Rig::new(config());
    let page = axum::Router::new().route("/", axum::routing::get(async || "page"));
    let http = rig.serve(page.merge(rig.engine.calls()));
    let answer = json_of(post(http, "{\"method\":\"info\"}", &[]));
    assert_eq!(answer["data"]["active_peers"], 0);
    let page = get(http, "/", &[]).into_body().read_to_string().unwrap();
    assert_eq!(page, "page");
    let request = agent().options(format!("http://{http}/"));
    let answer = request
        .header("Origin", "https://a.example")
        .call()
        .unwrap();
    assert_eq!(answer.status(), 200);
}

#[test]
fn en25_a_list_hands_out_sessions_where_the_owner_wants_it() {
    let mut config = config();
    config.rpc.list_shows_sessions = true;
    let rig = Rig::new(config);
    let a = Client::join(rig.http, Way::udp(), "room", "a");
    let list = rig.call("list", &json!(["room"]));
    assert_eq!(
        list["data"]["peers"],
        json!([{ "id": "a", "track": a.session }])
    );
}
