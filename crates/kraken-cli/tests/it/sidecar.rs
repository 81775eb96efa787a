use std::io::{BufRead, BufReader, Read};

use tokio::net::TcpListener;

use crate::command::{kraken, start};

/// Reads up to the first line that contains this.
async fn wait_for(output: impl Read + Send + 'static, expected: &'static str) {
    let reading = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains(expected)), "{expected}");
    });
    tokio::time::timeout(crate::rig::SOON, reading)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn gw18_a_sidecar_without_a_node_says_so_and_keeps_trying() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = format!("ws://{}", listener.local_addr().unwrap());
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("node = \"{node}\"\nlisten = \"127.0.0.1:0\"\n");
    std::fs::write(folder.path().join("kraken.toml"), settings).unwrap();
    let mut sidecar = start(&["sidecar", "--link-key", "x"], folder.path());
    let errors = sidecar.0.stderr.take().unwrap();
    wait_for(errors, "is not reachable, is it running?").await;
    assert!(sidecar.0.try_wait().unwrap().is_none(), "it keeps trying");
}

#[tokio::test]
async fn gw18_a_sidecar_without_a_key_says_where_one_is() {
    let complaint = kraken(&["sidecar"], &[]).await.complained();
    assert!(complaint.contains("the link key is missing"), "{complaint}");
    let arguments = ["sidecar", "--link-key-file", "/nowhere/key"];
    let complaint = kraken(&arguments, &[]).await.complained();
    assert!(
        complaint.contains("can't read the link key in /nowhere/key"),
        "{complaint}"
    );
}

#[tokio::test]
async fn gw15_a_proxy_that_is_no_network_is_refused() {
    for (arguments, environment) in [
        (&["sidecar", "--trusted-proxy", "everybody"][..], &[][..]),
        (
            &["serve"],
            &[("KRAKEN_TRUSTED_PROXIES", "10.0.0.0/8,everybody")],
        ),
    ] {
        let complaint = kraken(arguments, environment).await.complained();
        assert!(
            complaint.contains("neither an IP address nor a network"),
            "{complaint}"
        );
    }
}
