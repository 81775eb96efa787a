//! Paths, requests, answers, cached content.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::rig::{HTTP_SERVER, MAIN, Rig, id, package, process};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_arrives_as_a_real_node_passes_it_on() {
    let rig = Rig::new().await;
    rig.bind("/doc/:room/*rest").await;
    let request = Request::post("/main:probe:test.os/doc/a%20b/c/d/?x=1&x=2&y=%C3%A9+z")
        .header("host", "node.test:8080")
        .header("X-Twice", "one")
        .header("x-twice", "two")
        .body(Body::from("hello"))
        .unwrap();
    let answer = rig.request(request, true).await;
    assert_eq!(answer.status, 200);
    let echoed: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(echoed["body"], "hello");
    assert_eq!(
        echoed["request"],
        json!({
            "source_socket_addr": "127.0.0.1:4321",
            "method": "POST",
            "url": "http://node.test/main:probe:test.os/doc/a%20b/c/d",
            "bound_path": "/main:probe:test.os/doc/:room/*rest",
            "headers": {"host": "node.test:8080", "x-twice": "two"},
            "url_params": {"room": "a%20b", "rest": "c/d"},
            "query_params": {"x": "2", "y": "é z"},
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_headers_and_body_of_the_answer_pass_through() {
    let rig = Rig::new().await;
    rig.bind("/").await;
    let answer = rig
        .get("/main:probe:test.os/?status=418&body=short&header-x-a=b&header-content-type=text/x&header-content-length=99")
        .await;
    assert_eq!(answer.status, 418);
    assert_eq!(answer.body, "short");
    assert_eq!(answer.headers["x-a"], "b");
    assert_eq!(answer.headers["content-type"], "text/x");
    assert!(
        answer
            .headers
            .get("content-length")
            .is_none_or(|length| length == "5")
    );

    let plain = rig.get("/main:probe:test.os/?body=x").await;
    assert_eq!(plain.headers["content-type"], "application/octet-stream");
    assert!(!plain.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_catches_every_path_of_the_process_and_no_other() {
    let rig = Rig::new().await;
    assert_eq!(rig.get("/main:probe:test.os/x").await.status, 404);
    rig.bind("/").await;
    for path in ["", "/", "/x", "/x/y/z"] {
        let answer = rig.get(&format!("/main:probe:test.os{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    assert_eq!(rig.get("/other:probe:test.os/").await.status, 404);
    assert_eq!(rig.get("/").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_arrive_like_any_other_method() {
    let rig = Rig::new().await;
    rig.bind("/x").await;
    for method in ["OPTIONS", "DELETE", "PUT", "PATCH", "HEAD"] {
        let request = Request::builder()
            .method(method)
            .uri("/main:probe:test.os/x");
        let answer = rig
            .request(request.body(Body::empty()).unwrap(), false)
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["x-probe"], "yes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unbound_path_is_not_found() {
    let rig = Rig::new().await;
    rig.bind("x/").await;
    assert_eq!(rig.get("/main:probe:test.os/x").await.status, 200);
    let unbound = rig.http_server(json!({"Unbind": {"path": "/x"}})).await;
    assert_eq!(unbound, json!({"Ok": null}));
    assert_eq!(rig.get("/main:probe:test.os/x").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_content_answers_get_without_the_process() {
    let rig = Rig::new().await;
    let bind = json!({"Bind": {"path": "/page", "authenticated": false, "local_only": false, "cache": true}});
    let refused = rig.http_server(bind.clone()).await;
    assert_eq!(refused, json!({"Err": "NoBlob"}));
    let bound = rig.call(HTTP_SERVER, bind, Some("cached")).await;
    assert_eq!(bound["body"], json!({"Ok": null}));

    let answer = rig.get("/main:probe:test.os/page?body=other").await;
    assert_eq!(answer.body, "cached");
    assert_eq!(answer.headers["content-type"], "text/plain");
    let post = Request::post("/main:probe:test.os/page?body=other").body(Body::empty());
    assert_eq!(rig.request(post.unwrap(), true).await.body, "other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_path_is_forbidden_to_others() {
    let rig = Rig::new().await;
    let bind =
        json!({"Bind": {"path": "/x", "authenticated": false, "local_only": true, "cache": false}});
    rig.http_server(bind).await;
    let request = || {
        Request::get("/main:probe:test.os/x")
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(rig.request(request(), true).await.status, 200);
    assert_eq!(rig.request(request(), false).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_doesnt_answer_in_15_seconds_gives_408() {
    let rig = Rig::new().await;
    rig.bind("/").await;
    let began = Instant::now();
    let answer = rig.get("/main:probe:test.os/?silent=1").await;
    assert_eq!(answer.status, 408);
    assert!(began.elapsed().abs_diff(Duration::from_secs(15)) < Duration::from_secs(2));
    assert_eq!(rig.get("/main:probe:test.os/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_answer_gives_500() {
    let rig = Rig::new().await;
    rig.bind("/").await;
    let answer = rig.get("/main:probe:test.os/?malformed=1").await;
    assert_eq!(answer.status, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass_both_ways() {
    let rig = Rig::new().await;
    rig.bind("/").await;
    let body = "x".repeat(8 << 20);
    let request = Request::post("/main:probe:test.os/").body(Body::from(body.clone()));
    let answer = rig.request(request.unwrap(), true).await;
    let echoed: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(echoed["body"], body);
    let answer = rig.get("/main:probe:test.os/?size=50000000").await;
    assert_eq!(answer.body.len(), 50_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_names_in_lower_case_may_bind() {
    let rig = Rig::with(package(&[process("not_allowed", json!({}))])).await;
    let bind =
        json!({"Bind": {"path": "/", "authenticated": false, "local_only": false, "cache": false}});
    let call = json!({"Call": {"target": HTTP_SERVER, "body": bind}});
    let answer = rig.command_to("not_allowed:probe:test.os", call).await;
    assert_eq!(answer["body"], json!({"Err": "InvalidSourceProcess"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_to_the_server_is_an_error() {
    let rig = Rig::new().await;
    let answer = rig.http_server(json!({"Nonsense": 1})).await;
    assert_eq!(answer, json!({"Err": "MalformedRequest"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_when_its_process_traps_is_not_answered_but_the_next_is() {
    let rig = Rig::new().await;
    rig.bind("/").await;
    let silent = rig.get("/main:probe:test.os/?silent=1");
    let killed = async {
        rig.command(json!("Log")).await;
        rig.node.kill_process(&id(MAIN));
        assert!(rig.node.restarted(&id(MAIN), 1).await);
        // The binding is still there, as the server keeps it.
        assert_eq!(rig.get("/main:probe:test.os/").await.status, 200);
    };
    tokio::select! {
        answer = silent => panic!("answered with {}", answer.status),
        () = killed => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_on_this_machine_reach_processes_by_remote_procedure_calls() {
    let rig = Rig::new().await;
    let message = |body: Value| {
        Request::post("/rpc:distro:sys/message")
            .body(Body::from(body.to_string()))
            .unwrap()
    };
    let send = json!({"node": null, "process": MAIN, "body": "hello", "data": "aGk="});
    assert_eq!(rig.request(message(send.clone()), false).await.status, 403);
    assert_eq!(rig.request(message(send), true).await.status, 200);
    let log = rig.log(1).await;
    assert_eq!(log[0]["source"], HTTP_SERVER);
    assert_eq!(log[0]["body"], "hello");
    assert_eq!(log[0]["blob"], "hi");

    let vfs = json!({"path": "/probe:test.os/pkg/ui/index.html", "action": "Read"});
    let call = json!({"process": "vfs:distro:sys", "body": vfs.to_string(), "expects_response": 5});
    // The HTTP server lacks the capability for it, as on a real node.
    let request =
        tokio::time::timeout(Duration::from_millis(200), rig.request(message(call), true));
    assert!(request.await.is_err());
    let bad = rig
        .request(message(json!({"process": "nobody"})), true)
        .await;
    assert_eq!(bad.status, 400);
}
