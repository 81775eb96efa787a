use crate::command::start;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};

/// What a server answers.
fn ask(method: &str, url: &str, body: &str) -> Value {
    let agent = ureq::agent();
    let mut answer = match method {
        "POST" => agent.post(url).send(body).unwrap(),
        _ => agent.get(url).call().unwrap(),
    };
    let text = answer.body_mut().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn en42_serve_runs_an_engine_beside_everything_else() {
    let folder = tempfile::tempdir().unwrap();
    let engine = "[engine]\naddress = \"127.0.0.1\"\nport = 0\ntcp-port = 0\nworkers = 1\n\
                  [rpc]\nhost = \"127.0.0.1\"\nport = 0\n";
    fs::write(folder.path().join("engine.toml"), engine).unwrap();
    let cache = crate::rig::cache();
    let arguments = [
        "serve",
        "--listen=127.0.0.1:0",
        "--data-dir=data",
        "--engine=engine.toml",
        "--cache-dir",
        cache.to_str().unwrap(),
    ];
    let mut running = start(&arguments, folder.path());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let url = lines
        .find_map(|line| Some(line.unwrap().strip_prefix("listening on ")?.to_owned()))
        .unwrap();
    let call = r#"{"id":"1","method":"list","params":["room"]}"#;
    let listed = ask("POST", &url, call);
    assert_eq!(listed["data"]["peers"], serde_json::json!([]), "{listed}");
    let health = ask("GET", &format!("{url}/health"), "");
    assert_eq!(health["engine"], "on", "{health}");
}
