//! A node with Kraken on it, a gateway, and clients.

use futures_util::{SinkExt, StreamExt};
use kraken_node::{Node, NodeConfig, Package, ProcessId};
use kraken_sidecar::{
    ConnectError, ConnectFuture, Gateway, GatewayConfig, LINK_PATH, LinkConnector, LinkSocket,
    LinkStatus,
};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::ORIGIN;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long anything may take before a test fails.
pub(crate) const SOON: Duration = Duration::from_secs(20);

const TOKEN: &str = "master";

pub(crate) struct Rig {
    pub(crate) node: Node,
    pub(crate) gateway: Gateway,
    address: SocketAddr,
    home: TempDir,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut config = NodeConfig::new("test.os", home.path());
        config.disorder = true;
        config.cache = Some(cache());
        let node = Node::start(config).await.unwrap();
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pkg");
        node.install(Package::from_folder(&package).unwrap())
            .await
            .unwrap();
        // Write-first: a writer's echo says that its update is stored.
        let settings = format!(r#""master_token":"{TOKEN}","durability":"write-first""#);
        let setup = format!(r#"{{"Setup":{{{settings}}}}}"#);
        let terminal = "test:terminal:sys".parse().unwrap();
        node.message(terminal, process(), setup, SOON)
            .await
            .unwrap();

        let key = std::fs::read(home.path().join("vfs/kraken:template.os/link/key")).unwrap();
        let gateway = gateway(&node, &key);
        linked(&gateway).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(gateway.serve(listener, gateway.router()));
        Self {
            node,
            gateway,
            address,
            home,
        }
    }

    pub(crate) fn link_key(&self) -> Vec<u8> {
        std::fs::read(self.home.path().join("vfs/kraken:template.os/link/key")).unwrap()
    }

    pub(crate) async fn client(&self, room: &str) -> Client {
        let url = format!("ws://{}/doc/{room}?token={TOKEN}", self.address);
        let mut request = url.into_client_request().unwrap();
        let origin = HeaderValue::from_static("http://localhost:3000");
        request.headers_mut().insert(ORIGIN, origin);
        let connecting = timeout(SOON, connect_async(request));
        let (socket, _) = connecting.await.unwrap().unwrap();
        Client { socket }
    }

    /// Kills the process as a panic would, and waits until it is back.
    pub(crate) async fn kill_process(&self) {
        let process = process();
        let restarts = self.node.restarts(&process);
        assert!(self.node.kill_process(&process));
        let back = self.node.restarted(&process, restarts + 1);
        assert!(timeout(SOON, back).await.unwrap());
    }

    /// Ends everything. The process must have done nothing that would hurt a real node.
    pub(crate) async fn end(self) {
        self.gateway.shutdown().await;
        assert_eq!(self.node.hazards(), []);
        self.node.shutdown().await;
    }
}

/// A folder for compiled components, for all tests.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("components")
}

pub(crate) fn process() -> ProcessId {
    "kraken:kraken:template.os".parse().unwrap()
}

/// A gateway that is trying to link.
pub(crate) fn gateway(node: &Node, key: &[u8]) -> Gateway {
    let config = GatewayConfig {
        key: key.to_vec().into(),
        ..GatewayConfig::default()
    };
    let gateway = Gateway::new(config, Arc::new(InProcess(node.clone())));
    let link = gateway.clone();
    tokio::spawn(async move { link.run().await });
    gateway
}

pub(crate) async fn linked(gateway: &Gateway) {
    let mut status = gateway.status();
    let up = status.wait_for(|status| *status == LinkStatus::Up);
    timeout(SOON, up).await.unwrap().unwrap();
}

struct InProcess(Node);

impl LinkConnector for InProcess {
    fn connect(&self) -> ConnectFuture<'_> {
        Box::pin(async {
            let extension = self.0.connect_extension(LINK_PATH).await;
            let extension = extension.map_err(|error| ConnectError::Failed(error.to_string()))?;
            Ok(LinkSocket {
                sender: extension.sender,
                receiver: extension.receiver,
            })
        })
    }
}

/// A WebSocket that speaks y-protocols bytes.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(crate) async fn send(&mut self, message: &[u8]) {
        let message = Message::binary(message.to_vec());
        self.socket.send(message).await.unwrap();
    }

    /// The next binary message, or the close code.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, u16> {
        loop {
            match timeout(SOON, self.socket.next()).await.unwrap() {
                Some(Ok(Message::Binary(message))) => return Ok(message.to_vec()),
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                Some(Ok(_)) => {}
                other => panic!("the connection ended without a code: {other:?}"),
            }
        }
    }

    /// The next message that begins with these bytes.
    pub(crate) async fn next_like(&mut self, beginning: &[u8]) -> Vec<u8> {
        loop {
            let message = self.next().await.unwrap();
            if message.starts_with(beginning) {
                return message;
            }
        }
    }

    /// Everything there is of the document: the answer to an empty step 1.
    pub(crate) async fn everything(&mut self) -> Vec<u8> {
        self.send(&[0, 0, 1, 0]).await;
        self.next_like(&[0, 1]).await
    }

    /// The code with which the connection is closed.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}
