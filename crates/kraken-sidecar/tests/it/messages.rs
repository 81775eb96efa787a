use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use kraken_link::{ToProcess, ToSidecar};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::rig::{Client, MAX_MESSAGE, Rig, config, within};

fn binary(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_echoed_in_order() {
    let (rig, process) = Rig::linked(config()).await;
    tokio::spawn(process.echo());
    let clients = (0..4).map(|_| {
        let url = rig.url("/");
        tokio::spawn(async move {
            let (mut sink, mut stream) = Client::connect(&url).await.0.split();
            let sender = tokio::spawn(async move {
                for number in 0..5000 {
                    sink.feed(message(number)).await.unwrap();
                }
                sink.flush().await.unwrap();
                sink
            });
            for number in 0..5000 {
                assert_eq!(
                    within(stream.next()).await.unwrap().unwrap(),
                    message(number)
                );
            }
            drop(sender.await.unwrap());
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}

fn message(number: usize) -> Message {
    let payload = format!("{number}{}", "x".repeat(number % 700));
    if number.is_multiple_of(3) {
        Message::text(payload)
    } else {
        Message::binary(payload)
    }
}

#[tokio::test]
async fn gw4_a_publication_reaches_every_subscriber_but_one() {
    let (rig, mut process) = Rig::linked(config()).await;
    let (mut a, a_number) = rig.client(&mut process).await;
    let (mut b, b_number) = rig.client(&mut process).await;
    let (mut c, c_number) = rig.client(&mut process).await;
    for connection in [a_number, b_number] {
        process.queue(&ToSidecar::Subscribe {
            connection,
            topic: 1,
        });
    }
    process.queue(&ToSidecar::Subscribe {
        connection: c_number,
        topic: 2,
    });
    for (topic, except, text) in [(1, a_number, "to b"), (1, 0, "to a and b"), (2, 0, "to c")] {
        process.queue(&ToSidecar::Publish {
            topic,
            except,
            payload: binary(text),
        });
    }
    process.queue(&ToSidecar::Binary {
        connection: a_number,
        payload: binary("only a"),
    });
    process.queue(&ToSidecar::Unsubscribe {
        connection: a_number,
        topic: 1,
    });
    process.queue(&ToSidecar::Publish {
        topic: 1,
        except: 0,
        payload: binary("b again"),
    });
    process
        .send(ToSidecar::Text {
            connection: a_number,
            payload: binary("last"),
        })
        .await;

    assert_eq!(a.next_binary().await, "to a and b");
    assert_eq!(a.next_binary().await, "only a");
    assert_eq!(a.next().await, Message::text("last"));
    for expected in ["to b", "to a and b", "b again"] {
        assert_eq!(b.next_binary().await, expected);
    }
    assert_eq!(c.next_binary().await, "to c");
}

#[tokio::test]
async fn large_messages_pass_whole_in_both_directions() {
    let (rig, process) = Rig::linked(config()).await;
    tokio::spawn(process.echo());
    let mut client = Client::connect(&rig.url("/")).await;
    for size in [
        0,
        1,
        65_536,
        128 * 1024 + 1,
        1024 * 1024,
        MAX_MESSAGE as usize,
    ] {
        let payload: Bytes = (0..size).map(|index| (index % 251) as u8).collect();
        client.send(Message::Binary(payload.clone())).await;
        assert!(client.next_binary().await == payload, "{size} bytes");
    }
    let text = "ü".repeat(200_000);
    client.send(Message::text(text.clone())).await;
    assert!(client.next().await == Message::text(text));
}

#[tokio::test]
async fn the_process_learns_how_a_client_left() {
    let (rig, mut process) = Rig::linked(config()).await;

    let (mut client, connection) = rig.client(&mut process).await;
    client.send("before").await;
    let frame = CloseFrame {
        code: 4000.into(),
        reason: "bye".into(),
    };
    client.0.close(Some(frame)).await.unwrap();
    let payload = binary("before");
    assert_eq!(
        process.next().await,
        ToProcess::Text {
            connection,
            payload
        }
    );
    assert_eq!(
        process.next().await,
        ToProcess::Closed {
            connection,
            code: 4000
        }
    );
    assert_eq!(
        client.closed().await,
        (4000, String::new()),
        "the close is answered"
    );

    let (mut client, connection) = rig.client(&mut process).await;
    client.0.close(None).await.unwrap();
    assert_eq!(
        process.next().await,
        ToProcess::Closed {
            connection,
            code: 1005
        }
    );

    let (client, connection) = rig.client(&mut process).await;
    drop(client);
    assert_eq!(
        process.next().await,
        ToProcess::Closed {
            connection,
            code: 0
        }
    );
}

#[tokio::test]
async fn what_was_sent_before_a_close_arrives_before_it() {
    let (rig, mut process) = Rig::linked(config()).await;
    let (mut client, connection) = rig.client(&mut process).await;
    let payload = Bytes::from(vec![1; 3_000_000]);
    process.queue(&ToSidecar::Binary {
        connection,
        payload: payload.clone(),
    });
    process.queue(&ToSidecar::Close {
        connection,
        code: 4401,
        reason: String::new(),
    });
    process.queue(&ToSidecar::Binary {
        connection,
        payload: binary("too late"),
    });
    process.send_all().await;
    assert!(client.next_binary().await == payload);
    assert_eq!(client.closed().await, (4401, String::new()));
    assert_eq!(
        process.next().await,
        ToProcess::Closed {
            connection,
            code: 4401
        }
    );
}
