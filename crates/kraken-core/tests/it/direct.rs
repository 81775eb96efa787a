//! Sockets of the node's own HTTP server: tickets, envelopes, and never a push too many.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kraken_core::doc::message;
use kraken_core::{
    ChannelId, Config, ConnectionId, Core, Effect, Event, Handshake, HttpRequest, HttpResponse,
    Limits, Push, RequestId, SetupRequest, Timestamp, Way,
};
use serde_json::{Value, json};
use std::net::IpAddr;

/// What the node holds for one socket before it stands still.
const NODE_QUEUE: usize = 100;

/// A core with storage that answers at once, and what it pushed.
struct Node {
    core: Core,
    now: Timestamp,
    pushed: Vec<(ChannelId, Push)>,
    refused: Vec<u16>,
    responses: Vec<HttpResponse>,
}

impl Node {
    fn new() -> Self {
        let now = Timestamp(1_700_000_000_000);
        let core = Core::new(Config {
            limits: Limits::default(),
            settings: None,
            seed: [1; 32],
            pages: Default::default(),
            stopwatch: || 0,
            now,
        });
        let mut node = Self {
            core,
            now,
            pushed: Vec::new(),
            refused: Vec::new(),
            responses: Vec::new(),
        };
        let request = SetupRequest {
            master_token: Some("master".to_owned()),
            admin_token: Some("admin".to_owned()),
            ..SetupRequest::default()
        };
        node.core.set_up(&request, now).unwrap();
        node.carry_out();
        node
    }

    fn handle(&mut self, event: Event) {
        self.core.handle(self.now, event);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        loop {
            let effects: Vec<_> = self.core.drain_effects().collect();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Store(request) => {
                        let id = request.id;
                        let reply = request.operation.answer_of_nothing();
                        self.core.handle(self.now, Event::Stored { id, reply });
                    }
                    Effect::Push { channel, push } => self.pushed.push((channel, push)),
                    Effect::Respond { response, .. } => self.responses.push(response),
                    Effect::Refuse { status, .. } => self.refused.push(status),
                    Effect::Close { connection, .. } | Effect::Accept { connection, .. } => {
                        assert!(
                            is_gateways(connection),
                            "a socket of the node is never closed"
                        );
                    }
                    _ => {}
                }
            }
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now.after(millis);
        self.core.handle_timeout(self.now);
        self.carry_out();
    }

    fn ask(&mut self, http: HttpRequest) -> (u16, Value) {
        let request = RequestId(1);
        self.handle(Event::Request { request, http });
        let response = self.responses.pop().unwrap();
        let body = serde_json::from_slice(&response.body).unwrap_or_default();
        (response.status, body)
    }

    /// A ticket for the owner.
    fn ticket(&mut self) -> String {
        let (status, body) = self.ask(of_owner("POST", "/api/tickets"));
        assert_eq!(status, 201, "{body}");
        body["ticket"].as_str().unwrap().to_owned()
    }

    fn open(&mut self, channel: u32, path: &str) -> ChannelId {
        let channel = ChannelId(channel);
        let path = path.to_owned();
        self.handle(Event::ChannelOpened { channel, path });
        channel
    }

    fn document(&mut self, channel: u32) -> ChannelId {
        let ticket = self.ticket();
        self.open(channel, &format!("/t/{ticket}/doc/room"))
    }

    fn push(&mut self, channel: ChannelId, push: Push) {
        self.handle(Event::ChannelPush { channel, push });
    }

    fn say(&mut self, channel: ChannelId, json: &Value) {
        self.push(channel, Push::Binary(json.to_string().into()));
    }

    /// What a socket was pushed since the last call, without pings.
    fn heard(&mut self, channel: ChannelId) -> Vec<Bytes> {
        let (own, others) = self.pushed.drain(..).partition(|(to, _)| *to == channel);
        self.pushed = others;
        let own: Vec<(ChannelId, Push)> = own;
        own.into_iter()
            .filter_map(|(_, push)| match push {
                Push::Binary(bytes) | Push::Text(bytes) => Some(bytes),
                Push::Ping(_) | Push::Pong(_) => None,
            })
            .collect()
    }

    fn envelopes(&mut self, channel: ChannelId) -> Vec<Value> {
        let heard = self.heard(channel);
        let parse = |bytes: &Bytes| serde_json::from_slice(bytes).unwrap();
        heard.iter().map(parse).collect()
    }

    /// Answers all pings that a socket was sent; how many pushes it got.
    fn read(&mut self, channel: ChannelId) -> usize {
        let mut pushes = 0;
        loop {
            let (own, others): (Vec<_>, Vec<_>) =
                self.pushed.drain(..).partition(|(to, _)| *to == channel);
            self.pushed = others;
            if own.is_empty() {
                return pushes;
            }
            for (_, push) in own {
                match push {
                    Push::Ping(nonce) => self.push(channel, Push::Pong(nonce)),
                    _ => pushes += 1,
                }
            }
        }
    }
}

