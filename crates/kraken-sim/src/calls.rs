//! A core with a simulated media engine, people in rooms, and programs that ask by HTTP.

use bytes::Bytes;
use kraken_call::{
    Answer, FromEngine, Member, Problem, Question, Rights, Room, RoomLimits, ToClient, ToEngine,
};
use kraken_core::{
    ChannelId, Config, ConnectionId, Core, Effect, Event, Handshake, HttpRequest, HttpResponse,
    Limits, Push, RequestId, SetupRequest, Timestamp, Way,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const START: Timestamp = Timestamp(1_700_000_000_000);
const ADMIN: &str = "admin";

/// A core, whoever talks to it, and the engine.
pub struct CallWorld {
    core: Core,
    now: Timestamp,
    engine: Option<CallEngine>,
    texts: BTreeMap<ConnectionId, Vec<Value>>,
    pushes: Vec<Value>,
    responses: BTreeMap<RequestId, HttpResponse>,
    closes: BTreeMap<ConnectionId, u16>,
    /// What the operator was told.
    pub warnings: Vec<String>,
    last: u64,
}

/// An engine that lets everybody in, and remembers what it was told.
#[derive(Default)]
pub struct CallEngine {
    /// All messages, in order.
    pub heard: Vec<ToEngine>,
    /// Who has joined, and where.
    pub members: BTreeMap<u64, (String, Rights, RoomLimits)>,
    /// Names that nobody may join by.
    pub refused: Vec<String>,
    /// Whether it answers questions.
    pub is_silent: bool,
}

impl CallEngine {
    fn hear(&mut self, message: ToEngine) -> Vec<FromEngine> {
        self.heard.push(message.clone());
        match message {
            ToEngine::Join {
                member,
                room,
                join,
                rights,
                limits,
            } => {
                if self.refused.contains(&join.peer) {
                    let problem = problem("peer_taken");
                    return vec![tell(member, ToClient::Error(problem))];
                }
                self.members.insert(member, (room, rights, limits));
                vec![tell(member, joined(join.session.is_some(), rights))]
            }
            ToEngine::Gone { member } => {
                self.members.remove(&member);
                Vec::new()
            }
            ToEngine::Say { .. } => Vec::new(),
            ToEngine::Ask { .. } if self.is_silent => Vec::new(),
            ToEngine::Ask { request, question } => {
                let answer = answer(&question);
                vec![FromEngine::Answer { request, answer }]
            }
        }
    }
}

/// What the simulated engine answers.
fn answer(question: &Question) -> Result<Answer, Problem> {
    match question {
        Question::Whip { sdp, .. } | Question::Whep { sdp, .. } if sdp.contains("m=text") => {
            Err(problem("unsupported"))
        }
        Question::Whip { .. } | Question::Whep { .. } => Ok(Answer::Session {
            session: "s-1".to_owned(),
            sdp: "v=0\r\n".to_owned(),
            etag: "e-1".to_owned(),
        }),
        Question::Trickle { session, .. } | Question::Leave { session, .. } if session != "s-1" => {
            Err(problem("no_such_session"))
        }
        Question::Trickle { if_match, .. } => match if_match.as_str() {
            "*" => Ok(Answer::Fragment {
                fragment: Some("a=ice-ufrag:x\r\n".to_owned()),
                etag: "e-2".to_owned(),
            }),
            "e-1" => Ok(Answer::Fragment {
                fragment: None,
                etag: "e-1".to_owned(),
            }),
            _ => Err(problem("stale")),
        },
        Question::Leave { .. } | Question::Moderate { .. } => Ok(Answer::Done {}),
        Question::Rooms {} => Ok(Answer::Rooms {
            rooms: ["default:notes", "other:notes"].map(room).into(),
        }),
        Question::Record { .. } | Question::StopRecording { .. } => Err(problem("recordings_off")),
        Question::Recordings {} => Ok(Answer::Recordings {
            recordings: Vec::new(),
        }),
    }
}

fn room(room: &str) -> Room {
    Room {
        room: room.to_owned(),
        locked: false,
        recorded: false,
        peers: Vec::new(),
    }
}

fn problem(code: &str) -> Problem {
    Problem {
        code: code.to_owned(),
        message: String::new(),
        about: None,
    }
}

fn joined(resumed: bool, rights: Rights) -> ToClient {
    ToClient::Joined {
        session: "secret".to_owned(),
        resumed,
        peers: Vec::new(),
        may_publish: rights.publish,
        may_moderate: rights.moderate,
        locked: false,
        recorded: false,
    }
}

fn tell(member: u64, message: ToClient) -> FromEngine {
    FromEngine::Tell { member, message }
}

/// A peer of this name who publishes nothing.
pub fn peer(name: &str) -> ToClient {
    ToClient::Peer(Member {
        peer: name.to_owned(),
        name: None,
        metadata: Value::Null,
        tracks: Vec::new(),
    })
}

impl CallWorld {
    /// A world with an engine.
    pub fn new() -> Self {
        let mut world = Self::without_engine();
        world.start_engine();
        world
    }

    /// A world without one.
    pub fn without_engine() -> Self {
        let core = Core::new(Config {
            limits: Limits::default(),
            settings: None,
            seed: [1; 32],
            pages: BTreeMap::new(),
            stopwatch: || 0,
            now: START,
        });
        let mut world = Self {
            core,
            now: START,
            engine: None,
            texts: BTreeMap::new(),
            pushes: Vec::new(),
            responses: BTreeMap::new(),
            closes: BTreeMap::new(),
            warnings: Vec::new(),
            last: 0,
        };
        let request = SetupRequest {
            master_token: Some("master".to_owned()),
            admin_token: Some(ADMIN.to_owned()),
            ..SetupRequest::default()
        };
        world.core.set_up(&request, world.now).unwrap();
        world.handle(Event::Link { is_up: true });
        world
    }

    /// An engine comes.
    pub fn start_engine(&mut self) {
        self.engine = Some(CallEngine::default());
        self.handle(Event::EngineUp { is_up: true });
    }

    /// The engine goes.
    pub fn stop_engine(&mut self) {
        self.engine = None;
        self.handle(Event::EngineUp { is_up: false });
    }

    /// The link falls, with all that was behind it.
    pub fn cut_link(&mut self) {
        self.engine = None;
        self.handle(Event::Link { is_up: false });
    }

    /// The engine, which has to be there.
    pub fn engine(&mut self) -> &mut CallEngine {
        self.engine.as_mut().expect("an engine")
    }

    /// The engine says something.
    pub fn say(&mut self, message: &FromEngine) {
        self.engine_says(&serde_json::to_vec(message).unwrap());
    }

    /// The engine says something, whatever it is.
    pub fn engine_says(&mut self, message: &[u8]) {
        self.handle(Event::Engine(Bytes::copy_from_slice(message)));
    }

    /// The engine tells a member something.
    pub fn tell(&mut self, connection: ConnectionId, message: ToClient) {
        self.say(&tell(connection.0, message));
    }

    /// A token of an app for some rooms.
    pub fn token(&mut self, app: &str, aud: &str, scope: &str) -> String {
        self.last += 1;
        let sub = format!("person {}", self.last);
        let body = json!({ "sub": sub, "aud": aud, "scope": scope });
        let made = self.ask(
            "POST",
            &format!("/api/apps/{app}/tokens"),
            &body.to_string(),
        );
        let body: Value = serde_json::from_slice(&made.body).unwrap();
        body["token"].as_str().unwrap().to_owned()
    }

    /// A new app.
    pub fn register(&mut self, app: &str) {
        let body = json!({ "app_id": app, "name": app, "allowed_origins": [] });
        let made = self.ask("POST", "/api/apps", &body.to_string());
        assert_eq!(made.status, 201);
    }

    /// Somebody enters a room by a token, which has to open it.
    pub fn enter(&mut self, room: &str, token: &str) -> ConnectionId {
        self.last += 1;
        let connection = ConnectionId(self.last);
        let handshake = Handshake {
            path: format!("/doc/{room}"),
            query: Some(format!("token={token}")),
            ..Handshake::default()
        };
        self.texts.insert(connection, Vec::new());
        self.handle(Event::Opened {
            connection,
            handshake,
        });
        connection
    }

    /// Somebody's connection ends.
    pub fn leave(&mut self, connection: ConnectionId) {
        self.handle(Event::Closed { connection });
    }

    /// Somebody says something about the call; what it hears at once.
    pub fn call(&mut self, connection: ConnectionId, call: Value) -> Vec<Value> {
        let message = json!({ "kraken": "call", "call": call });
        self.text(connection, &message.to_string())
    }

    /// Somebody sends a text; what it hears at once.
    pub fn text(&mut self, connection: ConnectionId, text: &str) -> Vec<Value> {
        let message = Bytes::copy_from_slice(text.as_bytes());
        self.handle(Event::Text {
            connection,
            message,
        });
        self.heard(connection)
    }

    /// Somebody joins the call; what it hears at once.
    pub fn join(&mut self, connection: ConnectionId, peer: &str) -> Vec<Value> {
        self.call(connection, json!({ "type": "join", "peer": peer }))
    }

    /// What somebody has heard since the last time.
    pub fn heard(&mut self, connection: ConnectionId) -> Vec<Value> {
        self.texts
            .get_mut(&connection)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// The code with which somebody's connection was closed.
    pub fn close_of(&self, connection: ConnectionId) -> Option<u16> {
        self.closes.get(&connection).copied()
    }

    /// The owner asks the API, and has an answer at once.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> HttpResponse {
        self.ask_as(Some(ADMIN), method, path, &[], body)
    }

    /// Somebody asks, and has an answer at once.
    pub fn ask_as(
        &mut self,
        token: Option<&str>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> HttpResponse {
        let request = self.begin(token, method, path, headers, body);
        self.answer_to(request).expect("an answer, at once")
    }

    /// Somebody asks.
    pub fn begin(
        &mut self,
        token: Option<&str>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> RequestId {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path, None),
        };
        let authorization = token.map(|token| format!("Bearer {token}"));
        let headers = headers
            .iter()
            .copied()
            .chain(authorization.as_deref().map(|own| ("authorization", own)));
        let http = HttpRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            ..HttpRequest::default()
        };
        self.request(http)
    }

    /// The owner asks the node itself.
    pub fn ask_node(&mut self, path: &str) -> HttpResponse {
        let http = HttpRequest {
            method: "GET".to_owned(),
            path: path.to_owned(),
            way: Way::Owner,
            ..HttpRequest::default()
        };
        let request = self.request(http);
        self.answer_to(request).expect("an answer, at once")
    }

    /// The answer to a request, once it is there.
    pub fn answer_to(&mut self, request: RequestId) -> Option<HttpResponse> {
        self.responses.remove(&request)
    }

    /// A socket of the node itself that the owner opens, for rooms in envelopes.
    pub fn open_channel(&mut self, room: &str) -> ChannelId {
        let channel = ChannelId(7);
        let body = json!({ "room": room }).to_string();
        let http = HttpRequest {
            method: "POST".to_owned(),
            path: "/api/tickets".to_owned(),
            way: Way::Owner,
            body: body.into(),
            ..HttpRequest::default()
        };
        let request = RequestId(0);
        self.handle(Event::Request { request, http });
        let made = self.answer_to(request).expect("a ticket");
        let made: Value = serde_json::from_slice(&made.body).unwrap();
        let path = "/".to_owned();
        self.handle(Event::ChannelOpened { channel, path });
        self.push(
            channel,
            &json!({ "kraken": "open", "room": room, "ticket": made["ticket"] }),
        );
        channel
    }

    /// A socket of the node itself says something; what all of them hear.
    pub fn push(&mut self, channel: ChannelId, message: &Value) -> Vec<Value> {
        let push = Push::Text(message.to_string().into());
        self.handle(Event::ChannelPush { channel, push });
        self.pushed()
    }

    /// What sockets of the node itself have heard since the last time.
    pub fn pushed(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.pushes)
    }

    /// A socket of the node itself ends.
    pub fn close_channel(&mut self, channel: ChannelId) {
        self.handle(Event::ChannelClosed { channel });
    }

    /// Lets `millis` pass.
    pub fn advance(&mut self, millis: u64) {
        self.now = self.now.after(millis);
        self.core.handle_timeout(self.now);
        self.carry_out();
    }

    fn request(&mut self, http: HttpRequest) -> RequestId {
        self.last += 1;
        let request = RequestId(self.last);
        self.handle(Event::Request { request, http });
        request
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
                self.carry_out_one(effect);
            }
        }
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Engine(message) => {
                let message = serde_json::from_slice(&message).expect("a message for an engine");
                let engine = self.engine.as_mut().expect("an engine");
                for answer in engine.hear(message) {
                    let answer = serde_json::to_vec(&answer).unwrap();
                    self.core.handle(self.now, Event::Engine(answer.into()));
                }
            }
            Effect::SendText {
                connection,
                message,
            } => {
                let text = serde_json::from_slice(&message).expect("JSON");
                self.texts.entry(connection).or_default().push(text);
            }
            Effect::Push {
                push: Push::Text(message),
                ..
            } => self
                .pushes
                .push(serde_json::from_slice(&message).expect("JSON")),
            Effect::Respond { request, response } => {
                let last = self.responses.insert(request, response);
                assert!(last.is_none(), "answered twice");
            }
            Effect::Close {
                connection, code, ..
            } => {
                self.closes.insert(connection, code);
                self.core.handle(self.now, Event::Closed { connection });
            }
            Effect::Refuse { code, .. } => panic!("refused: {code}"),
            Effect::Store(request) => {
                let reply = request.operation.answer_of_nothing();
                let id = request.id;
                self.core.handle(self.now, Event::Stored { id, reply });
            }
            Effect::Warn(warning) => self.warnings.push(warning),
            _ => {}
        }
    }
}

impl Default for CallWorld {
    fn default() -> Self {
        Self::new()
    }
}
