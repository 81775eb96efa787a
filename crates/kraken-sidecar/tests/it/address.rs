use kraken_link::ToProcess;
use kraken_sidecar::GatewayConfig;
use tokio_tungstenite::connect_async;

use crate::rig::{Rig, config, within};

/// A gateway behind a proxy on this machine.
fn behind_proxy() -> GatewayConfig {
    GatewayConfig {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..config()
    }
}

#[tokio::test]
async fn gw14_an_address_that_tries_too_often_gets_429_and_nobody_else_does() {
    let (rig, mut process) = Rig::linked(GatewayConfig {
        handshakes_per_minute: 2,
        ..behind_proxy()
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(rig.begin_upgrade("X-Forwarded-For: 192.0.2.1\r\n").await);
        assert_eq!(process.opened().await.1.remote, "192.0.2.1");
    }
    let (head, body) = rig.upgrade("X-Forwarded-For: 192.0.2.1\r\n").await;
    assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
    let mut lines = head.lines();
    let wait = lines.find_map(|line| line.strip_prefix("retry-after: "));
    let wait: u64 = wait.unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait} seconds");
    assert!(body.contains(r#""code":"too_many_handshakes""#), "{body}");

    open.push(rig.begin_upgrade("X-Forwarded-For: 192.0.2.2\r\n").await);
    assert_eq!(process.opened().await.1.remote, "192.0.2.2");

    let request = "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\
        Connection: close\r\n\r\n";
    let answer = rig.http(request);
    let ((head, _), ()) =
        within(async { tokio::join!(answer, process.respond(200, "text/plain", "")) }).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "only handshakes: {head}");
}

#[tokio::test]
async fn gw14_this_machine_may_try_as_often_as_it_likes() {
    let (rig, mut process) = Rig::linked(GatewayConfig {
        handshakes_per_minute: 1,
        ..config()
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(rig.begin_upgrade("").await);
        process.opened().await;
        // A proxy that isn't trusted stands for everybody.
        open.push(rig.begin_upgrade("X-Forwarded-For: 192.0.2.1\r\n").await);
        process.opened().await;
    }
}

#[tokio::test]
async fn gw14_the_limit_can_be_turned_off() {
    let (rig, mut process) = Rig::linked(GatewayConfig {
        handshakes_per_minute: 0,
        ..behind_proxy()
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(rig.begin_upgrade("X-Forwarded-For: 192.0.2.1\r\n").await);
        process.opened().await;
        open.clear();
        process.next().await;
    }
}

#[tokio::test]
async fn gw14_handshakes_without_a_link_are_not_counted() {
    let rig = Rig::start(GatewayConfig {
        handshakes_per_minute: 1,
        ..behind_proxy()
    })
    .await;
    for _ in 0..3 {
        let (head, _) = rig.upgrade("X-Forwarded-For: 192.0.2.1\r\n").await;
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    }
    let mut process = rig.accept_link().await;
    let _open = rig.begin_upgrade("X-Forwarded-For: 192.0.2.1\r\n").await;
    process.opened().await;
}

#[tokio::test]
async fn gw15_the_process_learns_the_client_from_a_trusted_proxy_only() {
    let spoofed = "X-Forwarded-For: 127.0.0.1, 192.0.2.1\r\n";
    for (config, headers, expected) in [
        (behind_proxy(), spoofed, "192.0.2.1"),
        (config(), spoofed, ""),
        (config(), "Forwarded: for=127.0.0.1\r\n", ""),
        (behind_proxy(), "Forwarded: for=127.0.0.1\r\n", ""),
        (behind_proxy(), "", "127.0.0.1"),
        (config(), "", "127.0.0.1"),
    ] {
        let (rig, mut process) = Rig::linked(config).await;
        let open = rig.begin_upgrade(headers).await;
        assert_eq!(process.opened().await.1.remote, expected, "{headers}");
        drop(open);
        process.next().await;

        let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
        let asking = tokio::spawn(async move { rig.http(&request).await });
        match process.next().await {
            ToProcess::Request { remote, .. } => assert_eq!(remote, expected, "{headers}"),
            other => panic!("{other:?}"),
        }
        asking.abort();
    }
}

#[tokio::test]
async fn gw15_an_address_has_no_port() {
    let (rig, mut process) = Rig::linked(config()).await;
    let connecting = tokio::spawn(connect_async(rig.url("/")));
    assert_eq!(process.opened().await.1.remote, "127.0.0.1");
    connecting.abort();
}
