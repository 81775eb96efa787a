//! The package that tests Kraken inside of a node, in the embedded one: what `kit run-tests` does
//! with a real one.

use crate::rig::{SOON, cache};
use kraken_node::{Node, NodeConfig, Package};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

/// The name of the node, as in `test/tests.toml`.
const NODE: &str = "kraken.dev";

#[tokio::test(flavor = "multi_thread")]
async fn the_tester_passes_in_the_embedded_node() {
    let home = tempfile::tempdir().unwrap();
    let mut config = NodeConfig::new(NODE, home.path());
    config.disorder = true;
    config.cache = Some(cache());
    // The password of a fake node.
    config.login_secret = Some("secret".to_owned());
    let node = Node::start(config).await.unwrap();
    let kraken = Package::from_folder(&root().join("pkg")).unwrap();
    node.install(kraken).await.unwrap();
    let tester = node.install(tester()).await.unwrap().remove(0);
    let port = serve(&node).await;

    let run = format!(
        r#"{{"Run": {{"input_node_names": ["{NODE}"], "test_names": ["kraken-test"],
            "test_timeout": 60, "http_port": {port}}}}}"#
    );
    let harness = "tester:tester:sys".parse().unwrap();
    let answer = node.message(harness, tester, run, SOON * 3).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(answer, r#"{"Run":{"Ok":null}}"#);
    assert_eq!(node.hazards(), []);
    node.shutdown().await;
}

/// The tester's package. On a real node its component is started by `tester:tester:sys`, as a
/// process of that package, with the capabilities of the manifest.
fn tester() -> Package {
    let folder = root().join("test/kraken-test/pkg");
    let read = |name: &str| {
        let file = folder.join(name);
        std::fs::read(&file).unwrap_or_else(|error| {
            panic!("{}: {error} (`cargo xtask test` builds it)", file.display())
        })
    };
    let metadata = br#"{"properties": {"package_name": "tester", "publisher": "sys"}}"#;
    let wasm = (
        "kraken-test.wasm".to_owned(),
        read("kraken-test.wasm").into(),
    );
    Package::new(metadata, &read("manifest.json"), BTreeMap::from([wasm])).unwrap()
}

/// Opens the node's HTTP server; its port.
async fn serve(node: &Node) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = node
        .router()
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    port
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
