use std::time::Duration;

use kraken_link::{ToProcess, ToSidecar};
use kraken_sidecar::GatewayConfig;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::rig::{Client, Rig, accept, config, refusal, within};

#[tokio::test]
async fn gw1_the_process_sees_the_whole_handshake_before_the_client_gets_an_answer() {
    let (rig, mut process) = Rig::linked(config()).await;
    let mut request = rig
        .url("/doc/my%20room/x?token=a%20b&c=1")
        .into_client_request()
        .unwrap();
    let headers = request.headers_mut();
    headers.insert("Origin", "https://app.example".parse().unwrap());
    headers.insert("Authorization", "Bearer secret".parse().unwrap());
    headers.insert("User-Agent", "test".parse().unwrap());
    let connecting = tokio::spawn(connect_async(request));

    let (connection, handshake) = process.opened().await;
    assert_ne!(connection, 0);
    assert_eq!(handshake.path, "/doc/my%20room/x");
    assert_eq!(handshake.query.as_deref(), Some("token=a%20b&c=1"));
    assert_eq!(handshake.origin.as_deref(), Some("https://app.example"));
    assert_eq!(handshake.bearer.as_deref(), Some("secret"));
    assert_eq!(handshake.user_agent.as_deref(), Some("test"));
    assert_eq!(handshake.remote, "127.0.0.1");
    assert!(!connecting.is_finished());

    process.send(accept(connection)).await;
    let (_, response) = within(connecting).await.unwrap().unwrap();
    assert_eq!(response.status(), 101);
}

#[tokio::test]
async fn what_a_handshake_does_not_say_is_none() {
    let (rig, mut process) = Rig::linked(config()).await;
    tokio::spawn(connect_async(rig.url("/")));
    let (_, handshake) = process.opened().await;
    assert_eq!(handshake.path, "/");
    assert_eq!((handshake.query, handshake.origin), (None, None));
    assert_eq!((handshake.bearer, handshake.user_agent), (None, None));
}

#[tokio::test]
async fn gw2_a_refusal_is_an_http_status_with_the_reason() {
    let (rig, mut process) = Rig::linked(config()).await;
    let connecting = tokio::spawn(connect_async(rig.url("/doc/a")));
    let (connection, _) = process.opened().await;
    let reason = "bad \"token\"".to_owned();
    process
        .send(ToSidecar::Refuse {
            connection,
            status: 401,
            code: "invalid_token".to_owned(),
            reason,
        })
        .await;
    let body = r#"{"error":{"code":"invalid_token","message":"bad \"token\""}}"#;
    assert_eq!(
        refusal(within(connecting).await.unwrap()),
        (401, body.to_owned())
    );
}

#[tokio::test]
async fn gw3_a_browser_is_let_in_and_closed_with_code_and_reason() {
    let (rig, mut process) = Rig::linked(config()).await;
    let url = rig.url("/doc/a");
    let client = tokio::spawn(async move { Client::connect(&url).await.closed().await });
    let (connection, _) = process.opened().await;
    process.queue(&accept(connection));
    let reason = "origin not registered".to_owned();
    process
        .send(ToSidecar::Close {
            connection,
            code: 4403,
            reason,
        })
        .await;
    assert_eq!(
        within(client).await.unwrap(),
        (4403, "origin not registered".to_owned())
    );
    assert_eq!(
        process.next().await,
        ToProcess::Closed {
            connection,
            code: 4403
        }
    );
}

#[tokio::test]
async fn the_first_sub_protocol_is_chosen() {
    let (rig, mut process) = Rig::linked(config()).await;
    let mut request = rig.url("/").into_client_request().unwrap();
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", "one, two".parse().unwrap());
    let connecting = tokio::spawn(connect_async(request));
    let (connection, _) = process.opened().await;
    process.send(accept(connection)).await;
    let (_, response) = within(connecting).await.unwrap().unwrap();
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "one");
}

#[tokio::test]
async fn a_handshake_without_an_answer_gets_503_and_is_taken_back() {
    let handshake_timeout = Duration::from_millis(50);
    let (rig, mut process) = Rig::linked(GatewayConfig {
        handshake_timeout,
        ..config()
    })
    .await;
    let connecting = tokio::spawn(connect_async(rig.url("/")));
    let (connection, _) = process.opened().await;
    assert_eq!(refusal(within(connecting).await.unwrap()).0, 503);
    assert_eq!(
        process.next().await,
        ToProcess::Closed {
            connection,
            code: 0
        }
    );

    process.send(accept(connection)).await;
    let (_, other) = rig.client(&mut process).await;
    assert_ne!(other, connection, "numbers aren't used again");
}

#[tokio::test]
async fn a_client_that_gives_up_during_its_handshake_is_taken_back() {
    let (rig, mut process) = Rig::linked(config()).await;
    let connecting = tokio::spawn(connect_async(rig.url("/")));
    let (connection, _) = process.opened().await;
    connecting.abort();
    assert_eq!(
        process.next().await,
        ToProcess::Closed {
            connection,
            code: 0
        }
    );
}

#[tokio::test]
async fn too_many_handshakes_at_a_time_get_503() {
    let (rig, mut process) = Rig::linked(GatewayConfig {
        max_pending: 2,
        ..config()
    })
    .await;
    let waiting = [(); 2].map(|()| tokio::spawn(connect_async(rig.url("/"))));
    let (first, _) = process.opened().await;
    process.opened().await;
    assert_eq!(refusal(within(connect_async(rig.url("/"))).await).0, 503);
    process.send(accept(first)).await;
    tokio::spawn(connect_async(rig.url("/late")));
    assert_eq!(process.opened().await.1.path, "/late");
    drop(waiting);
}

#[tokio::test]
async fn a_malformed_handshake_never_reaches_the_process() {
    let (rig, mut process) = Rig::linked(config()).await;
    let upgrade = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\n{upgrade}{version}\r\n"), "400"),
        (
            format!("POST / HTTP/1.1\r\n{upgrade}{key}{version}\r\n"),
            "400",
        ),
        (format!("GET / HTTP/1.1\r\n{upgrade}{key}\r\n"), "426"),
        (
            format!("GET / HTTP/1.1\r\n{upgrade}{key}Sec-WebSocket-Version: 8\r\n\r\n"),
            "426",
        ),
    ] {
        let (head, _) = rig.http(&request).await;
        assert_eq!(head.split(' ').nth(1), Some(status), "{request}");
    }
    tokio::spawn(connect_async(rig.url("/good")));
    assert_eq!(process.opened().await.1.path, "/good");
}
