//! Who is logged in.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::rig::{Home, Rig};

const BIND: &str =
    r#"{"Bind": {"path": "/", "authenticated": true, "local_only": false, "cache": false}}"#;

async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.http_server(serde_json::from_str(BIND).unwrap()).await;
    rig
}

fn get(cookie: &str) -> Request<Body> {
    let request = Request::get("/main:probe:test.os/").header("cookie", cookie);
    request.body(Body::empty()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_cookie_there_is_the_login_page_with_status_200() {
    let rig = rig().await;
    for cookie in ["", "kinode-auth_test.os=wrong", "other=1"] {
        let answer = rig.request(get(cookie), true).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("<title>Log in to test.os</title>"));
        assert!(!answer.headers.contains_key("x-probe"));
    }
    assert_eq!(
        rig.get("/login").await.body,
        rig.request(get(""), true).await.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_cookie_the_process_gets_the_request() {
    let rig = rig().await;
    let cookie = format!("a=b; {}; c=d", rig.node.login_cookie());
    let answer = rig.request(get(&cookie), false).await;
    assert_eq!(answer.headers["x-probe"], "yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_logs_in_and_sets_a_cookie_without_attributes() {
    let rig = rig().await;
    let login = |secret: &str| {
        let body = json!({"password_hash": secret, "subdomain": ""}).to_string();
        Request::post("/login").body(Body::from(body)).unwrap()
    };
    let refused = rig.request(login("wrong"), true).await;
    assert_eq!(refused.status, 401);
    assert!(!refused.headers.contains_key("set-cookie"));

    let accepted = rig.request(login(rig.node.login_secret()), true).await;
    assert_eq!(accepted.status, 200);
    let cookie = accepted.headers["set-cookie"].to_str().unwrap();
    assert_eq!(cookie, format!("{};", rig.node.login_cookie()));
    let answer = rig.request(get(cookie.trim_end_matches(';')), true).await;
    assert_eq!(answer.headers["x-probe"], "yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_stays_and_only_its_owner_can_read_it() {
    let rig = rig().await;
    let secret = rig.node.login_secret().to_owned();
    assert!(secret.len() >= 32);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = std::fs::metadata(rig.home.0.join("http-secret")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
    rig.node.shutdown().await;
    let again = Rig::without_package(rig.home, |_| {}).await;
    assert_eq!(again.node.login_secret(), secret);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_given_is_the_one_and_isnt_kept() {
    let given = |config: &mut kraken_node::NodeConfig| {
        config.login_secret = Some("secret".to_owned());
    };
    let rig = Rig::without_package(Home::new(), given).await;
    assert_eq!(rig.node.login_secret(), "secret");
    let body = json!({"password_hash": "secret", "subdomain": null}).to_string();
    let login = Request::post("/login").body(Body::from(body)).unwrap();
    let accepted = rig.request(login, true).await;
    assert_eq!(
        accepted.headers["set-cookie"],
        "kinode-auth_test.os=secret;"
    );
    assert!(!rig.home.0.join("http-secret").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secure_path_lives_on_the_subdomain_of_its_package() {
    let rig = Rig::new().await;
    rig.http_server(json!({"SecureBind": {"path": "/", "cache": false}}))
        .await;
    let request = |host: &str, cookie: &str| {
        Request::get("/main:probe:test.os/?a=b")
            .header("host", host)
            .header("cookie", cookie)
            .body(Body::empty())
            .unwrap()
    };
    let moved = rig.request(request("node.test:8080", ""), true).await;
    assert_eq!(moved.status, 307);
    assert_eq!(
        moved.headers["location"],
        "http://probe-test-os.node.test:8080/main:probe:test.os?a=b"
    );
    let host = "probe-test-os.node.test:8080";
    let general = rig.node.login_cookie();
    assert!(
        rig.request(request(host, &general), true)
            .await
            .body
            .contains("Log in")
    );
    let own = general.replacen('=', "@probe-test-os=", 1);
    let answer = rig.request(request(host, &own), true).await;
    assert_eq!(answer.headers["x-probe"], "yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_without_the_cookie_falls_through_to_http() {
    let rig = Rig::new().await;
    let bind = json!({"WebSocketBind": {"path": "/ws", "authenticated": true, "extension": false}});
    rig.http_server(bind).await;
    assert_eq!(
        rig.connect("/main:probe:test.os/ws").await.unwrap_err(),
        404
    );
    rig.bind("/ws").await;
    assert_eq!(
        rig.connect("/main:probe:test.os/ws?status=403")
            .await
            .unwrap_err(),
        403
    );
    let cookie = rig.node.login_cookie();
    let headers = [("cookie", cookie.as_str()), ("origin", "https://evil.test")];
    assert!(
        rig.connect_with("/main:probe:test.os/ws", &headers)
            .await
            .is_ok()
    );
}
