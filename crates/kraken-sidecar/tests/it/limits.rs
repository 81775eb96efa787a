use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use kraken_link::{ToProcess, ToSidecar};
use kraken_sidecar::GatewayConfig;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::rig::{MAX_MESSAGE, OVERFLOW, PATIENCE, Rig, TOO_LARGE, config, within};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn gw5_a_client_that_reads_too_slowly_is_closed_and_holds_up_nobody() {
    let max_outbox = 2 * MIB;
    let (rig, mut process) = Rig::linked(GatewayConfig {
        max_outbox,
        ..config()
    })
    .await;
    let (mut slow, slow_number) = rig.client(&mut process).await;
    let (mut quick, quick_number) = rig.client(&mut process).await;
    for connection in [slow_number, quick_number] {
        process
            .send(ToSidecar::Subscribe {
                connection,
                topic: 1,
            })
            .await;
    }
    let reader = tokio::spawn(async move {
        let mut received = 0;
        while received < 32 {
            quick.next_binary().await;
            received += 1;
        }
    });
    let payload = Bytes::from(vec![7; MIB]);
    let mut closed = false;
    for _ in 0..32 {
        process.queue(&ToSidecar::Publish {
            topic: 1,
            except: 0,
            payload: payload.clone(),
        });
        process.send_all().await;
        // Gives the quick client its time.
        sleep(Duration::from_millis(20)).await;
    }
    within(reader).await.unwrap();
    while !closed {
        let expected = ToProcess::Closed {
            connection: slow_number,
            code: OVERFLOW,
        };
        closed = process.next().await == expected;
    }
    assert_eq!(
        slow.closed().await,
        (OVERFLOW, "reading too slowly".to_owned())
    );
}