fn is_gateways(connection: ConnectionId) -> bool {
    connection.0 < 1 << 32
}

fn of_owner(method: &str, path: &str) -> HttpRequest {
    HttpRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        way: Way::Owner,
        ..HttpRequest::default()
    }
}

fn denial(frames: &[Bytes]) -> Option<String> {
    let last = frames.last()?;
    let reason = last.strip_prefix(&[2, 0])?.get(1..)?;
    String::from_utf8(reason.to_vec()).ok()
}

fn edit(size: usize) -> Bytes {
    // One string of `size` bytes by a client that is new each time.
    use std::sync::atomic::{AtomicU64, Ordering};
    use yrs::{Doc, ReadTxn, StateVector, Text, Transact};
    static LAST: AtomicU64 = AtomicU64::new(1);
    let doc = Doc::with_client_id(LAST.fetch_add(1, Ordering::Relaxed));
    let text = doc.get_or_insert_text("text");
    text.insert(&mut doc.transact_mut(), 0, &"x".repeat(size));
    message::update(
        &doc.transact()
            .encode_state_as_update_v1(&StateVector::default()),
    )
}

#[test]
fn ti3_a_ticket_opens_one_socket_within_30_seconds() {
    let mut node = Node::new();
    let ticket = node.ticket();
    let path = format!("/t/{ticket}/doc/room");
    let first = node.open(1, &path);
    assert_eq!(node.heard(first)[0][..2], [0, 0], "step 1");
    let second = node.open(2, &path);
    assert!(denial(&node.heard(second)).unwrap().contains("ticket"));

    let late = node.ticket();
    node.wait(30_000);
    let late = node.open(3, &format!("/t/{late}/doc/room"));
    assert!(denial(&node.heard(late)).is_some());
    for (index, path) in ["/t/x/doc/room", "/t//doc/room", "/doc/room", "/room"]
        .iter()
        .enumerate()
    {
        let other = node.open(10 + index as u32, path);
        assert!(denial(&node.heard(other)).is_some(), "{path}");
    }
}

#[test]
fn sd24_a_ticket_opens_a_store_and_who_has_none_is_told_in_json() {
    let mut node = Node::new();
    let ticket = |node: &mut Node| {
        let mut request = of_owner("POST", "/api/tickets");
        request.body = r#"{"store":"notes"}"#.into();
        let (status, body) = node.ask(request);
        assert_eq!(status, 201, "{body}");
        body["ticket"].as_str().unwrap().to_owned()
    };
    let paths =
        [ticket(&mut node), ticket(&mut node)].map(|ticket| format!("/t/{ticket}/ws/notes"));
    let (alice, bob) = (node.open(1, &paths[0]), node.open(2, &paths[1]));
    node.push(alice, Push::Binary(Bytes::from_static(b"\x01patch")));
    assert_eq!(node.heard(bob), [&b"\x01patch"[..]]);
    assert!(node.heard(alice).is_empty());
    let wrong = ticket(&mut node);
    for (channel, path) in [
        (3, "/ws/notes".to_owned()),
        (4, "/t/x/ws/notes".to_owned()),
        (5, format!("/t/{wrong}/ws/other")),
    ] {
        let refused = node.open(channel, &path);
        let told = node.envelopes(refused);
        assert_eq!(told[0]["kraken"], "error", "{path} {told:?}");
        node.push(refused, Push::Binary(Bytes::from_static(b"\x01patch")));
        assert!(node.heard(bob).is_empty(), "{path}");
    }
}

