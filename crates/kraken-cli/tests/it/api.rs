use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::command::{Finished, kraken};

/// A server that gives one answer to everything, and keeps what it was asked.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// Method and URI, bearer, body.
type Asked = (String, String, Value);

impl Server {
    async fn that_answers(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (asked.clone(), body.to_owned());
        let router = Router::new().fallback(
            async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let bearer = headers["authorization"].to_str().unwrap().to_owned();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                log.lock()
                    .unwrap()
                    .push((format!("{method} {uri}"), bearer, body));
                (StatusCode::from_u16(status).unwrap(), answer)
            },
        );
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, asked }
    }

    async fn kraken(&self, arguments: &[&str]) -> Finished {
        let environment = [
            ("KRAKEN_ADMIN_TOKEN", "the-admin-token"),
            ("KRAKEN_SERVER", self.url.as_str()),
            ("http_proxy", "http://127.0.0.1:1"),
        ];
        kraken(arguments, &environment).await
    }

    /// The only thing that was asked, with the right token.
    fn asked(&self) -> (String, Value) {
        let asked = self.asked.lock().unwrap();
        let [(request, bearer, body)] = &asked[..] else {
            panic!("{asked:?}")
        };
        assert_eq!(bearer, "Bearer the-admin-token");
        (request.clone(), body.clone())
    }
}

#[tokio::test]
async fn cm1_a_new_token_is_alone_on_standard_output() {
    let server = Server::that_answers(201, r#"{"token":"a.b.c","expires_at":1}"#).await;
    let arguments = ["token", "--app", "notes", "--for", "alice"];
    assert_eq!(server.kraken(&arguments).await.printed(), "a.b.c\n");
    let body = json!({ "sub": "alice", "aud": ["*"], "scope": "write", "expires_in": 3600 });
    let request = "POST /api/apps/notes/tokens".to_owned();
    assert_eq!(server.asked(), (request, body));
}

#[tokio::test]
async fn cm1_a_token_is_as_narrow_as_it_is_asked_for() {
    let server = Server::that_answers(201, r#"{"token":"a.b.c","expires_at":1}"#).await;
    let arguments = [
        "token",
        "--app",
        "notes",
        "--for",
        "bob",
        "--room",
        "a",
        "--room",
        "b/*",
        "--scope",
        "read",
        "--expires",
        "1d 12h",
    ];
    server.kraken(&arguments).await.printed();
    let body = json!({
        "sub": "bob", "aud": ["a", "b/*"], "scope": "read", "expires_in": 129_600
    });
    assert_eq!(server.asked().1, body);
}

#[tokio::test]
async fn cm2_apps_are_added_rotated_and_removed() {
    let answer = r#"{"app_id":"notes","secret":"s3cret"}"#;
    for (arguments, request, body, printed) in [
        (
            "apps add notes --name Notes --origin https://a.example --origin https://b.example",
            "POST /api/apps",
            json!({
                "app_id": "notes",
                "name": "Notes",
                "allowed_origins": ["https://a.example", "https://b.example"],
                "require_app_token": false,
            }),
            "s3cret\n",
        ),
        (
            "apps rotate notes --overlap 2h",
            "POST /api/apps/notes/secrets",
            json!({ "overlap_seconds": 7200 }),
            "s3cret\n",
        ),
        (
            "apps rotate notes",
            "POST /api/apps/notes/secrets",
            json!({}),
            "s3cret\n",
        ),
        (
            "apps remove notes --confirm notes",
            "DELETE /api/apps/notes?confirm=notes",
            Value::Null,
            "",
        ),
    ] {
        let server = Server::that_answers(201, answer).await;
        let arguments: Vec<_> = arguments.split(' ').collect();
        assert_eq!(server.kraken(&arguments).await.printed(), printed);
        assert_eq!(server.asked(), (request.to_owned(), body));
    }
}

#[tokio::test]
async fn cm2_apps_are_listed() {
    let apps = json!({ "apps": [
        { "app_id": "default", "allowed_origins": ["http://localhost:*"], "connections": 12, "rooms": 3 },
        { "app_id": "a-longer-one", "allowed_origins": [], "connections": 0, "rooms": 0 },
    ] });
    let server = Server::that_answers(200, &apps.to_string()).await;
    let expected = "\
ID            CONNECTIONS  ROOMS  ORIGINS
default       12           3      http://localhost:*
a-longer-one  0            0
";
    assert_eq!(server.kraken(&["apps", "list"]).await.printed(), expected);
    assert_eq!(server.asked(), ("GET /api/apps".to_owned(), Value::Null));
}

#[tokio::test]
async fn cm2_an_app_is_not_removed_without_its_name_given_twice() {
    let server = Server::that_answers(202, "{}").await;
    for arguments in [
        &["apps", "remove", "notes"][..],
        &["apps", "remove", "notes", "--confirm", "other"],
    ] {
        let complaint = server.kraken(arguments).await.complained();
        assert!(complaint.contains("add --confirm notes"), "{complaint}");
    }
    assert!(server.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn cm3_an_error_shows_what_the_server_says_and_what_to_do() {
    let arguments = ["apps", "list"];
    for (status, body, expected) in [
        (
            401,
            r#"{"error":{"code":"unauthorized","message":"wrong token"}}"#,
            "wrong token (401): KRAKEN_ADMIN_TOKEN has to be the admin token",
        ),
        (
            404,
            r#"{"error":{"code":"no_such_app","message":"there is no app `x`"}}"#,
            "there is no app `x` (404)",
        ),
        (502, "<html>", "answers 502, but not as Kraken does"),
        (200, "<html>", "answers 200, but not as Kraken does"),
        (302, "", "answers 302, but not as Kraken does"),
        (200, "{}", "is the server of another version?"),
    ] {
        let server = Server::that_answers(status, body).await;
        let complaint = server.kraken(&arguments).await.complained();
        assert!(complaint.contains(expected), "{complaint}");
        assert!(!complaint.contains("the-admin-token"), "{complaint}");
    }
}

#[tokio::test]
async fn cm3_what_is_missing_is_named() {
    let arguments = ["apps", "list", "--server"];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let token = [("KRAKEN_ADMIN_TOKEN", "the-admin-token")];
    for (server, environment, expected) in [
        (
            nowhere.as_str(),
            &token[..],
            "Is `kraken serve` running there?",
        ),
        ("https://kraken.example", &token, "through an SSH tunnel"),
        ("kraken.example", &token, "is not an address like http://"),
        (
            &nowhere,
            &[],
            "the admin token is missing: set KRAKEN_ADMIN_TOKEN",
        ),
    ] {
        let arguments = [&arguments[..], &[server]].concat();
        let complaint = kraken(&arguments, environment).await.complained();
        assert!(complaint.contains(expected), "{complaint}");
    }
    let arguments = ["token", "--app", "a/b", "--for", "x"];
    let complaint = kraken(&arguments, &token).await.complained();
    assert!(
        complaint.contains("an app's id has 1 to 64 of"),
        "{complaint}"
    );
}

#[tokio::test]
async fn cm4_help_never_shows_a_secret_of_the_environment() {
    let secrets = [
        ("KRAKEN_ADMIN_TOKEN", "secret-1"),
        ("KRAKEN_MASTER_TOKEN", "secret-2"),
        ("KRAKEN_LINK_KEY", "secret-3"),
    ];
    for command in ["serve", "node", "sidecar", "token", "apps"] {
        let help = kraken(&[command, "--help"], &secrets).await.printed();
        assert!(!help.contains("secret-"), "{help}");
    }
}