#[tokio::test]
async fn a_client_that_does_not_read_at_all_is_dropped_after_the_close_timeout() {
    let close_timeout = Duration::from_millis(200);
    let limits = GatewayConfig {
        max_outbox: MIB,
        close_timeout,
        ..config()
    };
    let (rig, mut process) = Rig::linked(limits).await;
    let (mut client, connection) = rig.client(&mut process).await;
    for _ in 0..32 {
        let payload = Bytes::from(vec![7; MIB]);
        process.queue(&ToSidecar::Binary {
            connection,
            payload,
        });
    }
    process.queue(&ToSidecar::Close {
        connection,
        code: 4401,
        reason: String::new(),
    });
    process.send_all().await;
    let ToProcess::Closed { code, .. } = process.next().await else {
        panic!()
    };
    assert_eq!(code, OVERFLOW);
    sleep(close_timeout * 3).await;
    while let Some(message) = within(client.0.next()).await {
        if message.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn gw6_a_message_that_is_too_large_is_answered_with_the_close_code() {
    let (rig, mut process) = Rig::linked(config()).await;
    let expected = (
        TOO_LARGE,
        format!("message larger than {MAX_MESSAGE} bytes"),
    );
    for size in [MAX_MESSAGE as usize + 1, 60 * MIB] {
        // One client looks for an answer only once it has sent everything, the other meanwhile.
        let (mut client, connection) = rig.client(&mut process).await;
        client.send(Message::binary(vec![0; size])).await;
        assert_eq!(client.closed().await, expected);
        assert_eq!(
            process.next().await,
            ToProcess::Closed {
                connection,
                code: TOO_LARGE
            }
        );

        let (client, connection) = rig.client(&mut process).await;
        let (mut sink, mut stream) = client.0.split();
        let sending = tokio::spawn(async move {
            let _ = sink.send(Message::binary(vec![0; size])).await;
        });
        match within(stream.next()).await {
            Some(Ok(Message::Close(Some(frame)))) => {
                assert_eq!((u16::from(frame.code), frame.reason.to_string()), expected);
            }
            other => panic!("{size} bytes: {other:?}"),
        }
        assert_eq!(
            process.next().await,
            ToProcess::Closed {
                connection,
                code: TOO_LARGE
            }
        );
        sending.abort();
    }
}

#[tokio::test]
async fn a_message_in_fragments_is_too_large_in_sum() {
    let (rig, mut process) = Rig::linked(config()).await;
    let (mut client, _) = rig.client(&mut process).await;
    let half = vec![0; MAX_MESSAGE as usize / 2 + 1];
    let frames = [(Data::Binary, false), (Data::Continue, true)];
    for (kind, last) in frames {
        let frame = Frame::message(half.clone(), OpCode::Data(kind), last);
        client.send(Message::Frame(frame)).await;
    }
    assert_eq!(client.closed().await.0, TOO_LARGE);
}

#[tokio::test]
async fn broken_websocket_traffic_is_answered_with_the_standard_codes() {
    let (rig, mut process) = Rig::linked(config()).await;
    let text = Frame::message(vec![0xFF], OpCode::Data(Data::Text), true);
    let lone = Frame::message(vec![0], OpCode::Data(Data::Continue), true);
    for (frame, code) in [(text, 1007), (lone, 1002)] {
        let (mut client, _) = rig.client(&mut process).await;
        client.send(Message::Frame(frame)).await;
        assert_eq!(client.closed().await.0, code);
        process.next().await;
    }
}

#[tokio::test]
async fn gw7_clients_wait_while_the_process_does_not_read_and_nothing_is_lost() {
    const MESSAGES: usize = 600;
    const SIZE: usize = 256 * 1024;
    let (rig, mut process) = Rig::linked(config()).await;
    let (client, connection) = rig.client(&mut process).await;
    let (mut sink, _stream) = client.0.split();
    let (count, mut sent) = tokio::sync::watch::channel(0);
    let sender = tokio::spawn(async move {
        for number in 0..MESSAGES {
            let mut payload = vec![0; SIZE];
            payload[..8].copy_from_slice(&(number as u64).to_le_bytes());
            sink.send(Message::binary(payload)).await.unwrap();
            count.send_replace(number + 1);
        }
        sink
    });
    // Until the client can't send any more.
    while timeout(Duration::from_millis(500), sent.changed())
        .await
        .is_ok()
    {}
    let before = *sent.borrow() * SIZE;
    assert!(
        before < 40 * MIB,
        "{before} bytes are somewhere between client and process"
    );
    assert!(!sender.is_finished());

    let refused = rig.get("/").await.0;
    assert_eq!(
        refused, "HTTP/1.1 503 Service Unavailable",
        "there is no room for requests either"
    );

    for number in 0..MESSAGES {
        match process.next().await {
            ToProcess::Binary {
                connection: from,
                payload,
            } => {
                assert_eq!(from, connection);
                assert_eq!(payload[..8], (number as u64).to_le_bytes());
            }
            other => panic!("{other:?}"),
        }
    }
    drop(within(sender).await.unwrap());
}

#[tokio::test]
async fn gw8_a_silent_client_is_dropped_and_one_that_answers_pings_is_not() {
    let ping_interval = Duration::from_millis(100);
    let (rig, mut process) = Rig::linked(GatewayConfig {
        ping_interval,
        ..config()
    })
    .await;
    let (mut alive, _) = rig.client(&mut process).await;
    let (_silent, silent_number) = rig.client(&mut process).await;
    let answering = tokio::spawn(async move {
        let mut pings = 0;
        while let Some(Ok(Message::Ping(_))) = alive.0.next().await {
            pings += 1;
            if pings == 10 {
                return;
            }
        }
        panic!("dropped");
    });
    let start = Instant::now();
    let closed = ToProcess::Closed {
        connection: silent_number,
        code: 0,
    };
    assert_eq!(process.next().await, closed);
    assert!(start.elapsed() < 5 * ping_interval + PATIENCE / 10);
    within(answering).await.unwrap();
}

#[tokio::test]
async fn connections_over_the_limit_wait_until_one_is_free() {
    let (rig, mut process) = Rig::linked(GatewayConfig {
        max_connections: 1,
        ..config()
    })
    .await;
    let (client, _) = rig.client(&mut process).await;
    let url = rig.url("/late");
    let late = tokio::spawn(async move { tokio_tungstenite::connect_async(url).await });
    assert!(
        timeout(Duration::from_millis(200), process.next_or_end())
            .await
            .is_err()
    );
    drop(client);
    let ToProcess::Closed { .. } = process.next().await else {
        panic!()
    };
    assert_eq!(process.opened().await.1.path, "/late");
    drop(late);
}