#[test]
fn ti4_tickets_are_for_the_owner_unless_the_owner_says_otherwise() {
    let mut node = Node::new();
    let asked = |way| HttpRequest {
        way,
        headers: vec![
            ("authorization".to_owned(), "Bearer master".to_owned()),
            ("origin".to_owned(), "http://localhost:3000".to_owned()),
        ],
        ..of_owner("POST", "/api/tickets")
    };
    assert_eq!(node.ask(asked(Way::Node)).0, 403);
    // One that was got at the gateway doesn't help.
    let (status, body) = node.ask(asked(Way::Gateway));
    assert_eq!(status, 201);
    let path = format!("/t/{}/doc/room", body["ticket"].as_str().unwrap());
    let stranger = node.open(1, &path);
    assert!(denial(&node.heard(stranger)).is_some());

    let change = HttpRequest {
        body: "{\"tickets_for_everyone\": true}".into(),
        ..of_owner("PATCH", "/api/settings")
    };
    assert_eq!(node.ask(change).0, 200);
    let (status, body) = node.ask(asked(Way::Node));
    assert_eq!(status, 201);
    let path = format!("/t/{}/doc/room", body["ticket"].as_str().unwrap());
    let welcome = node.open(2, &path);
    assert!(denial(&node.heard(welcome)).is_none());
}

#[test]
fn ti2_another_site_in_the_owners_browser_gets_nothing() {
    let mut node = Node::new();
    let from = |headers: &[(&str, &str)]| HttpRequest {
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..of_owner("POST", "/api/tickets")
    };
    let host = ("host", "node.example:8080");
    for own in [
        from(&[host]),
        from(&[host, ("origin", "http://node.example:8080")]),
        from(&[host, ("origin", "https://node.example:8080")]),
        from(&[host, ("sec-fetch-site", "same-origin")]),
        from(&[host, ("sec-fetch-site", "none")]),
    ] {
        assert_eq!(node.ask(own.clone()).0, 201, "{own:?}");
    }
    for other in [
        from(&[host, ("origin", "http://evil.example")]),
        from(&[host, ("origin", "http://node.example")]),
        from(&[host, ("origin", "http://node.example:8080.evil.example")]),
        from(&[host, ("origin", "null")]),
        from(&[host, ("sec-fetch-site", "cross-site")]),
        from(&[host, ("sec-fetch-site", "same-site")]),
        from(&[("origin", "http://node.example:8080")]),
    ] {
        assert_eq!(node.ask(other.clone()).0, 403, "{other:?}");
    }
}

#[test]
fn ti8_sockets_that_never_read_leave_everybody_else_unharmed() {
    let mut node = Node::new();
    let idle: Vec<_> = (1..=5).map(|channel| node.document(channel)).collect();
    let (writer, reader) = (node.document(10), node.document(11));
    let mut got = node.read(reader);
    for _ in 0..400 {
        node.push(writer, Push::Binary(edit(64 << 10)));
        node.read(writer);
        got += node.read(reader);
        node.wait(10);
    }
    assert!(got >= 400, "{got}");
    for channel in idle {
        let pushed = node.pushed.iter().filter(|(to, _)| *to == channel).count();
        assert!(pushed < NODE_QUEUE, "{pushed}");
        // Once it reads again, it is told that it is too late.
        let mut last = node.heard_and_read(channel);
        assert!(denial(&last).unwrap().contains("read"), "{}", last.len());
        node.push(writer, Push::Binary(edit(10)));
        last = node.heard_and_read(channel);
        assert!(last.is_empty());
    }
}

impl Node {
    /// Reads everything; what it was.
    fn heard_and_read(&mut self, channel: ChannelId) -> Vec<Bytes> {
        let mut all = Vec::new();
        loop {
            let (own, others): (Vec<_>, Vec<_>) =
                self.pushed.drain(..).partition(|(to, _)| *to == channel);
            self.pushed = others;
            if own.is_empty() {
                return all;
            }
            for (_, push) in own {
                match push {
                    Push::Ping(nonce) => self.push(channel, Push::Pong(nonce)),
                    Push::Binary(bytes) | Push::Text(bytes) => all.push(bytes),
                    Push::Pong(_) => {}
                }
            }
        }
    }
}

#[test]
fn ti7_who_breaks_a_rule_is_told_and_ignored() {
    let mut node = Node::new();
    let socket = node.document(1);
    node.read(socket);
    node.push(socket, Push::Binary(Bytes::from_static(&[0, 9])));
    assert!(denial(&node.heard(socket)).is_some());
    node.push(socket, Push::Binary(Bytes::from_static(&[0, 0, 1, 0])));
    assert!(node.heard(socket).is_empty());

    let large = node.document(2);
    node.read(large);
    node.push(large, Push::Binary(vec![0; (16 << 20) + 1].into()));
    assert!(denial(&node.heard(large)).is_some());

    let unknown = ChannelId(99);
    node.push(unknown, Push::Binary(Bytes::from_static(&[0xC1, 0, 1, 0])));
    assert!(node.heard(unknown).is_empty());
}

