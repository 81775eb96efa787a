//! Databases.

use serde_json::{Value, json};

use crate::rig::{Home, Rig, package, process};

const SQLITE: &str = "sqlite:distro:sys";

fn request(db: &str, action: Value) -> Value {
    json!({
        "package_id": {"package_name": "probe", "publisher_node": "test.os"},
        "db": db,
        "action": action,
    })
}

async fn sqlite(rig: &Rig, action: Value, parameters: Value) -> Value {
    let parameters = (!parameters.is_null()).then(|| parameters.to_string());
    rig.call(SQLITE, request("main", action), parameters.as_deref())
        .await
}

async fn write(rig: &Rig, statement: &str, parameters: Value) -> Value {
    let action = json!({"Write": {"statement": statement, "tx_id": null}});
    sqlite(rig, action, parameters).await["body"].clone()
}

async fn query(rig: &Rig, query: &str, parameters: Value) -> Value {
    let answer = sqlite(rig, json!({ "Query": query }), parameters).await;
    match answer["blob"].as_str() {
        Some(rows) => {
            assert_eq!(answer["body"], "Read");
            serde_json::from_str(rows).unwrap()
        }
        None => answer["body"].clone(),
    }
}

async fn rig() -> Rig {
    let rig = Rig::new().await;
    let opened = sqlite(&rig, json!("Open"), json!(null)).await;
    assert_eq!(opened["body"], "Ok");
    let created = write(
        &rig,
        "CREATE TABLE t (n INTEGER, v ANY) STRICT",
        json!(null),
    )
    .await;
    assert_eq!(created, "Ok");
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_as_they_were_stored_but_blobs_as_base64() {
    let rig = rig().await;
    for (number, value) in [
        json!(null),
        json!(true),
        json!(1.5),
        json!("nothing else"),
        json!("abcd"),
    ]
    .into_iter()
    .enumerate()
    {
        let insert = "INSERT INTO t VALUES (?, ?)";
        assert_eq!(write(&rig, insert, json!([number, value])).await, "Ok");
    }
    assert_eq!(
        query(
            &rig,
            "SELECT v, typeof(v) AS kind FROM t WHERE n >= ? ORDER BY n",
            json!([0])
        )
        .await,
        json!([
            {"v": null, "kind": "null"},
            {"v": 1, "kind": "integer"},
            {"v": 1.5, "kind": "real"},
            {"v": "nothing else", "kind": "text"},
            {"v": "abcd", "kind": "blob"},
        ])
    );
    // "abcd" was stored as three bytes, so it doesn't compare as text.
    let found = query(
        &rig,
        "SELECT length(v) AS bytes FROM t WHERE v = ?",
        json!(["abcd"]),
    )
    .await;
    assert_eq!(found, json!([{"bytes": 3}]));
    assert!(rig.node.hazards().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_go_through_query_and_writes_through_write() {
    let rig = rig().await;
    let error = |name| json!({ "Err": name });
    assert_eq!(
        write(&rig, "SELECT 1", json!(null)).await,
        error("NotAWriteKeyword")
    );
    assert_eq!(
        query(&rig, "DELETE FROM t", json!(null)).await,
        error("NotAReadKeyword")
    );
    assert_eq!(
        write(&rig, "DELETE FROM t", json!({})).await,
        error("InvalidParameters")
    );
    let answer = write(&rig, "DELETE FROM missing", json!(null)).await;
    let message = answer["Err"]["RusqliteError"].as_str().unwrap();
    assert!(message.contains("no such table"), "{message}");
    let malformed = rig.call(SQLITE, json!("nonsense"), None).await;
    assert_eq!(malformed["body"], error("MalformedRequest"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_does_nothing_until_it_is_committed() {
    let rig = rig().await;
    let begun = sqlite(&rig, json!("BeginTx"), json!(null)).await;
    let tx_id = begun["body"]["BeginTx"]["tx_id"].as_u64().unwrap();
    let insert = |statement: &str| json!({"Write": {"statement": statement, "tx_id": tx_id}});
    for number in 0..3 {
        let action = insert("INSERT INTO t VALUES (?, NULL)");
        assert_eq!(sqlite(&rig, action, json!([number])).await["body"], "Ok");
    }
    let count = "SELECT count(*) AS rows FROM t";
    assert_eq!(query(&rig, count, json!(null)).await, json!([{"rows": 0}]));
    let commit = json!({"Commit": {"tx_id": tx_id}});
    assert_eq!(
        sqlite(&rig, commit.clone(), json!(null)).await["body"],
        "Ok"
    );
    assert_eq!(query(&rig, count, json!(null)).await, json!([{"rows": 3}]));
    let again = sqlite(&rig, commit, json!(null)).await;
    assert_eq!(again["body"], json!({"Err": {"NoTx": tx_id}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fails_leaves_nothing() {
    let rig = rig().await;
    let begun = sqlite(&rig, json!("BeginTx"), json!(null)).await;
    let tx_id = begun["body"]["BeginTx"]["tx_id"].as_u64().unwrap();
    for statement in [
        "INSERT INTO t VALUES (1, 1)",
        "INSERT INTO missing VALUES (1)",
    ] {
        let action = json!({"Write": {"statement": statement, "tx_id": tx_id}});
        assert_eq!(sqlite(&rig, action, json!(null)).await["body"], "Ok");
    }
    let commit = sqlite(&rig, json!({"Commit": {"tx_id": tx_id}}), json!(null)).await;
    assert!(commit["body"]["Err"]["RusqliteError"].is_string());
    assert_eq!(query(&rig, "SELECT * FROM t", json!(null)).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_not_awaited_are_all_done_in_whatever_order() {
    let rig = rig().await;
    let write = |number: u32| {
        json!({"target": SQLITE, "timeout": 10, "context": number.to_string(),
            "blob": json!([number]).to_string(),
            "body": request("main", json!({"Write":
                {"statement": "INSERT INTO t VALUES (?, NULL)", "tx_id": null}}))})
    };
    let writes: Vec<_> = (0..90).map(write).collect();
    rig.command(json!({ "Send": writes })).await;
    let log = rig.log(90).await;
    assert!(log.iter().all(|entry| entry["body"] == "Ok"));
    let mut contexts: Vec<u32> = log
        .iter()
        .map(|entry| entry["context"].as_str().unwrap().parse().unwrap())
        .collect();
    contexts.sort_unstable();
    assert_eq!(contexts, (0..90).collect::<Vec<_>>());
    let rows = query(&rig, "SELECT count(*) AS rows FROM t", json!(null)).await;
    assert_eq!(rows, json!([{"rows": 90}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_write_ahead_logged_and_fully_synchronous() {
    let rig = rig().await;
    let mode = query(&rig, "PRAGMA journal_mode", json!(null)).await;
    assert_eq!(mode, json!([{"journal_mode": "wal"}]));
    let synchronous = query(&rig, "PRAGMA synchronous", json!(null)).await;
    assert_eq!(synchronous, json!([{"synchronous": 2}]));
    assert_eq!(write(&rig, "VACUUM", json!(null)).await, "Ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reaches_another_file() {
    let rig = rig().await;
    let path = rig.home.0.join("stolen.db");
    let attach = format!("ATTACH '{}' AS other", path.display());
    assert!(query(&rig, &attach, json!(null)).await["Err"].is_object());
    let vacuum = format!("VACUUM INTO '{}'", path.display());
    assert!(write(&rig, &vacuum, json!(null)).await["Err"].is_object());
    assert!(!path.exists());
    for name in ["../main", "a/b", "", ".."] {
        let opened = rig.call(SQLITE, request(name, json!("Open")), None).await;
        assert!(opened["body"]["Err"].is_object(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_ten_databases_take_turns() {
    let rig = rig().await;
    for round in 0..2 {
        for number in 0..15 {
            let name = format!("db-{number}");
            let opened = rig.call(SQLITE, request(&name, json!("Open")), None).await;
            assert_eq!(opened["body"], "Ok");
            let statement = "CREATE TABLE IF NOT EXISTS t (n)";
            let create = json!({"Write": {"statement": statement, "tx_id": null}});
            let created = rig.call(SQLITE, request(&name, create), None).await;
            assert_eq!(created["body"], "Ok", "{name} in round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_database_is_gone() {
    let rig = rig().await;
    write(&rig, "INSERT INTO t VALUES (1, 1)", json!(null)).await;
    assert_eq!(
        sqlite(&rig, json!("RemoveDb"), json!(null)).await["body"],
        "Ok"
    );
    assert!(!rig.home.0.join("sqlite/probe:test.os/main").exists());
    let answer = query(&rig, "SELECT * FROM t", json!(null)).await;
    assert_eq!(answer, json!({"Err": "NoReadCap"}));
    assert_eq!(sqlite(&rig, json!("Open"), json!(null)).await["body"], "Ok");
    let answer = query(&rig, "SELECT name FROM sqlite_schema", json!(null)).await;
    assert_eq!(answer, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_belongs_to_the_package_that_opened_it() {
    let rig = Rig::with(package(&[process("main", json!({}))])).await;
    let foreign = |action: Value| {
        json!({"package_id": {"package_name": "other", "publisher_node": "test.os"},
            "db": "main", "action": action})
    };
    for (action, error) in [
        (json!("Open"), "MismatchingPackageId"),
        (json!("RemoveDb"), "MismatchingPackageId"),
        (json!({"Query": "SELECT 1"}), "NoReadCap"),
        (json!("BeginTx"), "NoWriteCap"),
    ] {
        let answer = rig.call(SQLITE, foreign(action), None).await;
        assert_eq!(answer["body"], json!({ "Err": error }));
    }
    let unopened = query(&rig, "SELECT 1", json!(null)).await;
    assert_eq!(unopened, json!({"Err": "NoReadCap"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_can_be_told_to_break_the_order_that_nobody_promised() {
    let rig = Rig::without_package(Home::new(), |config| config.disorder = true).await;
    let package = package(&[process("main", json!({}))]);
    rig.node.install(package).await.unwrap();
    let open = |number: u32| {
        json!({"target": SQLITE, "timeout": 10, "context": number.to_string(),
            "body": request("main", json!("Open"))})
    };
    let opens: Vec<_> = (0..50).map(open).collect();
    rig.command(json!({ "Send": opens })).await;
    let log = rig.log(50).await;
    let order: Vec<u32> = log
        .iter()
        .map(|entry| entry["context"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(!order.is_sorted(), "{order:?}");
}
