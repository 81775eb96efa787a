//! A monitor before two engines.

use crate::client::{Client, Way};
use crate::rig::{Rig, call, config, get, post, until};
use kraken_engine::{Monitor, MonitorLink};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const KEY: &str = "shared-key";
const PATIENCE: Duration = Duration::from_secs(10);

struct Fleet {
    http: SocketAddr,
    engines: Vec<Rig>,
    monitor: Monitor,
    _runtime: Runtime,
}

impl Fleet {
    fn new(count: usize) -> Self {
        let runtime = Runtime::new().unwrap();
        let monitor = Monitor::new(KEY.to_owned());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let http = listener.local_addr().unwrap();
        let serving = monitor.clone();
        runtime.spawn(async move { serving.serve(listener).await.unwrap() });
        let engines = (0..count).map(|_| {
            let rig = Rig::new(config());
            let _guard = runtime.enter();
            rig.engine.join(MonitorLink {
                monitor: format!("http://{http}"),
                key: KEY.to_owned(),
                engine: format!("http://{}", rig.http),
            });
            rig
        });
        let fleet = Self {
            http,
            engines: engines.collect(),
            monitor,
            _runtime: runtime,
        };
        until("all engines are known", PATIENCE, || {
            fleet.status()["engines"].as_array().unwrap().len() == count
        });
        fleet
    }

    fn status(&self) -> Value {
        let text = get(self.http, "/status", &[]).into_body().read_to_string();
        serde_json::from_str(&text.unwrap()).unwrap()
    }

    fn engine_of(&self, room: &str) -> String {
        let status = self.status();
        status["rooms"][room]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.monitor.shutdown();
    }
}

#[test]
fn mo10_a_client_cannot_tell_it_from_an_engine() {
    let fleet = Fleet::new(2);
    let a = Client::join(fleet.http, Way::udp(), "room", "a");
    let b = Client::join(fleet.http, Way::udp(), "room", "b");
    until("both talk", PATIENCE, || {
        a.heard("b") > 20 && b.heard("a") > 20
    });
    let engine = fleet.engine_of("room");
    let on = |rig: &&Rig| format!("http://{}", rig.http) == engine;
    assert_eq!(fleet.engines.iter().filter(on).count(), 1);
    let list = call(fleet.http, "list", &json!(["room"]));
    assert_eq!(list["data"]["peers"], json!([{ "id": "a" }, { "id": "b" }]));
    let turn = call(fleet.http, "turn", &json!(["a"]));
    assert_eq!(
        turn["data"][0]["urls"],
        "turn:turn.example.com:3478?transport=udp"
    );
    until("it counts all engines' peers", PATIENCE, || {
        call(fleet.http, "info", &json!([]))["data"]["active_peers"] == 2
    });
    for (method, params, code) in [
        ("subscribe", json!(["none", "u", "c"]), 5_002_001),
        ("publish", json!([]), 5_001_000),
        ("publish", json!([7, "u", "x"]), 5_001_000),
    ] {
        let answer = call(fleet.http, method, &params);
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
    assert_eq!(call(fleet.http, "nope", &json!([]))["error"], json!({}));
    assert_eq!(
        call(fleet.http, "list", &json!(["none"]))["data"],
        json!({ "peers": [] })
    );
    assert_eq!(get(fleet.http, "/nope", &[]).status(), 404);
    let ended = call(fleet.http, "end", &json!(["room", "a", a.session]));
    assert_eq!(ended["data"], json!({}));
    until("b sees it", PATIENCE, || !b.sees("a"));
}

#[test]
fn mo11_rooms_are_spread_and_a_dead_engine_is_noticed_within_five_seconds() {
    let mut fleet = Fleet::new(2);
    let rooms: Vec<String> = (0..6).map(|room| format!("room-{room}")).collect();
    let mut clients: Vec<Client> = rooms
        .iter()
        .map(|room| Client::join(fleet.http, Way::udp(), room, "a"))
        .collect();
    let engines: Vec<String> = rooms.iter().map(|room| fleet.engine_of(room)).collect();
    let first = &engines[0];
    assert!(
        engines.iter().any(|engine| engine != first),
        "all on one: {engines:?}"
    );
    let victim = fleet
        .engines
        .iter()
        .position(|rig| format!("http://{}", rig.http) == *first);
    drop(fleet.engines.remove(victim.unwrap()));
    let noticed = until("its peers are told", PATIENCE, || {
        clients[0].seen.lock().unwrap().is_closed
    });
    assert!(noticed < Duration::from_secs(5), "after {noticed:?}");
    clients.push(Client::join(fleet.http, Way::udp(), &rooms[0], "a"));
    assert_ne!(fleet.engine_of(&rooms[0]), *first);
}

#[test]
fn mo14_a_monitor_that_learns_says_of_no_call_that_it_is_lost() {
    let fleet = Fleet::new(1);
    // The monitor has just started; it takes a while to say that nobody is there.
    let asked = Instant::now();
    let answer = call(fleet.http, "subscribe", &json!(["room", "a", "c"]));
    assert_eq!(answer["error"]["code"], 5_002_001);
    assert!(
        asked.elapsed() > Duration::from_millis(500),
        "after {:?}",
        asked.elapsed()
    );
}

#[test]
fn mo12_without_engines_a_call_is_refused_clearly() {
    let fleet = Fleet::new(0);
    let offer = "{\"type\":\"offer\",\"sdp\":\"\"}";
    let answer = call(fleet.http, "publish", &json!(["room", "a", offer]));
    assert_eq!(answer["error"]["code"], 5_003_000);
    let text = answer["error"]["description"].as_str().unwrap();
    assert!(text.contains("start one that names this monitor"), "{text}");
}

#[test]
fn mo13_engines_and_owners_show_the_key() {
    let fleet = Fleet::new(1);
    for path in ["/engines", "/drain"] {
        let request = crate::rig::agent().post(format!("http://{}{path}", fleet.http));
        let refused = request
            .header("Authorization", "Bearer wrong")
            .send("{}")
            .unwrap();
        assert_eq!(refused.status(), 401);
        let request = crate::rig::agent().post(format!("http://{}{path}", fleet.http));
        let key = format!("Bearer {KEY}");
        let refused = request.header("Authorization", key).send("{}").unwrap();
        assert_eq!(refused.status(), 400);
    }
    let proxied = ("X-Forwarded-For", "203.0.113.7");
    assert_eq!(get(fleet.http, "/status", &[proxied]).status(), 401);
    assert_eq!(get(fleet.http, "/metrics", &[proxied]).status(), 404);
    let metrics = get(fleet.http, "/metrics", &[])
        .into_body()
        .read_to_string()
        .unwrap();
    assert!(metrics.contains("kraken_monitor_engine_alive"), "{metrics}");
    assert_eq!(post(fleet.http, "[", &[]).status(), 400);
}
