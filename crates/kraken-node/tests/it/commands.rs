//! Installing, granting and killing by messages to the kernel.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::rig::{HTTP_SERVER, Home, MAIN, Rig, id, package, process, process_that_may};

const KERNEL: &str = "kernel:distro:sys";
const SERVER: &str = "server:probe:test.os";

/// A node with a process that may command the kernel, and one that it commands.
async fn rig() -> Rig {
    Rig::with(package(&[
        process_that_may("main", &[KERNEL]),
        process("server", json!({})),
    ]))
    .await
}

async fn kernel(rig: &Rig, command: Value) -> Value {
    rig.call(KERNEL, command, None).await["body"].clone()
}

fn messaging(issuer: &str) -> Value {
    json!({"issuer": format!("test.os@{issuer}"), "params": "\"messaging\""})
}

/// Prepares the other process anew, from the file that it was installed from.
async fn initialize(rig: &Rig, capabilities: Value) -> Value {
    let read = json!({"path": "/probe:test.os/pkg/probe.wasm", "action": "Read"});
    let read = rig.call("vfs:distro:sys", read, None).await;
    assert_eq!(read["body"], "Read");
    let command = json!({"InitializeProcess": {
        "id": SERVER,
        "wasm_bytes_handle": "/probe:test.os/pkg/probe.wasm",
        "wit_version": 1,
        "on_exit": "Restart",
        "initial_capabilities": capabilities,
        "public": true,
    }});
    let call = json!({"target": KERNEL, "body": command, "inherit": true, "timeout": 5});
    rig.command(json!({ "Call": call })).await["body"].clone()
}

async fn bind(rig: &Rig, bind: Value) -> Value {
    let call = json!({"Call": {"target": HTTP_SERVER, "body": bind, "timeout": 1}});
    rig.command_to(SERVER, call).await
}

fn bind_path() -> Value {
    json!({"Bind": {"path": "/", "authenticated": false, "local_only": false, "cache": false}})
}

