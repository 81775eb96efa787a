use std::io;
use std::sync::Arc;

use kraken_link::{ToProcess, ToSidecar};
use kraken_sidecar::{GatewayConfig, LinkKey, LinkStatus};
use parking_lot::Mutex;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::LevelFilter;

use crate::rig::{Rig, accept, config, refusal, within};

/// Everything that this thread logs, as long as it is there.
struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

impl Log {
    fn start() -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || Writer(writer.clone()))
            .finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.text.lock().clone()).unwrap()
    }
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn gw17_nothing_that_a_client_says_is_ever_logged() {
    let log = Log::start();
    let (rig, mut process) = Rig::linked(GatewayConfig {
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        handshakes_per_minute: 2,
        ..config()
    })
    .await;
    let request = || {
        let url = rig.url("/doc/private-room?token=query-token");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in [
            ("Authorization", "Bearer header-token"),
            ("Origin", "https://origin.example"),
            ("User-Agent", "some-agent"),
            ("X-Forwarded-For", "192.0.2.1"),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    };

    let connecting = tokio::spawn(connect_async(request()));
    let (connection, _) = process.opened().await;
    process.send(accept(connection)).await;
    let (socket, _) = within(connecting).await.unwrap().unwrap();
    let mut client = crate::rig::Client(socket);
    client.send(Message::text("said-in-the-room")).await;
    process.next().await;
    client.0.close(None).await.unwrap();
    process.next().await;

    let connecting = tokio::spawn(connect_async(request()));
    let (connection, _) = process.opened().await;
    process
        .send(ToSidecar::Refuse {
            connection,
            status: 403,
            code: "room_not_allowed".to_owned(),
            reason: "not for private-room".to_owned(),
        })
        .await;
    assert_eq!(refusal(within(connecting).await.unwrap()).0, 403);
    assert_eq!(refusal(within(connect_async(request())).await).0, 429);

    let http = "GET /private-room?token=query-token HTTP/1.1\r\nHost: host.example\r\n\
        Authorization: Bearer header-token\r\nConnection: close\r\n\r\n";
    let answer = rig.http(http);
    within(async { tokio::join!(answer, process.respond(200, "bad\u{0}type", "answer")) }).await;
    let (head, _) = rig.http("GET bad-request private-room\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    drop(process);
    rig.wait_for(|status| matches!(status, LinkStatus::Down(_)))
        .await;

    let text = log.text();
    for private in [
        "private-room",
        "query-token",
        "header-token",
        "origin.example",
        "host.example",
        "some-agent",
        "192.0.2.1",
        "127.0.0.1",
        "said-in-the-room",
        "the key",
    ] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    assert!(text.contains("connection{id=1}: "), "{text}");
    assert!(text.contains("connection opened"), "{text}");
}

#[tokio::test]
async fn gw18_a_reason_for_no_link_is_logged_once_until_it_changes() {
    let log = Log::start();
    let rig = Rig::start(config()).await;
    for _ in 0..3 {
        let mut process = rig.next_link().await;
        let ToProcess::Hello { .. } = process.next().await else {
            panic!()
        };
        let reason = "wrong link key".to_owned();
        process.send(ToSidecar::Reset { reason }).await;
    }
    for _ in 0..3 {
        drop(rig.next_link().await);
    }
    rig.accept_link().await;

    let text = log.text();
    let warnings: Vec<_> = text
        .lines()
        .filter(|line| line.contains(" WARN "))
        .collect();
    let [first, second] = warnings[..] else {
        panic!("{text}")
    };
    assert!(first.contains("the Kraken process refuses this sidecar: wrong link key"));
    assert!(second.contains("the link was closed"));
}

#[test]
fn gw17_a_key_is_not_shown() {
    let key = LinkKey::from(b"secret".to_vec());
    assert_eq!(format!("{key:?}"), "Given");
}
