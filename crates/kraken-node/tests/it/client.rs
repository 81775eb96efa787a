//! Requests and sockets of processes to servers.

use futures_util::{SinkExt, StreamExt};
use kraken_node::Hazard;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::rig::{Rig, id, package, process, process_that_may};

const HTTP_CLIENT: &str = "http-client:distro:sys";
const SERVER: &str = "server:probe:test.os";

/// A node with a client, and with a server that answers what it is asked.
async fn rig() -> Rig {
    let rig = Rig::with(package(&[
        process_that_may("main", &[HTTP_CLIENT]),
        process("server", json!({})),
    ]))
    .await;
    for bind in [
        json!({"Bind": {"path": "/", "authenticated": false, "local_only": false, "cache": false}}),
        json!({"WebSocketBind": {"path": "/ws", "authenticated": false, "extension": false}}),
    ] {
        let call = json!({"target": "http-server:distro:sys", "body": bind, "timeout": 5});
        rig.command_to(SERVER, json!({ "Call": call })).await;
    }
    rig
}

fn http(method: &str, url: &str) -> Value {
    json!({"Http": {"method": method, "version": null, "url": url,
        "headers": {"x-given": "here", "accept": "text/plain"}}})
}

fn open(url: &str) -> Value {
    json!({"WebSocketOpen": {"url": url, "headers": {}, "channel_id": 7}})
}

fn push(message_type: &str) -> Value {
    json!({"WebSocketPush": {"channel_id": 7, "message_type": message_type}})
}

fn close() -> Value {
    json!({"WebSocketClose": {"channel_id": 7}})
}

fn ack() -> Value {
    json!({"Ok": "WebSocketAck"})
}

async fn ask(rig: &Rig, action: Value, blob: Option<&str>) -> Value {
    rig.call(HTTP_CLIENT, action, blob).await["body"].clone()
}

