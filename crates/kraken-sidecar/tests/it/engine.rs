use std::sync::Arc;

use bytes::Bytes;
use kraken_link::{MAX_ENGINE_MESSAGE, ToProcess, ToSidecar};
use kraken_sidecar::{EngineConnector, EngineSocket};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::rig::{Process, Rig, config, within};

/// How many messages the engine lets wait.
const CAPACITY: usize = 4;

/// The engine's end of a channel.
struct Engine {
    sender: mpsc::Sender<Bytes>,
    receiver: mpsc::Receiver<Bytes>,
}

/// Hands the other end of each channel to the test, as long as there are any.
#[derive(Default)]
struct Engines(Mutex<Vec<EngineSocket>>);

impl EngineConnector for Engines {
    fn connect(&self) -> Option<EngineSocket> {
        self.0.lock().pop()
    }
}

impl Engines {
    /// An engine that the gateway finds the next time it asks.
    fn add(&self) -> Engine {
        let (to_engine, from_gateway) = mpsc::channel(CAPACITY);
        let (to_gateway, from_engine) = mpsc::channel(CAPACITY);
        self.0.lock().push(EngineSocket {
            sender: to_engine,
            receiver: from_engine,
        });
        Engine {
            sender: to_gateway,
            receiver: from_gateway,
        }
    }
}

const UP: ToProcess = ToProcess::EngineUp { is_up: true };
const DOWN: ToProcess = ToProcess::EngineUp { is_up: false };

fn said(payload: &'static [u8]) -> ToProcess {
    let payload = Bytes::from_static(payload);
    ToProcess::Engine { payload }
}

fn tell(payload: &'static [u8]) -> ToSidecar {
    let payload = Bytes::from_static(payload);
    ToSidecar::Engine { payload }
}

/// A gateway with a link and an engine.
async fn rig() -> (Rig, Arc<Engines>, Process, Engine) {
    let engines = Arc::new(Engines::default());
    let engine = engines.add();
    let rig = Rig::start_with(config(), Some(engines.clone())).await;
    let mut process = rig.accept_link().await;
    assert_eq!(process.next().await, UP);
    (rig, engines, process, engine)
}

#[tokio::test]
async fn ca15_messages_of_and_for_the_engine_pass_in_order() {
    let (_rig, _engines, mut process, mut engine) = rig().await;
    for message in [&b"one"[..], b"two", b"three"] {
        engine.sender.send(message.into()).await.unwrap();
        assert_eq!(process.next().await, said(message));
        process.send(tell(message)).await;
        assert_eq!(within(engine.receiver.recv()).await.unwrap(), message);
    }
}

#[tokio::test]
async fn ca15_the_process_hears_that_an_engine_goes_and_comes() {
    let (_rig, engines, mut process, engine) = rig().await;
    drop(engine);
    assert_eq!(process.next().await, DOWN);
    // What was for it is nobody's.
    process.send(tell(b"late")).await;
    let mut engine = engines.add();
    assert_eq!(process.next().await, UP);
    process.send(tell(b"hello")).await;
    assert_eq!(within(engine.receiver.recv()).await.unwrap(), "hello");
}

#[tokio::test]
async fn ca15_an_engine_that_takes_nothing_is_left() {
    let (_rig, _engines, mut process, mut engine) = rig().await;
    for _ in 0..=CAPACITY {
        process.send(tell(b"x")).await;
    }
    assert_eq!(process.next().await, DOWN);
    for _ in 0..CAPACITY {
        assert!(within(engine.receiver.recv()).await.is_some());
    }
    assert_eq!(within(engine.receiver.recv()).await, None);
    assert!(engine.sender.is_closed());
}

#[tokio::test]
async fn ca15_each_link_has_a_channel_of_its_own() {
    let (rig, engines, process, mut engine) = rig().await;
    let mut next = engines.add();
    drop(process);
    assert_eq!(within(engine.receiver.recv()).await, None);
    let mut process = rig.accept_link().await;
    assert_eq!(process.next().await, UP);
    process.send(tell(b"hello")).await;
    assert_eq!(within(next.receiver.recv()).await.unwrap(), "hello");
}

#[tokio::test]
async fn ca15_a_message_that_is_too_large_is_dropped() {
    let (_rig, _engines, mut process, engine) = rig().await;
    let large = Bytes::from(vec![0; MAX_ENGINE_MESSAGE + 1]);
    engine.sender.send(large).await.unwrap();
    engine.sender.send("small".into()).await.unwrap();
    assert_eq!(process.next().await, said(b"small"));
}

#[tokio::test]
async fn ca15_while_the_process_is_behind_the_engine_waits() {
    let (_rig, _engines, mut process, engine) = rig().await;
    let large = Bytes::from(vec![0; MAX_ENGINE_MESSAGE]);
    let sent = tokio::spawn({
        let (sender, large) = (engine.sender.clone(), large.clone());
        async move {
            for _ in 0..100 {
                sender.send(large.clone()).await.unwrap();
            }
        }
    });
    // Far more than the window, the link's queue and the channel hold.
    assert!(!sent.is_finished());
    for _ in 0..100 {
        let expected = ToProcess::Engine {
            payload: large.clone(),
        };
        assert!(process.next().await == expected);
    }
    within(sent).await.unwrap();
}
