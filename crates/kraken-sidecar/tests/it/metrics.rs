use kraken_link::{ToProcess, ToSidecar};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::rig::{Process, Rig, config, refusal, within};

/// The answer to a request for metrics to which the process gives this one.
async fn scrape(
    rig: &Rig,
    process: &mut Process,
    status: u16,
    content_type: &str,
) -> (String, String) {
    let answer = rig.get("/metrics");
    let own = "# TYPE kraken_rooms gauge\nkraken_rooms 3";
    within(async { tokio::join!(answer, process.respond(status, content_type, own)) })
        .await
        .0
}

#[tokio::test]
async fn gw16_the_gateway_adds_what_it_counts_to_the_metrics_of_the_process() {
    let (rig, mut process) = Rig::linked(config()).await;
    let (mut client, connection) = rig.client(&mut process).await;
    let (other, _) = rig.client(&mut process).await;
    let refused = tokio::spawn(connect_async(rig.url("/doc/a")));
    let (refused_connection, _) = process.opened().await;
    process
        .send(ToSidecar::Refuse {
            connection: refused_connection,
            status: 401,
            code: "invalid_token".to_owned(),
            reason: String::new(),
        })
        .await;
    assert_eq!(refusal(within(refused).await.unwrap()).0, 401);

    for text in ["one", "three"] {
        client.send(Message::text(text)).await;
        process.next().await;
    }
    let payload = "binary".into();
    process
        .send(ToSidecar::Binary {
            connection,
            payload,
        })
        .await;
    client.next_binary().await;
    drop(other);
    let ToProcess::Closed { code: 0, .. } = process.next().await else {
        panic!()
    };

    let (status, text) = scrape(&rig, &mut process, 200, "text/plain; version=0.0.4").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(
        text.starts_with("# TYPE kraken_rooms gauge\nkraken_rooms 3\n# HELP "),
        "{text}"
    );
    for line in [
        "kraken_gateway_connections 1",
        "kraken_gateway_connections_accepted_total 2",
        "kraken_gateway_connections_refused_total{status=\"401\"} 1",
        "kraken_gateway_connections_closed_total{reason=\"lost\"} 1",
        "kraken_gateway_connections_closed_total{reason=\"client\"} 0",
        "kraken_gateway_connections_throttled_total 0",
        "kraken_gateway_handshakes_limited_total 0",
        "kraken_gateway_messages_received_total 2",
        "kraken_gateway_message_bytes_received_total 8",
        "kraken_gateway_messages_sent_total 1",
        "kraken_gateway_message_bytes_sent_total 6",
        "kraken_gateway_link_up 1",
        "kraken_gateway_link_connects_total 1",
        "kraken_gateway_link_queue_bytes 0",
        "kraken_gateway_outbox_bytes 0",
        "kraken_gateway_http_responses_total{class=\"2xx\"} 0",
    ] {
        assert!(text.lines().any(|given| given == line), "{line} in {text}");
    }
    let (_, text) = scrape(&rig, &mut process, 200, "text/plain").await;
    assert!(
        text.contains("http_responses_total{class=\"2xx\"} 1"),
        "{text}"
    );
}

#[tokio::test]
async fn gw16_who_may_not_see_metrics_sees_none_of_the_gateway() {
    let (rig, mut process) = Rig::linked(config()).await;
    for (status, content_type) in [
        (401, "text/plain"),
        (200, "application/json"),
        (204, "text/plain"),
    ] {
        let (_, text) = scrape(&rig, &mut process, status, content_type).await;
        assert!(!text.contains("kraken_gateway_"), "{text}");
    }
}

#[tokio::test]
async fn gw16_every_way_to_end_is_counted() {
    let (rig, mut process) = Rig::linked(config()).await;
    let (mut leaving, _) = rig.client(&mut process).await;
    leaving.0.close(None).await.unwrap();
    process.next().await;
    let (_closed, connection) = rig.client(&mut process).await;
    process
        .send(ToSidecar::Close {
            connection,
            code: 4401,
            reason: String::new(),
        })
        .await;
    process.next().await;
    let (mut large, _) = rig.client(&mut process).await;
    large.send(Message::binary(vec![0; 9 * 1024 * 1024])).await;
    process.next().await;
    let (mut restarted, _) = rig.client(&mut process).await;
    drop(process);
    restarted.closed().await;

    let mut process = rig.accept_link().await;
    let (_, text) = scrape(&rig, &mut process, 200, "text/plain").await;
    for reason in ["client", "process", "too_large", "link"] {
        let line = format!("kraken_gateway_connections_closed_total{{reason=\"{reason}\"}} 1");
        assert!(text.lines().any(|given| given == line), "{line} in {text}");
    }
    assert!(
        text.contains("kraken_gateway_link_connects_total 2"),
        "{text}"
    );
}
