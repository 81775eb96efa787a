//! Extensions: over TCP, and in the same program.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use kraken_node::{Extension, Hazard};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::rig::{HTTP_SERVER, MAIN, Rig, id};

const LINK: &str = "/main:probe:test.os/link";
/// Never valid MessagePack.
const FRAME: &[u8] = &[0xc1, 1, 2, 0xff];

async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.bind_socket("/link", true).await;
    rig
}

async fn open(rig: &Rig) -> (Extension, u64) {
    let extension = rig.node.connect_extension(LINK).await.unwrap();
    let log = rig.log(1).await;
    let open = &log[0]["body"]["WebSocketOpen"];
    assert_eq!(open["path"], "/link");
    (extension, open["channel_id"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_and_its_process_exchange_bytes_untouched() {
    let rig = rig().await;
    let (mut extension, channel) = open(&rig).await;
    extension
        .sender
        .send(Bytes::from_static(FRAME))
        .await
        .unwrap();
    let log = rig.log(1).await;
    assert_eq!(log[0]["source"], HTTP_SERVER);
    assert_eq!(
        log[0]["body"],
        json!({"WebSocketPush": {"channel_id": channel, "message_type": "Binary"}})
    );
    assert_eq!(log[0]["blob"], "base64:wQEC/w==");
    rig.push(channel, "Binary", "pushed", None).await;
    assert_eq!(extension.receiver.recv().await.unwrap(), "pushed");
    drop(extension);
    let log = rig.log(1).await;
    assert_eq!(log[0]["body"], json!({"WebSocketClose": channel}));
    assert!(rig.node.hazards().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_over_tcp_is_the_same_and_local_only() {
    let rig = rig().await;
    let (mut client, channel) = rig.open(LINK).await;
    client.send(Message::binary(FRAME)).await.unwrap();
    assert_eq!(rig.log(1).await[0]["blob"], "base64:wQEC/w==");
    rig.push(channel, "Binary", "pushed", None).await;
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::binary("pushed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_path_bound_for_extensions_takes_one() {
    let rig = rig().await;
    rig.bind_socket("/ws", false).await;
    for path in ["/main:probe:test.os/ws", "/main:probe:test.os/x", "/"] {
        assert!(rig.node.connect_extension(path).await.is_err(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_to_an_extension_is_answered() {
    let rig = rig().await;
    let (_extension, channel) = open(&rig).await;
    rig.push(channel, "Ping", "7", None).await;
    let log = rig.log(1).await;
    assert_eq!(
        log[0]["body"],
        json!({"WebSocketPush": {"channel_id": channel, "message_type": "Pong"}})
    );
    assert_eq!(log[0]["blob"], "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_doesnt_receive_is_a_hazard_after_100_messages() {
    let rig = rig().await;
    let (mut extension, channel) = open(&rig).await;
    rig.push(channel, "Binary", "", Some(100)).await;
    assert!(rig.node.hazards().is_empty());
    rig.push(channel, "Binary", "", Some(1)).await;
    assert_eq!(
        rig.node.hazards(),
        [Hazard::FullSocketQueue {
            process: id(MAIN),
            channel_id: channel as u32,
        }]
    );
    for number in 0..100 {
        assert_eq!(extension.receiver.recv().await.unwrap(), number.to_string());
    }
    assert_eq!(extension.receiver.recv().await, None);
    assert_eq!(
        rig.log(1).await[0]["body"],
        json!({"WebSocketClose": channel})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_outlives_a_restart_of_its_process() {
    let rig = rig().await;
    let (mut extension, _) = open(&rig).await;
    rig.node.kill_process(&id(MAIN));
    assert!(rig.node.restarted(&id(MAIN), 1).await);
    extension.sender.send("echo".into()).await.unwrap();
    assert_eq!(extension.receiver.recv().await.unwrap(), "echo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrapped_message_of_an_extension_answers_a_wrapped_request() {
    let rig = rig().await;
    let (mut extension, channel) = open(&rig).await;
    let outgoing = json!({"WebSocketExtPushOutgoing": {
        "channel_id": channel, "message_type": "Binary", "desired_reply_type": "Response"}});
    let send = json!({"target": HTTP_SERVER, "body": outgoing, "blob": "question",
        "timeout": 5, "context": "asked"});
    rig.command(json!({ "Send": [send] })).await;

    let request = extension.receiver.recv().await.unwrap();
    let wrapped: serde_json::Value = rmp_serde::from_slice(&request).unwrap();
    let data = &wrapped["WebSocketExtPushData"];
    assert_eq!(data["kinode_message_type"], "Response");
    assert_eq!(data["blob"], json!(b"question"));
    let answer = json!({"WebSocketExtPushData": {
        "id": data["id"], "kinode_message_type": "Response", "blob": b"answer"}});
    let answer = rmp_serde::to_vec_named(&answer).unwrap();
    extension.sender.send(answer.into()).await.unwrap();
    let log = rig.log(1).await;
    assert_eq!(log[0]["context"], "asked");
    assert_eq!(log[0]["blob"], "answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crossing_takes_microseconds() {
    const MESSAGES: u32 = 20_000;
    let rig = rig().await;
    let (extension, _) = open(&rig).await;
    let Extension {
        sender,
        mut receiver,
    } = extension;
    let frame = Bytes::from([b"echo".as_slice(), &[7; 96]].concat());
    let began = Instant::now();
    let sent = frame.clone();
    tokio::spawn(async move {
        for _ in 0..MESSAGES {
            sender.send(sent.clone()).await.unwrap();
        }
        // The connection lasts as long as this end of it.
        std::future::pending::<()>().await;
    });
    for _ in 0..MESSAGES {
        assert_eq!(receiver.recv().await.unwrap(), frame);
    }
    let crossing = began.elapsed() / MESSAGES;
    println!("one message in, echoed by the process, and out: {crossing:?}");
    assert!(crossing < Duration::from_micros(100), "{crossing:?}");
    assert!(rig.node.hazards().is_empty());
}
