use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use kraken_link::{ToProcess, ToSidecar};
use kraken_sidecar::GatewayConfig;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::rig::{Process, Rig, TOO_FAST, config, within};

/// Takes messages of a client up to the one with this number.
async fn take(process: &mut Process, numbers: std::ops::RangeInclusive<u8>) {
    for number in numbers {
        match process.next().await {
            ToProcess::Binary { payload, .. } => assert_eq!(payload[0], number),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn gw13_a_client_over_its_rate_waits_and_neither_dies_nor_loses_anything() {
    let (rig, mut process) = Rig::linked(GatewayConfig {
        ping_interval: Duration::from_millis(250),
        ..config()
    })
    .await;
    let start = Instant::now();
    let (mut client, connection) = rig.client_with_rates(&mut process, 1, 0).await;
    for number in 1..=12 {
        client.send(Message::binary(vec![number])).await;
    }
    take(&mut process, 1..=10).await;

    // It isn't read, but still written to.
    let payload = "meanwhile".into();
    process
        .send(ToSidecar::Binary {
            connection,
            payload,
        })
        .await;
    assert_eq!(client.next_binary().await, "meanwhile");

    // Meanwhile it is pinged, and its answers aren't read.
    take(&mut process, 11..=12).await;
    assert!(start.elapsed() >= Duration::from_millis(900));
    let payload = "afterwards".into();
    process
        .send(ToSidecar::Binary {
            connection,
            payload,
        })
        .await;
    assert_eq!(client.next_binary().await, "afterwards");
}

#[tokio::test]
async fn gw13_bytes_count_too() {
    let (rig, mut process) = Rig::linked(config()).await;
    let start = Instant::now();
    let (mut client, _) = rig.client_with_rates(&mut process, 0, 1000).await;
    for number in 1..=12 {
        client.send(Message::binary(vec![number; 1000])).await;
    }
    take(&mut process, 1..=12).await;
    assert!(start.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn gw13_a_client_that_stays_over_its_rate_is_closed_and_told_the_bound() {
    let throttle_timeout = Duration::from_millis(300);
    let (rig, mut process) = Rig::linked(GatewayConfig {
        throttle_timeout,
        ..config()
    })
    .await;
    let start = Instant::now();
    let (client, _) = rig.client_with_rates(&mut process, 10, 0).await;
    let (mut sink, mut stream) = client.0.split();
    let flooding =
        tokio::spawn(
            async move { while sink.send(Message::binary(vec![0; 1000])).await.is_ok() {} },
        );
    let reading = async {
        loop {
            match within(stream.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (u16::from(frame.code), frame.reason.to_string());
                }
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let listening = async {
        let mut messages = 0;
        loop {
            match process.next().await {
                ToProcess::Binary { .. } => messages += 1,
                ToProcess::Closed { code, .. } => return (messages, code),
                other => panic!("{other:?}"),
            }
        }
    };
    let (close, (messages, code)) = tokio::join!(reading, listening);
    let reason = "more than 10 messages a second for 300ms".to_owned();
    assert_eq!((close, code), ((TOO_FAST, reason), TOO_FAST));
    assert!(start.elapsed() >= throttle_timeout);
    assert!(messages >= 100, "{messages} within the budget");
    flooding.abort();
}
