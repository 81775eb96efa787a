//! A node with the probe in it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use kraken_node::{Node, NodeConfig, Package, ProcessId};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tower::ServiceExt;

pub(crate) const MAIN: &str = "main:probe:test.os";
pub(crate) const HTTP_SERVER: &str = "http-server:distro:sys";
const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A node, and where its clients reach it.
pub(crate) struct Rig {
    pub(crate) node: Node,
    pub(crate) home: Home,
    pub(crate) address: SocketAddr,
}

/// A folder that is removed in the end.
pub(crate) struct Home(pub(crate) PathBuf);

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: String,
}

impl Rig {
    /// A node with one process that has every capability.
    pub(crate) async fn new() -> Self {
        Self::with(package(&[process("main", json!({}))])).await
    }

    pub(crate) async fn with(package: Package) -> Self {
        let rig = Self::without_package(Home::new(), |_| {}).await;
        rig.node.install(package).await.unwrap();
        rig
    }

    pub(crate) async fn without_package(home: Home, set_up: impl FnOnce(&mut NodeConfig)) -> Self {
        let mut config = NodeConfig::new("test.os", &home.0);
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("components");
        config.cache = Some(cache);
        set_up(&mut config);
        let node = Node::start(config).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = node
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self {
            node,
            home,
            address,
        }
    }

    /// Gives the main process a command and returns its answer.
    pub(crate) async fn command(&self, command: Value) -> Value {
        self.command_to(MAIN, command).await
    }

    pub(crate) async fn command_to(&self, process: &str, command: Value) -> Value {
        self.try_command(process, command).await.unwrap()
    }

    pub(crate) async fn try_command(&self, process: &str, command: Value) -> anyhow::Result<Value> {
        let body = self
            .node
            .message(
                id("cli:terminal:sys"),
                id(process),
                command.to_string(),
                TIMEOUT,
            )
            .await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Lets the main process call a service; gives `body`, `blob` or `error`.
    pub(crate) async fn call(&self, service: &str, body: Value, blob: Option<&str>) -> Value {
        let call = json!({"target": service, "body": body, "blob": blob, "timeout": 5});
        self.command(json!({ "Call": call })).await
    }

    /// Lets the main process ask the HTTP server for something.
    pub(crate) async fn http_server(&self, action: Value) -> Value {
        self.call(HTTP_SERVER, action, None).await["body"].clone()
    }

    pub(crate) async fn bind(&self, path: &str) {
        let bind = json!({"Bind": {"path": path, "authenticated": false, "local_only": false, "cache": false}});
        assert_eq!(self.http_server(bind).await, json!({"Ok": null}));
    }

    pub(crate) async fn bind_socket(&self, path: &str, extension: bool) {
        let bind = json!({"WebSocketBind": {"path": path, "authenticated": false, "extension": extension}});
        assert_eq!(self.http_server(bind).await, json!({"Ok": null}));
    }

    /// Lets the main process push, without asking for an answer.
    pub(crate) async fn push(
        &self,
        channel: u64,
        message_type: &str,
        blob: &str,
        repeat: Option<u32>,
    ) {
        let body = json!({"WebSocketPush": {"channel_id": channel, "message_type": message_type}});
        let push = json!({"target": HTTP_SERVER, "body": body, "blob": blob, "repeat": repeat});
        self.command(json!({ "Send": [push] })).await;
    }

    /// Waits until so many messages were logged.
    pub(crate) async fn log(&self, count: usize) -> Vec<Value> {
        self.log_of(MAIN, count).await
    }

    pub(crate) async fn log_of(&self, process: &str, count: usize) -> Vec<Value> {
        let mut log = Vec::new();
        let gather = async {
            while log.len() < count {
                match self.command_to(process, json!("Log")).await {
                    Value::Array(entries) => log.extend(entries),
                    other => panic!("not a log: {other}"),
                }
            }
        };
        let waited = tokio::time::timeout(TIMEOUT, gather).await;
        assert!(waited.is_ok(), "only got {log:#?}");
        log
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header("host", "node.test:8080");
        self.request(request.body(Body::empty()).unwrap(), true)
            .await
    }

    /// Sends a request, from this machine or from another.
    pub(crate) async fn request(&self, mut request: Request<Body>, is_local: bool) -> Answer {
        let client: SocketAddr = match is_local {
            true => ([127, 0, 0, 1], 4321).into(),
            false => ([203, 0, 113, 7], 4321).into(),
        };
        request.extensions_mut().insert(ConnectInfo(client));
        let response = self.node.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// Connects a WebSocket; in case of a refusal gives its status.
    pub(crate) async fn connect(&self, path: &str) -> Result<Client, StatusCode> {
        self.connect_with(path, &[]).await
    }

    pub(crate) async fn connect_with(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, StatusCode> {
        let url = format!("ws://{}{path}", self.address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((client, _)) => Ok(client),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Connects a WebSocket and waits until the process has heard of it.
    pub(crate) async fn open(&self, path: &str) -> (Client, u64) {
        let client = self.connect(path).await.unwrap();
        (client, self.opened().await)
    }

    /// The channel of the socket that has just been opened.
    pub(crate) async fn opened(&self) -> u64 {
        let log = self.log(1).await;
        assert_eq!(log.len(), 1, "{log:#?}");
        log[0]["body"]["WebSocketOpen"]["channel_id"]
            .as_u64()
            .unwrap()
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("node-{}-{number}", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn id(text: &str) -> ProcessId {
    text.parse().unwrap()
}

/// One process of a manifest, with every capability unless it says otherwise.
pub(crate) fn process(name: &str, differences: Value) -> Value {
    let services = [
        "http-server:distro:sys",
        "sqlite:distro:sys",
        "timer:distro:sys",
        "vfs:distro:sys",
    ];
    let mut process = json!({
        "process_name": name,
        "process_wasm_path": "/probe.wasm",
        "on_exit": "Restart",
        "request_networking": false,
        "request_capabilities": services,
        "grant_capabilities": [],
        "public": true,
    });
    for (key, value) in differences.as_object().unwrap() {
        process[key] = value.clone();
    }
    process
}

/// One process of a manifest with these capabilities, and those it has anyway.
pub(crate) fn process_that_may(name: &str, send_to: &[&str]) -> Value {
    let mut process = process(name, json!({}));
    if let Value::Array(capabilities) = &mut process["request_capabilities"] {
        capabilities.extend(send_to.iter().map(|service| json!(service)));
    }
    process
}

pub(crate) fn package(processes: &[Value]) -> Package {
    let metadata = json!({"properties": {"package_name": "probe", "publisher": "test.os"}});
    let files = BTreeMap::from([
        ("probe.wasm".to_owned(), Cow::Borrowed(component())),
        ("ui/index.html".to_owned(), Cow::Borrowed(&b"<p>hello"[..])),
    ]);
    Package::new(
        metadata.to_string().as_bytes(),
        json!(processes).to_string().as_bytes(),
        files,
    )
    .unwrap()
}

/// The probe, built once.
fn component() -> &'static [u8] {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = here.join("../../kraken/target");
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--release",
                "--locked",
                "--target",
                "wasm32-wasip1",
            ])
            .current_dir(here.join("tests/guest"))
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .unwrap();
        assert!(built.success(), "the probe doesn't build");
        let module = std::fs::read(target.join("wasm32-wasip1/release/probe.wasm")).unwrap();
        wit_component::ComponentEncoder::default()
            .module(&module)
            .unwrap()
            .adapter(
                "wasi_snapshot_preview1",
                wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )
            .unwrap()
            .encode()
            .unwrap()
    })
}
