//! The WebSockets of clients.

use futures_util::{SinkExt, StreamExt};
use kraken_node::Hazard;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::rig::{HTTP_SERVER, MAIN, Rig, id, package, process};

const WS: &str = "/main:probe:test.os/ws";

async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.bind_socket("/ws", false).await;
    rig
}

fn push(channel: u64, message_type: &str) -> Value {
    json!({"WebSocketPush": {"channel_id": channel, "message_type": message_type}})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_hears_only_path_and_channel_of_a_socket() {
    let rig = Rig::new().await;
    rig.bind_socket("/doc/*room", false).await;
    let path = "/main:probe:test.os/doc/a%2Fb/%C3%A9/?token=secret";
    let _client = rig.connect(path).await.unwrap();
    let log = rig.log(1).await;
    assert_eq!(log[0]["source"], HTTP_SERVER);
    let open = &log[0]["body"]["WebSocketOpen"];
    assert_eq!(open["path"], "/doc/a%2Fb/%C3%A9");
    assert_eq!(open.as_object().unwrap().len(), 2);
    assert_eq!(log[0]["blob"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_every_type_go_both_ways() {
    let rig = rig().await;
    let (mut client, channel) = rig.open(WS).await;
    client.send(Message::text("text")).await.unwrap();
    client.send(Message::binary(vec![0xff, 0])).await.unwrap();
    client.send(Message::Ping("ping".into())).await.unwrap();
    client.send(Message::Pong("pong".into())).await.unwrap();
    let log = rig.log(4).await;
    let heard: Vec<_> = log
        .iter()
        .map(|entry| {
            let message_type = &entry["body"]["WebSocketPush"]["message_type"];
            (
                message_type.as_str().unwrap(),
                entry["blob"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("Text", "text"),
        ("Binary", "base64:/wA="),
        ("Ping", "ping"),
        ("Pong", "pong"),
    ];
    assert_eq!(heard, expected);
    // The node itself answers a ping.
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Pong("ping".into())
    );

    for (message_type, expected) in [
        ("Text", Message::text("pushed")),
        ("Binary", Message::binary("pushed")),
        ("Ping", Message::Ping("pushed".into())),
        ("Pong", Message::Pong("pushed".into())),
    ] {
        let answer = rig
            .call(HTTP_SERVER, push(channel, message_type), Some("pushed"))
            .await;
        assert_eq!(answer["body"], json!({"Ok": null}));
        assert_eq!(client.next().await.unwrap().unwrap(), expected);
    }
    // The client's answer to the ping, in order.
    let log = rig.log(1).await;
    assert_eq!(log[0]["body"], push(channel, "Pong"));
    assert_eq!(log[0]["blob"], "pushed");
    assert!(rig.node.hazards().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_go_out_in_the_order_sent() {
    let rig = rig().await;
    let (mut client, channel) = rig.open(WS).await;
    rig.push(channel, "Text", "", Some(90)).await;
    for number in 0..90 {
        let message = client.next().await.unwrap().unwrap();
        assert_eq!(message, Message::text(number.to_string()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_close_comes_with_its_reason_but_without_its_code() {
    let rig = rig().await;
    let (mut client, channel) = rig.open(WS).await;
    let frame = CloseFrame {
        code: CloseCode::Library(4321),
        reason: "enough".into(),
    };
    client.close(Some(frame)).await.unwrap();
    let log = rig.log(2).await;
    assert_eq!(log[0]["body"], push(channel, "Close"));
    assert_eq!(log[0]["blob"], "enough");
    assert_eq!(log[1]["body"], json!({"WebSocketClose": channel}));
    assert_eq!(log[1]["blob"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_connection_only_closes() {
    let rig = rig().await;
    let (client, channel) = rig.open(WS).await;
    drop(client);
    let log = rig.log(1).await;
    assert_eq!(log[0]["body"], json!({"WebSocketClose": channel}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_bound_for_http_only_can_refuse_an_upgrade() {
    let rig = Rig::new().await;
    rig.bind("/").await;
    let path = "/main:probe:test.os/doc/x?status=426";
    assert_eq!(rig.connect(path).await.unwrap_err(), 426);
    // There is no fallback to the root for sockets.
    rig.bind_socket("/", false).await;
    assert_eq!(rig.connect(path).await.unwrap_err(), 426);
    assert!(rig.connect("/main:probe:test.os/").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unbound_socket_path_is_not_found() {
    let rig = rig().await;
    rig.http_server(json!({"WebSocketUnbind": {"path": "/ws"}}))
        .await;
    assert_eq!(rig.connect(WS).await.unwrap_err(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subprotocol_is_never_echoed() {
    let rig = rig().await;
    let mut connection = tokio::net::TcpStream::connect(rig.address).await.unwrap();
    let request = format!(
        "GET {WS} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         sec-websocket-protocol: chat, other\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(connection.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    assert!(!answer.contains("sec-websocket-protocol"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_has_128_sockets_and_the_next_falls_through_to_http() {
    let rig = rig().await;
    let mut clients = Vec::new();
    for _ in 0..128 {
        clients.push(rig.connect(WS).await.unwrap());
    }
    assert_eq!(rig.connect(WS).await.unwrap_err(), 404);
    rig.bind("/").await;
    let refusal = rig.connect(&format!("{WS}?status=503")).await.unwrap_err();
    assert_eq!(refusal, 503);
    let heard = rig.log(128).await.len();
    clients.pop();
    assert_eq!(rig.log(129 - heard).await.len(), 129 - heard);
    // The slot is free once the task has ended.
    let connected = async { while rig.connect(WS).await.is_err() {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), connected)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_or_unknown_channel_is_not_found() {
    let rig = Rig::with(package(&[
        process("main", json!({})),
        process("other", json!({})),
    ]))
    .await;
    rig.bind_socket("/ws", false).await;
    let (_client, channel) = rig.open(WS).await;
    let not_found = json!({"Err": "WsChannelNotFound"});
    let call = |channel| json!({"Call": {"target": HTTP_SERVER, "body": push(channel, "Text"), "blob": "x"}});
    let foreign = rig.command_to("other:probe:test.os", call(channel)).await;
    assert_eq!(foreign["body"], not_found);
    assert_eq!(rig.command(call(channel ^ 1)).await["body"], not_found);
    assert_eq!(
        rig.command(call(channel)).await["body"],
        json!({"Ok": null})
    );
    assert!(rig.node.hazards().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_over_125_bytes_and_a_push_without_bytes_are_errors() {
    let rig = rig().await;
    let (_client, channel) = rig.open(WS).await;
    let long = "x".repeat(126);
    let answer = rig
        .call(HTTP_SERVER, push(channel, "Ping"), Some(&long))
        .await;
    assert_eq!(answer["body"], json!({"Err": "WsPingPongTooLong"}));
    let answer = rig.call(HTTP_SERVER, push(channel, "Text"), None).await;
    assert_eq!(answer["body"], json!({"Err": "NoBlob"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_outlive_their_process_which_hears_of_unknown_channels() {
    let rig = rig().await;
    let (mut client, channel) = rig.open(WS).await;
    rig.node.kill_process(&id(MAIN));
    assert!(rig.node.restarted(&id(MAIN), 1).await);
    client.send(Message::text("still here")).await.unwrap();
    let log = rig.log(1).await;
    assert_eq!(log[0]["body"], push(channel, "Text"));
    assert_eq!(log[0]["blob"], "still here");
    client.send(Message::text("echo")).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("echo"));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_an_open_channel_is_a_hazard() {
    let rig = rig().await;
    let (mut client, channel) = rig.open(WS).await;
    let close = |channel| json!({ "WebSocketClose": channel });
    let unknown = rig.http_server(close(channel ^ 1)).await;
    assert_eq!(unknown, json!({"Ok": null}));
    assert!(rig.node.hazards().is_empty());
    rig.http_server(close(channel)).await;
    assert_eq!(
        rig.node.hazards(),
        [Hazard::ClosedOpenChannel {
            process: id(MAIN),
            channel_id: channel as u32,
        }]
    );
    assert!(!matches!(client.next().await, Some(Ok(Message::Text(_)))));
}

#[tokio::test(flavor = "multi_thread")]
async fn pushing_a_close_is_a_hazard() {
    let rig = rig().await;
    let (_client, channel) = rig.open(WS).await;
    rig.push(channel, "Close", "reason", None).await;
    assert!(matches!(
        rig.node.hazards().as_slice(),
        [Hazard::PushedClose { .. }]
    ));
    // The server goes on.
    assert!(rig.connect(WS).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn pushing_to_a_reader_that_doesnt_read_is_a_hazard_and_harms_no_other() {
    let rig = rig().await;
    let (_slow, slow_channel) = rig.open(WS).await;
    let (mut other, other_channel) = rig.open(WS).await;
    let large = "x".repeat(64 << 10);
    rig.push(slow_channel, "Text", &large, Some(400)).await;
    assert_eq!(
        rig.node.hazards(),
        [Hazard::FullSocketQueue {
            process: id(MAIN),
            channel_id: slow_channel as u32,
        }]
    );
    rig.push(other_channel, "Text", "fine", None).await;
    assert_eq!(other.next().await.unwrap().unwrap(), Message::text("fine"));
    let log = rig.log(1).await;
    assert_eq!(log[0]["body"], json!({"WebSocketClose": slow_channel}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_over_16_mib_ends_the_connection() {
    let rig = rig().await;
    let (mut client, channel) = rig.open(WS).await;
    client
        .send(Message::text("x".repeat(15 << 20)))
        .await
        .unwrap();
    let log = rig.log(1).await;
    assert_eq!(log[0]["blob"].as_str().unwrap().len(), 15 << 20);
    // It may fail while sending, or after.
    let _ = client.send(Message::text("x".repeat(17 << 20))).await;
    let log = rig.log(1).await;
    assert_eq!(log[0]["body"], json!({"WebSocketClose": channel}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_messages_waits_for_the_process_and_arrives_in_order() {
    let rig = rig().await;
    let (mut client, _) = rig.open(WS).await;
    let send = async {
        for number in 0..2_000 {
            client
                .send(Message::text(number.to_string()))
                .await
                .unwrap();
        }
    };
    let (log, ()) = tokio::join!(rig.log(2_000), send);
    for (number, entry) in log.iter().enumerate() {
        assert_eq!(entry["blob"], number.to_string());
    }
    assert!(rig.node.hazards().is_empty());
}