/// A server of its own that the process has opened a socket to.
async fn accepted(rig: &Rig) -> WebSocketStream<tokio::net::TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let accept = async {
        accept_async(listener.accept().await.unwrap().0)
            .await
            .unwrap()
    };
    let (answer, socket) = tokio::join!(ask(rig, open(&url), None), accept);
    assert_eq!(answer, ack());
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_with_its_status_its_headers_in_pascal_case_and_its_body() {
    let rig = rig().await;
    let url = format!(
        "http://{}/{SERVER}/any?status=403&header-x-two-words=a",
        rig.address
    );
    let answer = rig.call(HTTP_CLIENT, http("PUT", &url), Some("sent")).await;
    let head = &answer["body"]["Ok"]["Http"];
    assert_eq!(head["status"], 403);
    assert_eq!(head["headers"]["X-Two-Words"], "a");
    assert_eq!(head["headers"]["Content-Type"], "application/octet-stream");
    let seen: Value = serde_json::from_str(answer["blob"].as_str().unwrap()).unwrap();
    let request = &seen["request"];
    assert_eq!(request["method"], "PUT");
    assert_eq!(request["headers"]["x-given"], "here");
    assert_eq!(request["headers"]["accept"], "text/plain");
    assert_eq!(request["headers"]["host"], rig.address.to_string());
    assert_eq!(seen["body"], "sent");
    assert!(rig.node.hazards().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass_both_ways() {
    let rig = rig().await;
    let size = 20 << 20;
    let url = format!("http://{}/{SERVER}/any?size={size}", rig.address);
    let blob = "y".repeat(size);
    let answer = rig.call(HTTP_CLIENT, http("POST", &url), Some(&blob)).await;
    assert_eq!(answer["blob"].as_str().unwrap().len(), size);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cant_be_sent_says_why() {
    let rig = rig().await;
    let refused = |error: Value| json!({ "Err": error });
    let url = "http://127.0.0.1:1/";
    assert_eq!(
        ask(&rig, json!("nonsense"), None).await,
        refused(json!("MalformedRequest"))
    );
    assert_eq!(
        ask(&rig, http("NO SUCH", url), None).await,
        refused(json!({"BadMethod": {"method": "NO SUCH"}}))
    );
    assert_eq!(
        ask(&rig, http("GET", "/relative"), None).await,
        refused(json!({"BadUrl": {"url": "/relative"}}))
    );
    let mut version = http("GET", url);
    version["Http"]["version"] = "HTTP/7".into();
    assert_eq!(
        ask(&rig, version, None).await,
        refused(json!({"BadVersion": {"version": "HTTP/7"}}))
    );
    // Nobody listens there.
    let failed = ask(&rig, http("GET", url), None).await;
    assert!(
        failed["Err"]["ExecuteRequestFailed"].is_string(),
        "{failed}"
    );
    let failed = ask(&rig, open("ws://127.0.0.1:1/"), None).await;
    assert!(failed["Err"]["WsOpenFailed"].is_object(), "{failed}");
    // A path that isn't bound for sockets isn't one.
    let url = format!("ws://{}/nobody", rig.address);
    let failed = ask(&rig, open(&url), None).await;
    assert_eq!(failed, refused(json!({"WsOpenFailed": {"url": url}})));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_late_is_a_timeout() {
    let rig = rig().await;
    let url = format!("http://{}/{SERVER}/?silent=1", rig.address);
    let call = json!({"target": HTTP_CLIENT, "body": http("GET", &url), "timeout": 1});
    let answer = rig.command(json!({ "Call": call })).await;
    assert_eq!(answer["error"], "Timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_carries_messages_both_ways() {
    let rig = rig().await;
    let url = format!("ws://{}/{SERVER}/ws", rig.address);
    assert_eq!(ask(&rig, open(&url), None).await, ack());
    assert_eq!(ask(&rig, push("Text"), Some("echo text")).await, ack());
    assert_eq!(ask(&rig, push("Binary"), Some("echo bytes")).await, ack());
    let log = rig.log(2).await;
    assert_eq!(log[0]["source"], HTTP_CLIENT);
    assert_eq!(log[0]["body"], push("Text"));
    assert_eq!(log[0]["blob"], "echo text");
    assert_eq!(log[1]["body"], push("Binary"));
    assert_eq!(log[1]["blob"], "echo bytes");
    // The other process has a socket like any other.
    let opened = rig.log_of(SERVER, 1).await;
    assert_eq!(opened[0]["body"]["WebSocketOpen"]["path"], "/ws");
    assert!(rig.node.hazards().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_without_what_it_needs_is_refused() {
    let rig = rig().await;
    let unknown = json!({"Err": {"WsPushUnknownChannel": {"channel_id": 7}}});
    assert_eq!(ask(&rig, push("Text"), None).await, unknown);
    let failed = json!({"Err": {"WsCloseFailed": {"channel_id": 7}}});
    assert_eq!(ask(&rig, close(), None).await, failed);
    let _server = accepted(&rig).await;
    let no_blob = json!({"Err": "WsPushNoBlob"});
    assert_eq!(ask(&rig, push("Binary"), None).await, no_blob);
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_and_pongs_lose_their_payload() {
    let rig = rig().await;
    let mut server = accepted(&rig).await;
    ask(&rig, push("Ping"), Some("lost")).await;
    let ping = server.next().await.unwrap().unwrap();
    assert_eq!(ping, Message::Ping("".into()));
    server.send(Message::Ping("lost".into())).await.unwrap();
    // The server's own answer goes out behind what it sends.
    let log = rig.log(2).await;
    assert_eq!(log[0]["body"], push("Ping"));
    assert_eq!(log[0]["blob"], json!(null));
    assert_eq!(log[1]["body"], push("Pong"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_hears_when_the_server_closes_and_when_it_is_gone() {
    let rig = rig().await;
    for abort in [false, true] {
        let mut server = accepted(&rig).await;
        match abort {
            false => server.close(None).await.unwrap(),
            true => drop(server),
        }
        assert_eq!(rig.log(1).await[0]["body"], close());
        let unknown = json!({"Err": {"WsPushUnknownChannel": {"channel_id": 7}}});
        assert_eq!(ask(&rig, push("Text"), Some("late")).await, unknown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_closes_hears_nothing_more_but_that() {
    let rig = rig().await;
    let mut server = accepted(&rig).await;
    assert_eq!(ask(&rig, close(), None).await, ack());
    server.send(Message::text("too late")).await.unwrap();
    let good_bye = server.next().await.unwrap().unwrap();
    assert!(good_bye.is_close());
    // The answer to the good-bye goes out with the next look at the socket.
    assert!(server.next().await.is_none());
    let log = rig.log(1).await;
    assert_eq!(log[0]["body"], close());
    assert_eq!(log.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_doesnt_read_is_a_hazard() {
    let rig = rig().await;
    let _server = accepted(&rig).await;
    let push = json!({"target": HTTP_CLIENT, "body": push("Binary"),
        "blob": "x".repeat(1 << 20), "repeat": 40});
    rig.command(json!({ "Send": [push] })).await;
    let url = format!("http://{}/{SERVER}/", rig.address);
    // Whatever comes after it waits until the socket is given up.
    let answer = ask(&rig, http("GET", &url), None).await;
    assert_eq!(answer["Ok"]["Http"]["status"], 200);
    let hazard = Hazard::BlockedClientSocket {
        process: id("main:probe:test.os"),
        channel_id: 7,
    };
    assert_eq!(rig.node.hazards(), [hazard]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_shuts_down_drops_the_sockets_of_its_processes() {
    let rig = rig().await;
    let mut server = accepted(&rig).await;
    rig.node.shutdown().await;
    assert!(server.next().await.is_none_or(|message| message.is_err()));
}
