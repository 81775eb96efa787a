use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use kraken_link::{Endpoint, ToProcess, ToSidecar, VERSION};
use kraken_sidecar::{Gateway, GatewayConfig, LINK_PATH, LinkKey, LinkStatus, WebSocketConnector};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{accept_hdr_async, connect_async};

use crate::rig::{Rig, config, refusal, within};

const RESTART: (u16, &str) = (1012, "service restart");

fn is_down(status: &LinkStatus) -> bool {
    matches!(status, LinkStatus::Down(_))
}

#[tokio::test]
async fn gw11_without_a_link_everything_gets_503() {
    let rig = Rig::start(config()).await;
    let (status, body) = rig.get("/health").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert!(body.contains(r#""status":"unavailable""#), "{body}");
    assert!(rig.get("/").await.1.contains(r#""code":"unavailable""#));
    assert_eq!(
        refusal(within(connect_async(rig.url("/doc/a"))).await).0,
        503
    );
}

#[tokio::test]
async fn gw9_when_the_link_drops_clients_are_closed_and_the_gateway_comes_back() {
    let (rig, mut process) = Rig::linked(config()).await;
    let (mut client, _) = rig.client(&mut process).await;
    let waiting = tokio::spawn(connect_async(rig.url("/waiting")));
    process.opened().await;
    let request = async { rig.get("/").await.0 };
    let drop_link = async {
        let ToProcess::Request { .. } = process.next().await else {
            panic!()
        };
        drop(process);
    };
    let (status, ()) = within(async { tokio::join!(request, drop_link) }).await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(refusal(within(waiting).await.unwrap()).0, 503);
    let (code, reason) = client.closed().await;
    assert_eq!((code, reason.as_str()), RESTART);

    let mut process = rig.accept_link().await;
    rig.client(&mut process).await;
}

#[tokio::test]
async fn gw10_a_process_that_started_anew_resets_the_link() {
    let (rig, mut process) = Rig::linked(config()).await;
    let (mut client, _) = rig.client(&mut process).await;
    process
        .send(ToSidecar::Reset {
            reason: "new process".to_owned(),
        })
        .await;
    let (code, reason) = client.closed().await;
    assert_eq!((code, reason.as_str()), RESTART);
    assert_eq!(
        within(process.next_or_end()).await,
        None,
        "the channel is closed"
    );
    rig.accept_link().await;
}

#[tokio::test]
async fn a_frame_of_another_link_resets_the_link_too() {
    let (rig, mut process) = Rig::linked(config()).await;
    let (mut client, _) = rig.client(&mut process).await;
    let mut other = Endpoint::process();
    other.queue(&ToSidecar::Drained);
    process.send_raw(other.poll_frame().unwrap().into()).await;
    assert_eq!(client.closed().await.0, 1012);
    rig.accept_link().await;
}

#[tokio::test]
async fn gw18_a_gateway_that_is_not_welcome_says_why() {
    let welcome_timeout = Duration::from_millis(100);
    let rig = Rig::start(GatewayConfig {
        welcome_timeout,
        ..config()
    })
    .await;
    let version = VERSION + 1;
    let other_version = format!(
        "the Kraken process speaks version {version} of the link, this sidecar version {VERSION}: \
         they have to be of the same release"
    );
    let reset = ToSidecar::Reset {
        reason: "wrong key".to_owned(),
    };
    for (answer, expected) in [
        (
            Some(reset),
            "the Kraken process refuses this sidecar: wrong key",
        ),
        (Some(ToSidecar::Welcome { version }), other_version.as_str()),
        (
            Some(ToSidecar::Drained),
            "the process sent something else than a welcome",
        ),
        (None, "the process did not answer the hello in time"),
    ] {
        let mut process = rig.next_link().await;
        process.next().await;
        if let Some(answer) = answer {
            process.send(answer).await;
        }
        let is_expected = |status: &LinkStatus| matches!(status, LinkStatus::Down(reason) if **reason == *expected);
        rig.wait_for(is_expected).await;
    }
    rig.accept_link().await;
}

#[tokio::test]
async fn gw12_shutdown_closes_clients_then_lets_the_process_finish() {
    let (rig, mut process) = Rig::linked(config()).await;
    let (mut client, connection) = rig.client(&mut process).await;
    let client = tokio::spawn(async move { client.closed().await });
    let gateway = rig.gateway.clone();
    let shutdown = tokio::spawn(async move { gateway.shutdown().await });

    assert_eq!(
        process.next().await,
        ToProcess::Closed {
            connection,
            code: 1012
        }
    );
    assert_eq!(process.next().await, ToProcess::Drain);
    let (code, reason) = within(client).await.unwrap();
    assert_eq!((code, reason.as_str()), RESTART);
    sleep(Duration::from_millis(100)).await;
    assert!(!shutdown.is_finished(), "the process still stores");

    process.send(ToSidecar::Drained).await;
    within(shutdown).await.unwrap();
    rig.wait_for(|status| *status == LinkStatus::Stopped).await;
    assert_eq!(within(process.next_or_end()).await, None);
    assert!(
        tokio::net::TcpStream::connect(rig.address).await.is_err(),
        "nobody listens"
    );
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let drain_timeout = Duration::from_millis(100);
    let (rig, mut process) = Rig::linked(GatewayConfig {
        drain_timeout,
        ..config()
    })
    .await;
    let (_client, _) = rig.client(&mut process).await;
    within(rig.gateway.shutdown()).await;
    let rig = Rig::start(config()).await;
    within(rig.gateway.shutdown()).await;
}

#[tokio::test]
async fn the_websocket_connector_reaches_a_process_through_its_node() {
    let node = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}/", node.local_addr().unwrap());
    let connector = WebSocketConnector::new(&address).unwrap();
    let gateway = Gateway::new(config(), Arc::new(connector));
    let running = gateway.clone();
    tokio::spawn(async move { running.run().await });

    let (stream, _) = within(node.accept()).await.unwrap();
    #[expect(clippy::result_large_err, reason = "the callback's type is given")]
    let check = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        assert_eq!(request.uri().path(), LINK_PATH);
        Ok(response)
    };
    let mut socket = accept_hdr_async(stream, check).await.unwrap();
    let mut process = Endpoint::process();
    let frame = within(socket.next()).await.unwrap().unwrap();
    process.receive(frame.into_data()).unwrap();
    let Some(ToProcess::Hello { .. }) = process.next().unwrap() else {
        panic!()
    };
    process.queue(&ToSidecar::Welcome { version: VERSION });
    process.queue(&ToSidecar::Publish {
        topic: 1,
        except: 0,
        payload: Bytes::from(vec![0; 3_000_000]),
    });
    while let Some(frame) = process.poll_frame() {
        socket.send(Message::binary(frame)).await.unwrap();
    }
    within(
        gateway
            .status()
            .wait_for(|status| *status == LinkStatus::Up),
    )
    .await
    .unwrap();
    socket.close(None).await.unwrap();
    let mut status = gateway.status();
    let down = within(status.wait_for(is_down)).await.unwrap().clone();
    assert_eq!(down, LinkStatus::Down("the link was closed".into()));
}

#[tokio::test]
async fn gw18_whatever_is_in_the_way_to_the_process_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}", listener.local_addr().unwrap());
    let gateway = Gateway::new(
        config(),
        Arc::new(WebSocketConnector::new(&address).unwrap()),
    );
    let running = gateway.clone();
    tokio::spawn(async move { running.run().await });
    let refusal = |status| format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
    let mut open = Vec::new();
    for (answer, expected) in [
        (refusal(404), "answers 404: is the package"),
        (refusal(200), "answers 200: is the package"),
        (refusal(403), "on the node's machine"),
        (
            "220 mail.example\r\n\r\n".to_owned(),
            "is not a Kinode node",
        ),
    ] {
        let (mut stream, _) = within(listener.accept()).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        wait_for_reason(&gateway, expected).await;
        open.push(stream);
    }
    drop((open, listener));
    wait_for_reason(&gateway, "is not reachable, is it running?").await;
}

async fn wait_for_reason(gateway: &Gateway, expected: &str) {
    let mut status = gateway.status();
    let is_expected = |status: &LinkStatus| matches!(status, LinkStatus::Down(reason) if reason.contains(expected));
    within(status.wait_for(is_expected)).await.unwrap();
}

#[tokio::test]
async fn gw19_a_key_in_a_file_is_read_for_each_link_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let rig = Rig::start(GatewayConfig {
        key: LinkKey::File(path.clone()),
        ..config()
    })
    .await;
    let status = rig.wait_for(is_down).await;
    let LinkStatus::Down(reason) = status else {
        panic!()
    };
    assert!(
        reason.starts_with("can't read the link key in "),
        "{reason}"
    );

    // At once, so that nobody reads half a file.
    let put = |key| {
        let new = folder.path().join("new");
        std::fs::write(&new, key).unwrap();
        std::fs::rename(&new, &path).unwrap();
    };
    put("first\n");
    for (expected, next) in [("first", "second"), ("second", "")] {
        let mut process = rig.next_link().await;
        put(next);
        let ToProcess::Hello { key, .. } = process.next().await else {
            panic!()
        };
        assert_eq!(key, expected);
    }
}
