//! Capabilities, timeouts, state, restarts, limits, messages in and out.

use std::time::{Duration, Instant};

use kraken_node::Hazard;
use serde_json::json;

use crate::rig::{HTTP_SERVER, Home, MAIN, Rig, id, package, process};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_from_outside_is_answered_by_the_process() {
    let rig = Rig::new().await;
    assert_eq!(rig.command(json!("Log")).await, json!([]));
    assert!(rig.node.hazards().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn installing_returns_when_what_is_bound_at_the_start_is_bound() {
    let rig = Rig::with(package(&[process("bound", json!({}))])).await;
    let answer = rig.get("/bound:probe:test.os/any").await;
    assert_eq!(answer.status, 200);
    assert!(rig.node.serves("/bound:probe:test.os/any"));
    assert!(rig.node.serves("/login"));
    assert!(!rig.node.serves("/other:probe:test.os"));
    assert!(!rig.node.serves("/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_installed_once() {
    let rig = Rig::new().await;
    let again = package(&[process("main", json!({}))]);
    assert!(rig.node.install(again).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_capability_a_message_is_dropped_and_times_out() {
    let rig = Rig::with(package(&[
        process("main", json!({"request_capabilities": []})),
        process("closed", json!({"public": false})),
        process("open", json!({})),
    ]))
    .await;
    let call = |target| json!({"Call": {"target": target, "body": "x", "timeout": 1}});
    let timeout = json!({"error": "Timeout"});
    assert_eq!(rig.command(call(HTTP_SERVER)).await, timeout);
    assert_eq!(rig.command(call("closed:probe:test.os")).await, timeout);
    assert_eq!(rig.command(call("nobody:probe:test.os")).await, timeout);
    assert_eq!(rig.log_of("open:probe:test.os", 0).await.len(), 0);
    // The timer is public.
    let timer =
        json!({"Call": {"target": "timer:distro:sys", "body": {"SetTimer": 1}, "timeout": 5}});
    assert_eq!(rig.command(timer).await["body"], "");
    assert!(rig.node.hazards().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_process_hears_only_those_it_granted() {
    let rig = Rig::with(package(&[
        process(
            "main",
            json!({"request_capabilities": ["granting:probe:test.os"]}),
        ),
        process(
            "granting",
            json!({"public": false, "grant_capabilities": ["http-server:distro:sys"]}),
        ),
        process("granting-nobody", json!({"public": false})),
    ]))
    .await;
    let bind =
        json!({"Bind": {"path": "/", "authenticated": false, "local_only": false, "cache": false}});
    let call = json!({"Call": {"target": HTTP_SERVER, "body": bind, "timeout": 1}});
    let granting = rig.command_to("granting:probe:test.os", call.clone()).await;
    assert_eq!(granting["body"], json!({"Ok": null}));
    // The path is bound, but the answer doesn't come through.
    let granting_nobody = rig.command_to("granting-nobody:probe:test.os", call).await;
    assert_eq!(granting_nobody["error"], "Timeout");

    let send = json!({"target": "granting:probe:test.os", "body": "hello"});
    rig.command(json!({ "Send": [send] })).await;
    let log = rig.log_of("granting:probe:test.os", 1).await;
    assert_eq!(log[0]["body"], "hello");
    assert_eq!(log[0]["source"], MAIN);
    // A real node forgets what was granted when it reboots.
    let hazard = Hazard::NotPublic {
        process: id("granting:probe:test.os"),
    };
    assert_eq!(rig.node.hazards(), [hazard]);
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_come_with_the_context_of_their_request() {
    let rig = Rig::new().await;
    let timer = |milliseconds, context| {
        json!({"target": "timer:distro:sys", "body": {"SetTimer": milliseconds},
            "timeout": 5, "context": context})
    };
    rig.command(json!({"Send": [timer(60, "late"), timer(5, "early"), timer(0, "now")]}))
        .await;
    let log = rig.log(3).await;
    let contexts: Vec<_> = log.iter().map(|entry| entry["context"].clone()).collect();
    assert_eq!(contexts, ["now", "early", "late"]);
    assert_eq!(log[0]["source"], "timer:distro:sys");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_an_answer_times_out_with_its_context() {
    let rig = Rig::new().await;
    let request = json!({"target": "nobody:probe:test.os", "timeout": 1, "context": "lost"});
    rig.command(json!({ "Send": [request] })).await;
    let log = rig.log(1).await;
    assert_eq!(log[0]["body"], json!({"error": "Timeout"}));
    assert_eq!(log[0]["context"], "lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_restarts_that_process_with_empty_memory() {
    let rig = Rig::with(package(&[
        process("main", json!({})),
        process("other", json!({})),
    ]))
    .await;
    let keep = json!({"Allocate": 1});
    assert_eq!(rig.command(keep.clone()).await, 1);
    assert_eq!(rig.command_to("other:probe:test.os", keep.clone()).await, 1);

    let command = rig.try_command(MAIN, json!("Trap"));
    let main = main_id();
    let restarted = rig.node.restarted(&main, 1);
    tokio::select! {
        answer = command => panic!("a trapped process answered: {answer:?}"),
        restarted = restarted => assert!(restarted),
    }
    assert_eq!(rig.command(keep.clone()).await, 1);
    assert_eq!(rig.command_to("other:probe:test.os", keep).await, 2);
    assert_eq!(rig.node.restarts(&main_id()), 1);
    assert_eq!(rig.node.restarts(&id("other:probe:test.os")), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_as_good_as_trapped_even_when_busy() {
    let rig = Rig::new().await;
    assert!(rig.node.kill_process(&main_id()));
    assert!(rig.node.restarted(&main_id(), 1).await);
    let busy = rig.node.clone();
    let forever = tokio::spawn(async move {
        let command = json!("Forever").to_string();
        busy.message(
            id("cli:terminal:sys"),
            id(MAIN),
            command,
            Duration::from_secs(20),
        )
        .await
    });
    let restarted = async {
        loop {
            rig.node.kill_process(&main_id());
            if tokio::time::timeout(
                Duration::from_millis(100),
                rig.node.restarted(&main_id(), 3),
            )
            .await
            .is_ok()
            {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), restarted)
        .await
        .unwrap();
    forever.abort();
    assert!(!rig.node.kill_process(&id("nobody:probe:test.os")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_doesnt_want_to_restart_is_gone() {
    let rig = Rig::new().await;
    rig.command(json!("OnExitNothing")).await;
    rig.node.kill_process(&main_id());
    assert!(!rig.node.restarted(&main_id(), 1).await);
    assert!(!rig.node.serves("/main:probe:test.os/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loop_is_slowed_down() {
    let began = Instant::now();
    let rig = Rig::with(package(&[
        process("crashing", json!({})),
        process("main", json!({})),
    ]))
    .await;
    let process = id("crashing:probe:test.os");
    while rig.node.restarts(&process) < 6 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The pauses before the second to the sixth are 50, 100, 200, 400 and 800 ms.
    assert!(began.elapsed() > Duration::from_millis(1550));
    assert_eq!(rig.command(json!("Log")).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited_per_process() {
    let rig = Rig::without_package(Home::new(), |config| config.process_memory = 64 << 20).await;
    rig.node
        .install(package(&[process("main", json!({}))]))
        .await
        .unwrap();
    assert_eq!(rig.command(json!({"Allocate": 16})).await, 16);
    let main = main_id();
    tokio::select! {
        answer = rig.try_command(MAIN, json!({"Allocate": 100})) => panic!("allocated: {answer:?}"),
        restarted = rig.node.restarted(&main, 1) => assert!(restarted),
    }
    assert_eq!(rig.command(json!({"Allocate": 16})).await, 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn state_outlives_the_process_and_the_node() {
    let rig = Rig::new().await;
    assert_eq!(rig.command(json!("GetState")).await, json!(null));
    rig.command(json!({"SetState": "kept"})).await;
    rig.node.kill_process(&main_id());
    assert!(rig.node.restarted(&main_id(), 1).await);
    assert_eq!(rig.command(json!("GetState")).await, "kept");
    rig.node.shutdown().await;

    let Rig { home, .. } = rig;
    let rig = Rig::without_package(home, |_| {}).await;
    rig.node
        .install(package(&[process("main", json!({}))]))
        .await
        .unwrap();
    assert_eq!(rig.command(json!("GetState")).await, "kept");
    rig.command(json!("ClearState")).await;
    assert_eq!(rig.command(json!("GetState")).await, json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_can_start_another_of_its_package() {
    let rig = Rig::new().await;
    let started = rig.command(json!({"Spawn": "child"})).await;
    assert_eq!(started, json!({"Ok": "child:probe:test.os"}));
    assert_eq!(
        rig.command_to("child:probe:test.os", json!("Log")).await,
        json!([])
    );
    let again = rig.command(json!({"Spawn": "child"})).await;
    assert!(again["Err"].as_str().unwrap().contains("name-taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_knows_its_capabilities() {
    let rig = Rig::new().await;
    let capabilities = rig.command(json!("Capabilities")).await;
    let first = "test.os@http-server:distro:sys(\"messaging\")";
    assert_eq!(capabilities[0], first);
    assert_eq!(capabilities.as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn awaiting_with_a_full_mailbox_is_a_hazard() {
    let rig = Rig::with(package(&[
        process("main", json!({})),
        process("flooding", json!({})),
    ]))
    .await;
    let call =
        json!({"Call": {"target": "timer:distro:sys", "body": {"SetTimer": 1}, "timeout": 5}});
    let spin = rig.command(json!({"Spin": [1500, call]}));
    let flood = async {
        let send = json!({"target": MAIN, "body": "flood", "repeat": 150});
        rig.command_to("flooding:probe:test.os", json!({ "Send": [send] }))
            .await;
    };
    let (answer, ()) = tokio::join!(spin, flood);
    assert_eq!(answer["body"], "");
    assert!(matches!(
        rig.node.hazards().as_slice(),
        [Hazard::AwaitedWithFullMailbox { process, .. }] if *process == main_id()
    ));
    assert_eq!(rig.log(150).await.len(), 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_far_more_than_the_mailbox_holds_is_a_hazard() {
    let rig = Rig::new().await;
    let timers = |count| {
        let timer = json!({"target": "timer:distro:sys", "body": {"SetTimer": 0},
            "timeout": 20, "repeat": count});
        json!({ "Send": [timer] })
    };
    rig.command(timers(500)).await;
    assert_eq!(rig.log(500).await.len(), 500);
    assert!(rig.node.hazards().is_empty());
    rig.command(timers(10_001)).await;
    assert_eq!(rig.log(10_000).await.len(), 10_000);
    assert!(matches!(
        rig.node.hazards().as_slice(),
        [Hazard::OverfilledOwnMailbox { .. }]
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_to_a_process_that_never_receives_blocks_only_for_a_while() {
    let rig = Rig::with(package(&[
        process("main", json!({})),
        process("busy", json!({})),
    ]))
    .await;
    let busy = rig.command_to("busy:probe:test.os", json!("Forever"));
    let send = async {
        let fits = json!({"target": "busy:probe:test.os", "body": "x", "repeat": 99});
        rig.command(json!({ "Send": [fits] })).await;
        assert!(rig.node.hazards().is_empty());
        let too_many = json!({"target": "busy:probe:test.os", "body": "x", "repeat": 2});
        rig.command(json!({ "Send": [too_many] })).await;
    };
    tokio::select! {
        // It is told first, so that it is busy when the others come.
        biased;
        answer = busy => panic!("answered {answer}"),
        () = send => {}
    }
    assert!(matches!(
        rig.node.hazards().as_slice(),
        [Hazard::StuckSending { process, .. }] if *process == main_id()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn printing_much_harms_nobody() {
    let rig = Rig::new().await;
    let text = "printed ".repeat(10_000);
    assert_eq!(rig.command(json!({ "Print": text })).await, json!(null));
    assert_eq!(rig.node.restarts(&main_id()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_ends_even_a_busy_process_at_once() {
    let rig = Rig::new().await;
    let node = rig.node.clone();
    let forever = tokio::spawn(async move {
        let command = json!("Forever").to_string();
        node.message(
            id("cli:terminal:sys"),
            id(MAIN),
            command,
            Duration::from_secs(20),
        )
        .await
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    rig.node.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(!rig.node.serves("/main:probe:test.os"));
    forever.abort();
}

fn main_id() -> kraken_node::ProcessId {
    id(MAIN)
}
