use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use kraken_link::{Endpoint, Handshake, ToProcess, ToSidecar, VERSION};
use kraken_sidecar::{
    ConnectError, ConnectFuture, EngineConnector, Gateway, GatewayConfig, LinkConnector,
    LinkSocket, LinkStatus,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long a test waits for anything that should happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const OVERFLOW: u16 = 4500;
pub(crate) const TOO_LARGE: u16 = 4413;
pub(crate) const TOO_FAST: u16 = 4429;
pub(crate) const MAX_MESSAGE: u32 = 8 * 1024 * 1024;

/// The beginning of a handshake.
const UPGRADE: &str = "GET /doc/a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n";

/// A gateway that serves on a port of its own.
pub(crate) struct Rig {
    pub(crate) gateway: Gateway,
    pub(crate) address: SocketAddr,
    links: Mutex<mpsc::UnboundedReceiver<LinkSocket>>,
}

/// The process's end of the link.
pub(crate) struct Process {
    endpoint: Endpoint<ToSidecar, ToProcess>,
    socket: LinkSocket,
}

/// Hands the other end of each new channel to the test.
struct TestConnector {
    links: mpsc::UnboundedSender<LinkSocket>,
}

impl LinkConnector for TestConnector {
    fn connect(&self) -> ConnectFuture<'_> {
        let (ours, theirs) = socket_pair();
        let result = self.links.send(theirs);
        Box::pin(async move {
            result.map_err(|_| ConnectError::Failed("the test is over".to_owned()))?;
            Ok(ours)
        })
    }
}

/// Two ends of a channel in memory, as narrow as one may be.
fn socket_pair() -> (LinkSocket, LinkSocket) {
    let (to_process, from_sidecar) = mpsc::channel(1);
    let (to_sidecar, from_process) = mpsc::channel(1);
    (
        LinkSocket {
            sender: to_process,
            receiver: from_process,
        },
        LinkSocket {
            sender: to_sidecar,
            receiver: from_sidecar,
        },
    )
}

pub(crate) fn config() -> GatewayConfig {
    GatewayConfig {
        key: Bytes::from_static(b"the key").into(),
        min_backoff: Duration::from_millis(10),
        ..GatewayConfig::default()
    }
}

impl Rig {
    /// A gateway that is connecting.
    pub(crate) async fn start(config: GatewayConfig) -> Self {
        Self::start_with(config, None).await
    }