fn bind_socket() -> Value {
    json!({"WebSocketBind": {"path": "/ws", "authenticated": false, "extension": false}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_gone_whatever_it_wants_on_exit() {
    let rig = rig().await;
    let killed = kernel(&rig, json!({ "KillProcess": SERVER })).await;
    assert_eq!(killed, json!({ "KilledProcess": SERVER }));
    assert!(!rig.node.restarted(&id(SERVER), 1).await);
    assert!(!rig.node.serves("/server:probe:test.os"));
    // A second time nobody answers, as there is nobody to kill.
    let again = json!({"target": KERNEL, "body": {"KillProcess": SERVER}, "timeout": 1});
    let again = rig.command(json!({ "Call": again })).await;
    assert_eq!(again["error"], "Timeout");
    let run = kernel(&rig, json!({ "RunProcess": SERVER })).await;
    assert_eq!(run, "RunProcessError");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_prepared_runs_when_told_to() {
    let rig = rig().await;
    // The name is taken as long as the process lives.
    assert_eq!(initialize(&rig, json!([])).await, "InitializeProcessError");
    kernel(&rig, json!({ "KillProcess": SERVER })).await;
    let held = json!([messaging(HTTP_SERVER), messaging("other:probe:test.os")]);
    assert_eq!(initialize(&rig, held).await, "InitializedProcess");

    // What comes before it runs, waits.
    let early = json!({"target": SERVER, "body": "early"});
    rig.command(json!({ "Send": [early] })).await;
    let run = json!({ "RunProcess": SERVER });
    assert_eq!(kernel(&rig, run.clone()).await, "StartedProcess");
    assert_eq!(rig.log_of(SERVER, 1).await[0]["body"], "early");
    // One that runs already only hears of it.
    assert_eq!(kernel(&rig, run).await, "StartedProcess");
    let log = rig.log_of(SERVER, 1).await;
    assert_eq!(log[0]["body"], "run");
    assert_eq!(log[0]["source"], KERNEL);

    // It holds what its maker holds and gave, and no more.
    let capabilities = rig.command_to(SERVER, json!("Capabilities")).await;
    let expected = json!([
        "test.os@http-server:distro:sys(\"messaging\")",
        "test.os@server:probe:test.os(\"messaging\")",
    ]);
    assert_eq!(capabilities, expected);
    assert!(rig.node.hazards().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_open_sockets_outlive_a_process_that_is_killed_and_made_anew() {
    let rig = rig().await;
    bind(&rig, bind_path()).await;
    bind(&rig, bind_socket()).await;
    let mut client = rig.connect("/server:probe:test.os/ws").await.unwrap();
    rig.log_of(SERVER, 1).await;
    kernel(&rig, json!({ "KillProcess": SERVER })).await;
    initialize(&rig, json!([messaging(HTTP_SERVER)])).await;
    kernel(&rig, json!({ "RunProcess": SERVER })).await;

    let answer = rig.get("/server:probe:test.os/any").await;
    assert_eq!(answer.headers["x-probe"], "yes");
    // It was never told that the socket opened.
    client.send(Message::text("echo this")).await.unwrap();
    let message = client.next().await.unwrap().unwrap();
    assert_eq!(message, Message::text("echo this"));
    assert!(rig.log_of(SERVER, 0).await.is_empty());
    assert!(rig.node.hazards().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_message_the_kernel_commands_it() {
    let rig = Rig::new().await;
    let call = json!({"target": KERNEL, "body": {"KillProcess": MAIN}, "timeout": 1});
    let refused = rig.command(json!({ "Call": call })).await;
    assert_eq!(refused["error"], "Timeout");
    assert_eq!(rig.command(json!("Log")).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_are_granted_dropped_and_revoked() {
    let rig = Rig::with(package(&[
        process_that_may("main", &[KERNEL]),
        process("server", json!({"public": false})),
    ]))
    .await;
    // The answer doesn't reach a closed process whose server may not send to it.
    assert_eq!(bind(&rig, bind_path()).await["error"], "Timeout");
    let grant = json!({"target": HTTP_SERVER, "capabilities": [messaging(SERVER)]});
    let send = |command: Value| json!({"Send": [{"target": KERNEL, "body": command}]});
    rig.command(send(json!({ "GrantCapabilities": grant })))
        .await;
    assert_eq!(bind(&rig, bind_path()).await["body"], json!({"Ok": null}));
    rig.command(send(json!({ "DropCapabilities": grant })))
        .await;
    assert_eq!(bind(&rig, bind_path()).await["error"], "Timeout");

    // To kill takes from everybody what the process gave, unless it says otherwise.
    for (metadata, left) in [(Some("no-revoke"), true), (None, false)] {
        let grant = json!({"target": MAIN, "capabilities": [messaging(SERVER)]});
        rig.command(send(json!({ "GrantCapabilities": grant })))
            .await;
        let kill = json!({"target": KERNEL, "body": {"KillProcess": SERVER},
            "metadata": metadata});
        rig.command(json!({ "Send": [kill] })).await;
        let capabilities = rig.command(json!("Capabilities")).await.to_string();
        assert_eq!(capabilities.contains(SERVER), left);
        initialize(&rig, json!([])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drive_of_another_package_is_open_to_who_holds_its_capability() {
    let rig = Rig::without_package(Home::new(), |_| {}).await;
    rig.node
        .install(package(&[process_that_may("main", &[KERNEL])]))
        .await
        .unwrap();
    let drive = rig.home.0.join("vfs/other:test.os/pkg");
    std::fs::create_dir_all(&drive).unwrap();
    std::fs::write(drive.join("file"), "theirs").unwrap();
    let vfs = |action: &str| json!({"path": "/other:test.os/pkg/file", "action": action});
    let refused = rig.call("vfs:distro:sys", vfs("Read"), None).await;
    assert!(refused["body"].to_string().contains("NoReadCap"));

    // The order of the keys, and spaces, make no difference.
    let capability = json!({
        "issuer": "our@vfs:distro:sys",
        "params": r#"{ "kind": "read", "drive": "/other:test.os/pkg" }"#,
    });
    let grant = json!({"GrantCapabilities": {"target": MAIN, "capabilities": [capability]}});
    let send = json!({"Send": [{"target": KERNEL, "body": grant}]});
    rig.command(send).await;
    let read = rig.call("vfs:distro:sys", vfs("Read"), None).await;
    assert_eq!(read["blob"], "theirs");
    let refused = rig.call("vfs:distro:sys", vfs("Write"), Some("mine")).await;
    assert!(refused["body"].to_string().contains("NoWriteCap"));
}
