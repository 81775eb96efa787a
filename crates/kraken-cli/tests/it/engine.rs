use crate::command::{Running, start};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ChildStdout;

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

/// A server, what it prints, and where it listens.
struct Server {
    _running: Running,
    /// It ends if nobody can read what it prints.
    _stdout: BufReader<ChildStdout>,
    url: String,
}

fn serve(folder: &Path, arguments: &[&str]) -> Server {
    let cache = crate::rig::cache();
    let usual = [
        "serve",
        "--listen=127.0.0.1:0",
        "--data-dir=data",
        "--cache-dir",
        cache.to_str().unwrap(),
    ];
    let mut running = start(&[&usual, arguments].concat(), folder);
    let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
    let url = stdout
        .by_ref()
        .lines()
        .find_map(|line| Some(line.unwrap().strip_prefix("listening on ")?.to_owned()))
        .unwrap();
    Server {
        _running: running,
        _stdout: stdout,
        url,
    }
}

#[test]
fn en42_serve_runs_an_engine_beside_everything_else() {
    let folder = tempfile::tempdir().unwrap();
    let engine = "[engine]\naddress = \"127.0.0.1\"\nport = 0\ntcp-port = 0\nworkers = 1\n\
                  [rpc]\nhost = \"127.0.0.1\"\nport = 0\n";
    fs::write(folder.path().join("engine.toml"), engine).unwrap();
    let server = serve(folder.path(), &["--engine=engine.toml"]);
    let url = &server.url;
    let call = r#"{"id":"1","method":"list","params":["room"]}"#;
    let listed = ask("POST", url, call);
    assert_eq!(listed["data"]["peers"], serde_json::json!([]), "{listed}");
    let health = ask("GET", &format!("{url}/health"), "");
    assert_eq!(health["engine"], "on", "{health}");
}

#[test]
fn ca16_serve_runs_an_engine_without_being_told() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    // The second finds the usual ports taken.
    let servers = folders.each_ref().map(|folder| serve(folder.path(), &[]));
    for Server { url, .. } in &servers {
        let health = ask("GET", &format!("{url}/health"), "");
        assert_eq!(health["engine"], "on", "{health}");
    }
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &["--no-engine"]);
    let health = ask("GET", &format!("{}/health", server.url), "");
    assert_eq!(health["engine"], "off", "{health}");
}