    /// The same, perhaps with an engine.
    pub(crate) async fn start_with(
        config: GatewayConfig,
        engine: Option<Arc<dyn EngineConnector>>,
    ) -> Self {
        let (sender, links) = mpsc::unbounded_channel();
        let connector = Arc::new(TestConnector { links: sender });
        let gateway = match engine {
            Some(engine) => Gateway::with_engine(config, connector, engine),
            None => Gateway::new(config, connector),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(gateway.serve(listener, gateway.router()));
        let running = gateway.clone();
        tokio::spawn(async move { running.run().await });
        Self {
            gateway,
            address,
            links: Mutex::new(links),
        }
    }

    /// A gateway with a link.
    pub(crate) async fn linked(config: GatewayConfig) -> (Self, Process) {
        let rig = Self::start(config).await;
        let process = rig.accept_link().await;
        (rig, process)
    }

    /// The process's end of the next channel, before any hello.
    pub(crate) async fn next_link(&self) -> Process {
        let socket = within(async { self.links.lock().await.recv().await })
            .await
            .unwrap();
        Process {
            endpoint: Endpoint::process(),
            socket,
        }
    }

    /// Lets the gateway in.
    pub(crate) async fn accept_link(&self) -> Process {
        let mut process = self.next_link().await;
        let hello = ToProcess::Hello {
            version: VERSION,
            key: Bytes::from_static(b"the key"),
        };
        assert_eq!(process.next().await, hello);
        process.send(ToSidecar::Welcome { version: VERSION }).await;
        self.wait_for(|status| *status == LinkStatus::Up).await;
        process
    }

    pub(crate) async fn wait_for(&self, condition: impl FnMut(&LinkStatus) -> bool) -> LinkStatus {
        let mut status = self.gateway.status();
        within(status.wait_for(condition)).await.unwrap().clone()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// A client that the process has let in with the usual limits, and its number.
    pub(crate) async fn client(&self, process: &mut Process) -> (Client, u32) {
        self.client_with_rates(process, 0, 0).await
    }

    /// The same, with so many messages and bytes a second.
    pub(crate) async fn client_with_rates(
        &self,
        process: &mut Process,
        messages: u32,
        bytes: u32,
    ) -> (Client, u32) {
        let url = self.url("/doc/a");
        let connecting = tokio::spawn(async move { Client::connect(&url).await });
        let (connection, _) = process.opened().await;
        process
            .send(accept_with_rates(connection, messages, bytes))
            .await;
        (connecting.await.unwrap(), connection)
    }

    /// Sends a handshake as it is, which has to be refused, and returns the answer: head and body.
    pub(crate) async fn upgrade(&self, headers: &str) -> (String, String) {
        self.http(&format!("{UPGRADE}{headers}Connection: close\r\n\r\n"))
            .await
    }

    /// Begins a handshake with these headers. It is taken back when this is dropped.
    pub(crate) async fn begin_upgrade(&self, headers: &str) -> TcpStream {
        self.begin(&format!("{UPGRADE}{headers}\r\n")).await
    }

    /// Sends a part of an HTTP request, or all of it. It is taken back when this is dropped.
    pub(crate) async fn begin(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Sends an HTTP request as it is and returns the answer: head and body.
    pub(crate) async fn http(&self, request: &str) -> (String, String) {
        let mut stream = self.begin(request).await;
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// A GET request, answered with its status line and body.
    pub(crate) async fn get(&self, path: &str) -> (String, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (head, body) = self.http(&request).await;
        (head.lines().next().unwrap().to_owned(), body)
    }
}

pub(crate) fn accept(connection: u32) -> ToSidecar {
    accept_with_rates(connection, 0, 0)
}

fn accept_with_rates(
    connection: u32,
    messages_per_second: u32,
    bytes_per_second: u32,
) -> ToSidecar {
    ToSidecar::Accept {
        connection,
        max_message: MAX_MESSAGE,
        too_large: TOO_LARGE,
        overflow: OVERFLOW,
        messages_per_second,
        bytes_per_second,
        too_fast: TOO_FAST,
    }
}

impl Process {
    /// The next record of the gateway. Acknowledges what was taken.
    pub(crate) async fn next(&mut self) -> ToProcess {
        within(self.next_or_end()).await.unwrap()
    }

    /// The same, `None` when the gateway has closed the channel.
    pub(crate) async fn next_or_end(&mut self) -> Option<ToProcess> {
        loop {
            let next = self.endpoint.next().unwrap();
            self.flush().await;
            if next.is_some() {
                return next;
            }
            self.endpoint
                .receive(self.socket.receiver.recv().await?)
                .unwrap();
        }
    }

    pub(crate) async fn send(&mut self, record: ToSidecar) {
        self.queue(&record);
        self.flush().await;
    }

    pub(crate) fn queue(&mut self, record: &ToSidecar) {
        self.endpoint.queue(record);
    }

    /// Sends what is queued, waiting for the window to open if need be.
    pub(crate) async fn send_all(&mut self) {
        self.flush().await;
        while self.endpoint.queued() > 0 {
            let frame = within(self.socket.receiver.recv()).await.unwrap();
            self.endpoint.receive(frame).unwrap();
            self.flush().await;
        }
    }

    /// Sends bytes that may be no frame.
    pub(crate) async fn send_raw(&mut self, bytes: Bytes) {
        self.socket.sender.send(bytes).await.unwrap();
    }

    /// The next record, which has to be a handshake.
    pub(crate) async fn opened(&mut self) -> (u32, Handshake) {
        match self.next().await {
            ToProcess::Open {
                connection,
                handshake,
            } => (connection, handshake),
            other => panic!("{other:?}"),
        }
    }

    /// Answers the next record, which has to be a request.
    pub(crate) async fn respond(&mut self, status: u16, content_type: &str, body: &str) {
        let ToProcess::Request { id, .. } = self.next().await else {
            panic!()
        };
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        let body = Bytes::copy_from_slice(body.as_bytes());
        self.send(ToSidecar::Response {
            id,
            status,
            headers,
            body,
        })
        .await;
    }

    /// Answers everything the simplest way until the link closes: each message is echoed.
    pub(crate) async fn echo(mut self) {
        while let Some(record) = self.next_or_end().await {
            match record {
                ToProcess::Open { connection, .. } => self.send(accept(connection)).await,
                ToProcess::Binary {
                    connection,
                    payload,
                } => {
                    self.queue(&ToSidecar::Binary {
                        connection,
                        payload,
                    });
                }
                ToProcess::Text {
                    connection,
                    payload,
                } => {
                    self.queue(&ToSidecar::Text {
                        connection,
                        payload,
                    });
                }
                _ => {}
            }
        }
    }

    async fn flush(&mut self) {
        while let Some(frame) = self.endpoint.poll_frame() {
            if self.socket.sender.send(frame.into()).await.is_err() {
                return;
            }
        }
    }
}

/// A WebSocket client.
pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub(crate) async fn connect(url: &str) -> Self {
        Self(within(connect_async(url)).await.unwrap().0)
    }

    pub(crate) async fn send(&mut self, message: impl Into<Message>) {
        within(self.0.send(message.into())).await.unwrap();
    }

    /// The next message that isn't a ping.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            match within(self.0.next()).await.unwrap().unwrap() {
                Message::Ping(_) => {}
                message => return message,
            }
        }
    }

    pub(crate) async fn next_binary(&mut self) -> Bytes {
        match self.next().await {
            Message::Binary(payload) => payload,
            other => panic!("{other:?}"),
        }
    }

    /// Reads to the end and returns the code and reason of the close frame.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    let close = (frame.code.into(), frame.reason.to_string());
                    while let Some(Ok(_)) = within(self.0.next()).await {}
                    return close;
                }
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The status and body of a refused handshake.
pub(crate) fn refusal<T>(result: Result<T, Error>) -> (u16, String) {
    match result {
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(body).unwrap())
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused"),
    }
}

/// Fails the test rather than waiting for ever.
pub(crate) async fn within<F: IntoFuture>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.unwrap()
}
