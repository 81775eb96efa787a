use std::time::Duration;

use bytes::Bytes;
use kraken_link::{ToProcess, ToSidecar};
use kraken_sidecar::GatewayConfig;

use crate::rig::{Rig, config, within};

#[tokio::test]
async fn a_request_reaches_the_process_and_its_answer_the_client() {
    let (rig, mut process) = Rig::linked(config()).await;
    let request = "POST /api/apps?x=%20y HTTP/1.1\r\nHost: kraken\r\nX-One: 1\r\nX-Many: a\r\n\
        X-Many: b\r\nConnection: close\r\nTE: trailers\r\nContent-Length: 4\r\n\r\nbody";
    let answer = async { rig.http(request).await };
    let exchange = async {
        let ToProcess::Request {
            id,
            method,
            path,
            query,
            headers,
            remote,
            body,
        } = process.next().await
        else {
            panic!();
        };
        assert_eq!((method.as_str(), path.as_str()), ("POST", "/api/apps"));
        assert_eq!(query.as_deref(), Some("x=%20y"));
        let expected = [
            ("host", "kraken"),
            ("x-one", "1"),
            ("x-many", "a"),
            ("x-many", "b"),
            ("content-length", "4"),
        ];
        assert_eq!(
            headers,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(remote, "127.0.0.1");
        assert_eq!(body, "body");
        let headers = [
            ("Content-Type", "text/plain"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("Connection", "keep-alive"),
            ("Content-Length", "99"),
            ("bad name", "x"),
        ];
        let headers = headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        let body = Bytes::from_static(b"done");
        process
            .send(ToSidecar::Response {
                id,
                status: 201,
                headers,
                body,
            })
            .await;
    };
    let ((head, body), ()) = within(async { tokio::join!(answer, exchange) }).await;
    assert!(head.starts_with("HTTP/1.1 201 Created\r\n"), "{head}");
    for line in [
        "content-type: text/plain",
        "set-cookie: a=1",
        "set-cookie: b=2",
        "content-length: 4",
    ] {
        assert!(head.lines().any(|given| given == line), "{line} in {head}");
    }
    assert!(
        !head.contains("keep-alive") && !head.contains("99"),
        "{head}"
    );
    assert_eq!(body, "done");
}

#[tokio::test]
async fn requests_are_answered_in_any_order() {
    let (rig, mut process) = Rig::linked(config()).await;
    let answers = async { tokio::join!(rig.get("/a"), rig.get("/b")) };
    let exchange = async {
        let requests = [process.next().await, process.next().await];
        for request in requests.into_iter().rev() {
            let ToProcess::Request { id, path, .. } = request else {
                panic!()
            };
            let body = Bytes::from(path);
            process
                .send(ToSidecar::Response {
                    id,
                    status: 200,
                    headers: vec![],
                    body,
                })
                .await;
        }
    };
    let ((a, b), ()) = within(async { tokio::join!(answers, exchange) }).await;
    assert_eq!((a.1.as_str(), b.1.as_str()), ("/a", "/b"));
}

#[tokio::test]
async fn a_body_over_the_limit_gets_413() {
    let (rig, _process) = Rig::linked(config()).await;
    let request =
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1048577\r\n\r\n";
    let (head, body) = rig.http(request).await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert!(body.contains(r#""code":"too_large""#), "{body}");
}

#[tokio::test]
async fn gw20_large_bodies_share_a_room_and_small_ones_need_none() {
    let (rig, mut process) = Rig::linked(GatewayConfig {
        max_bodies: 1_048_576,
        ..config()
    })
    .await;
    let head = |path: &str, bytes: usize| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {bytes}\r\n\r\n"
        )
    };
    let endless = rig.begin(&head("/endless", 1_048_576)).await;
    let large = head("/large", 17_000) + &"x".repeat(17_000);
    let _large = rig.begin(&large).await;
    let _small = rig.begin(&(head("/small", 4) + "body")).await;
    let ToProcess::Request { path, .. } = process.next().await else {
        panic!()
    };
    assert_eq!(path, "/small");
    drop(endless);
    let ToProcess::Request { path, body, .. } = process.next().await else {
        panic!()
    };
    assert_eq!((path.as_str(), body.len()), ("/large", 17_000));
}

#[tokio::test]
async fn gw21_a_client_that_reads_no_answer_is_dropped() {
    // More than a socket's buffers hold.
    const ANSWERS: usize = 32;
    let (rig, mut process) = Rig::linked(GatewayConfig {
        max_connections: 1,
        write_timeout: Duration::from_millis(50),
        ..config()
    })
    .await;
    let requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(ANSWERS);
    let _stalled = rig.begin(&requests).await;
    let answers = async {
        loop {
            let ToProcess::Request { id, path, .. } = process.next().await else {
                panic!()
            };
            if path == "/next" {
                return id;
            }
            let response = ToSidecar::Response {
                id,
                status: 200,
                headers: vec![],
                body: Bytes::from(vec![0; 1 << 20]),
            };
            process.send(response).await;
        }
    };
    // It gets in when the first has gone.
    let _next = rig.begin("GET /next HTTP/1.1\r\nHost: x\r\n\r\n").await;
    within(answers).await;
}

#[tokio::test]
async fn a_request_without_an_answer_gets_504_and_one_without_its_body_408() {
    let request_timeout = Duration::from_millis(50);
    let (rig, mut process) = Rig::linked(GatewayConfig {
        request_timeout,
        ..config()
    })
    .await;
    assert_eq!(rig.get("/").await.0, "HTTP/1.1 504 Gateway Timeout");
    let ToProcess::Request { id, .. } = process.next().await else {
        panic!()
    };
    let late = ToSidecar::Response {
        id,
        status: 200,
        headers: vec![],
        body: Bytes::new(),
    };
    process.send(late).await;

    let request = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
    let (head, _) = rig.http(request).await;
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
}

#[tokio::test]
async fn a_head_that_is_late_or_too_large_is_not_waited_for() {
    let head_timeout = Duration::from_millis(100);
    let (rig, _process) = Rig::linked(GatewayConfig {
        head_timeout,
        ..config()
    })
    .await;
    let mut stream = tokio::net::TcpStream::connect(rig.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost")
        .await
        .unwrap();
    let mut answer = Vec::new();
    within(tokio::io::AsyncReadExt::read_to_end(
        &mut stream,
        &mut answer,
    ))
    .await
    .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );

    let cookie = "c".repeat(70_000);
    let request = format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n");
    let (head, _) = rig.http(&request).await;
    assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
}

#[tokio::test]
async fn an_impossible_status_of_the_process_is_a_bad_gateway() {
    let (rig, mut process) = Rig::linked(config()).await;
    let exchange = async {
        let ToProcess::Request { id, .. } = process.next().await else {
            panic!()
        };
        let answer = ToSidecar::Response {
            id,
            status: 101,
            headers: vec![],
            body: Bytes::new(),
        };
        process.send(answer).await;
    };
    let ((head, _), ()) = within(async { tokio::join!(rig.get("/"), exchange) }).await;
    assert_eq!(head, "HTTP/1.1 502 Bad Gateway");
}
