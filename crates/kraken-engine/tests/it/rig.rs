//! An engine to test.

use kraken_engine::{Address, CallSocket, Config, Engine, RpcConfig, TurnConfig};
use kraken_sfu::{Limits, Patience};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use ureq::Agent;
use ureq::http::Response;

pub(crate) struct Rig {
    pub(crate) engine: Engine,
    pub(crate) http: SocketAddr,
    runtime: Runtime,
}

/// A small engine on loopback, with ports that the system chooses.
pub(crate) fn config() -> Config {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Config {
        addresses: vec![Address {
            bind: loopback,
            announced: loopback,
        }],
        udp_port: 0,
        tcp_port: 0,
        workers: 2,
        limits: Limits::default(),
        patience: Patience::default(),
        rpc: RpcConfig {
            key: Some("engine-key".to_owned()),
            ..RpcConfig::default()
        },
        turn: Some(TurnConfig {
            host: "turn:turn.example.com:3478".to_owned(),
            secret: "secret".to_owned(),
        }),
        recordings: None,
    }
}

impl Rig {
    pub(crate) fn new(config: Config) -> Self {
        let runtime = Runtime::new().unwrap();
        let (engine, http) = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let http = listener.local_addr().unwrap();
            let engine = Engine::start(config).unwrap();
            let serving = engine.clone();
            tokio::spawn(async move { serving.serve(listener).await.unwrap() });
            (engine, http)
        });
        Self {
            engine,
            http,
            runtime,
        }
    }

    /// Connects a process to the engine.
    pub(crate) fn connect(&self) -> Option<CallSocket> {
        let _inside = self.runtime.enter();
        self.engine.connect()
    }

    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Serves something beside the engine's own API.
    pub(crate) fn serve(&self, router: axum::Router) -> SocketAddr {
        let bind = tokio::net::TcpListener::bind("127.0.0.1:0");
        let listener = self.runtime.block_on(bind).unwrap();
        let http = listener.local_addr().unwrap();
        self.runtime
            .spawn(async move { axum::serve(listener, router).await.unwrap() });
        http
    }

    /// Calls a method and gives the whole answer.
    pub(crate) fn call(&self, method: &str, params: &Value) -> Value {
        call(self.http, method, params)
    }

    /// Calls a method that must fail, and gives code and text.
    pub(crate) fn refused(&self, method: &str, params: &Value) -> (u64, String) {
        let answer = self.call(method, params);
        assert!(answer.get("data").is_none(), "{answer}");
        let error = &answer["error"];
        let text = error["description"].as_str().unwrap().to_owned();
        (error["code"].as_u64().unwrap(), text)
    }

    pub(crate) fn metrics(&self) -> String {
        let text = get(self.http, "/metrics", &[]);
        text.into_body().read_to_string().unwrap()
    }

    /// A number from the metrics.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.metrics();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
            .parse()
            .unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.runtime.block_on(self.engine.shutdown());
    }
}

pub(crate) fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None);
    config
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into()
}

pub(crate) fn call(http: SocketAddr, method: &str, params: &Value) -> Value {
    let body = json!({ "id": "call", "method": method, "params": params });
    let answer = post(http, &body.to_string(), &[]);
    assert_eq!(answer.status(), 200);
    let answer: Value =
        serde_json::from_str(&answer.into_body().read_to_string().unwrap()).unwrap();
    assert_eq!(answer["id"], "call");
    answer
}

pub(crate) fn post(http: SocketAddr, body: &str, headers: &[(&str, &str)]) -> Response<ureq::Body> {
    let mut request = agent().post(format!("http://{http}/"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send(body).unwrap()
}

pub(crate) fn get(http: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response<ureq::Body> {
    let mut request = agent().get(format!("http://{http}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.call().unwrap()
}

/// Waits until something is true.
pub(crate) fn until(what: &str, limit: Duration, mut is_true: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !is_true() {
        assert!(
            start.elapsed() < limit,
            "after {limit:?}, still not: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    start.elapsed()
}