#[test]
fn ti7_who_sends_too_fast_is_told_and_ignored() {
    let mut node = Node::new();
    let socket = node.document(1);
    let limits = Limits::default().app;
    for _ in 0..limits.messages_per_second * 10 {
        node.push(socket, Push::Binary(Bytes::from_static(&[3])));
        node.read(socket);
    }
    assert!(denial(&node.heard(socket)).is_none());
    node.push(socket, Push::Binary(Bytes::from_static(&[3])));
    assert!(denial(&node.heard(socket)).unwrap().contains("second"));
}

#[test]
fn ti6_one_socket_of_envelopes_has_several_rooms() {
    let mut node = Node::new();
    let socket = node.open(1, "/");
    let ticket = node.ticket();
    node.say(socket, &json!({ "kraken": "open", "room": "a" }));
    assert_eq!(node.envelopes(socket)[0]["code"], "ticket_required");
    node.say(
        socket,
        &json!({ "kraken": "open", "room": "a", "ticket": ticket }),
    );
    node.say(socket, &json!({ "kraken": "open", "room": "b" }));
    let opened = node.envelopes(socket);
    for room in ["a", "b"] {
        assert!(opened.contains(&json!({ "kraken": "open", "room": room })));
        let step_1 = json!({ "kraken": "sync", "room": room, "data": "AAABAA==" });
        assert!(opened.contains(&step_1), "{opened:?}");
    }

    let other = node.document(2);
    node.say(socket, &json!({ "kraken": "open", "room": "room" }));
    node.read(socket);
    node.heard(other);
    let update = edit(3);
    let data = STANDARD.encode(&update);
    node.say(
        socket,
        &json!({ "kraken": "sync", "room": "room", "data": data }),
    );
    assert_eq!(node.heard(other), [update]);
    let update = edit(4);
    node.push(other, Push::Binary(update.clone()));
    let data = STANDARD.encode(&update);
    let heard = json!({ "kraken": "sync", "room": "room", "data": data });
    assert_eq!(node.envelopes(socket), [heard]);

    node.say(socket, &json!({ "kraken": "close", "room": "room" }));
    node.push(other, Push::Binary(edit(5)));
    assert!(node.envelopes(socket).is_empty());
}

#[test]
fn ti6_envelopes_that_make_no_sense_are_answered_with_an_error() {
    let mut node = Node::new();
    let socket = node.open(1, "");
    let ticket = node.ticket();
    node.say(
        socket,
        &json!({ "kraken": "open", "room": "a", "ticket": ticket }),
    );
    node.read(socket);
    for (said, code) in [
        (json!("text"), "bad_request"),
        (json!({ "kraken": "dance", "room": "a" }), "bad_request"),
        (
            json!({ "kraken": "sync", "room": "b", "data": "" }),
            "not_open",
        ),
        (
            json!({ "kraken": "sync", "room": "a", "data": "?" }),
            "bad_request",
        ),
        (json!({ "kraken": "open", "room": "a" }), "room_is_open"),
        (json!({ "kraken": "open", "room": "" }), "invalid_room"),
        (
            json!({ "kraken": "open", "room": "c", "ticket": "x" }),
            "invalid_ticket",
        ),
        (json!({ "kraken": "close", "room": "b" }), "not_open"),
    ] {
        node.wait(200);
        node.say(socket, &said);
        let answers = node.envelopes(socket);
        assert_eq!(answers[0]["kraken"], "error", "{said}");
        assert_eq!(answers[0]["code"], code, "{said}");
    }
    // A broken message ends its room, not the socket.
    node.say(
        socket,
        &json!({ "kraken": "sync", "room": "a", "data": "AAk=" }),
    );
    let closed = node.envelopes(socket);
    assert_eq!(closed[0]["kraken"], "close");
    assert_eq!(closed[0]["code"], 4400);
    node.say(socket, &json!({ "kraken": "open", "room": "a" }));
    assert_eq!(node.envelopes(socket)[0]["kraken"], "open");
}

#[test]
fn ti7_what_ends_a_grant_ends_it_on_this_way_too() {
    let mut node = Node::new();
    let (document, mux) = (node.document(1), node.open(2, "/"));
    let ticket = node.ticket();
    node.say(
        mux,
        &json!({ "kraken": "open", "room": "a", "ticket": ticket }),
    );
    node.read(document);
    node.read(mux);
    let unused = node.ticket();
    let deletion = HttpRequest {
        query: Some("confirm=default".to_owned()),
        ..of_owner("DELETE", "/api/apps/default")
    };
    assert_eq!(node.ask(deletion).0, 202);
    assert!(denial(&node.heard(document)).is_some());
    assert_eq!(node.envelopes(mux)[0]["code"], 4403);
    let app = HttpRequest {
        body: json!({ "app_id": "default", "name": "d", "allowed_origins": [] })
            .to_string()
            .into(),
        ..of_owner("POST", "/api/apps")
    };
    assert_eq!(node.ask(app).0, 201);
    node.say(mux, &json!({ "kraken": "open", "room": "a" }));
    assert_eq!(node.envelopes(mux)[0]["kraken"], "error");
    let late = node.open(3, &format!("/t/{unused}/doc/room"));
    assert!(denial(&node.heard(late)).is_some());
}

#[test]
fn op1_metrics_are_for_the_admin_and_for_the_machine_itself() {
    let mut node = Node::new();
    let local: IpAddr = [127, 0, 0, 1].into();
    let asked = |remote, headers: &[(&str, &str)]| HttpRequest {
        method: "GET".to_owned(),
        path: "/metrics".to_owned(),
        remote,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..HttpRequest::default()
    };
    let admin = ("authorization", "Bearer admin");
    assert_eq!(node.ask(asked(Some(local), &[])).0, 200);
    assert_eq!(node.ask(asked(None, &[admin])).0, 200);
    assert_eq!(node.ask(asked(None, &[])).0, 401);
    assert_eq!(node.ask(asked(Some([10, 0, 0, 1].into()), &[])).0, 401);
    assert_eq!(
        node.ask(asked(Some(local), &[("x-forwarded-for", "10.0.0.1")]))
            .0,
        401
    );
    assert_eq!(
        node.ask(asked(None, &[("authorization", "Bearer master")]))
            .0,
        403
    );
}

#[test]
fn ti9_a_ticket_works_at_the_gateway_as_well() {
    let mut node = Node::new();
    let ticket = node.ticket();
    let connection = ConnectionId(1);
    let handshake = Handshake {
        path: format!("/t/{ticket}/doc/room"),
        ..Handshake::default()
    };
    for refusals in [0, 1] {
        let handshake = handshake.clone();
        node.handle(Event::Opened {
            connection,
            handshake,
        });
        assert_eq!(node.refused.len(), refusals);
    }
}

#[test]
fn si4_a_peer_of_the_node_hears_that_another_broke_a_rule_and_left() {
    let mut node = Node::new();
    let (alice, bob) = (node.document(1), node.document(2));
    for (channel, id) in [(alice, "alice"), (bob, "bob")] {
        let announce = json!({ "kraken": "signal", "signal": { "type": 0, "from": id } });
        node.push(channel, Push::Text(announce.to_string().into()));
    }
    node.heard(alice);
    node.push(bob, Push::Binary(Bytes::from_static(&[0, 9])));
    let heard = node.envelopes(alice);
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0]["signal"]["type"], 7);
    assert_eq!(heard[0]["signal"]["peerId"], "bob");
}

#[test]
fn au3_a_set_up_with_another_master_token_ends_direct_sockets_too() {
    let mut node = Node::new();
    let change = HttpRequest {
        body: "{\"tickets_for_everyone\": true}".into(),
        ..of_owner("PATCH", "/api/settings")
    };
    assert_eq!(node.ask(change).0, 200);
    let asked = HttpRequest {
        way: Way::Node,
        headers: vec![
            ("authorization".to_owned(), "Bearer master".to_owned()),
            ("origin".to_owned(), "http://localhost:3000".to_owned()),
        ],
        ..of_owner("POST", "/api/tickets")
    };
    let (_, body) = node.ask(asked);
    let path = format!("/t/{}/doc/room", body["ticket"].as_str().unwrap());
    let stranger = node.open(1, &path);
    assert!(denial(&node.heard(stranger)).is_none());
    let request = SetupRequest {
        master_token: Some("another".to_owned()),
        ..SetupRequest::default()
    };
    node.core.set_up(&request, node.now).unwrap();
    node.carry_out();
    assert!(denial(&node.heard(stranger)).unwrap().contains("replaced"));
}
