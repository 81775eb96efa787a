//! The process's state, and what becomes of each message.

use crate::clock::{Clock, stopwatch};
use crate::link::{self, Session};
use crate::pages;
use crate::state::{self, OwnerRequest, State};
use crate::storage::Storage;
use crate::{LINK_PATH, direct};
use bytes::Bytes;
use kinode_process_lib::http::server::{
    HttpServerRequest, IncomingHttpRequest, StatusCode, WsMessageType, send_response,
};
use kinode_process_lib::timer::set_timer;
use kinode_process_lib::{Address, Message, Response, SendError, get_blob, println};
use kraken_core::{
    Alarm, ChannelId, Config, Core, Effect, Event, Handshake, HttpRequest, Limits, RequestId,
    StorageId, StorageReply, Timestamp, Way,
};
use kraken_link::{LinkError, ToProcess, ToSidecar, VERSION};

/// Names the HTTP requests that come through the node itself: those of sessions, which count from
/// 1, are never this.
const NODE_REQUEST: RequestId = RequestId(0);

/// All that the process knows.
pub(crate) struct Process {
    our: Address,
    state: State,
    core: Core,
    storage: Storage,
    session: Option<Session>,
    sessions: u32,
    clock: Clock,
    alarm: Alarm,
}

/// What an answer belongs to. Travels with the request and comes back.
pub(crate) enum Context {
    /// The timer.
    Timer,
    /// A request to storage, by its number.
    Storage(u64),
}

impl Context {
    const TIMER: u8 = 0;
    const STORAGE: u8 = 1;

    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Timer => vec![Self::TIMER],
            Self::Storage(number) => {
                let mut bytes = vec![Self::STORAGE];
                bytes.extend_from_slice(&number.to_le_bytes());
                bytes
            }
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&Self::TIMER, []) => Some(Self::Timer),
            (&Self::STORAGE, number) => {
                let number = number.try_into().ok()?;
                Some(Self::Storage(u64::from_le_bytes(number)))
            }
            _ => None,
        }
    }
}

impl Process {
    pub(crate) fn new(our: Address, state: State) -> Self {
        let mut clock = Clock::new();
        let now = clock.now();
        let core = Core::new(Config {
            limits: Limits::default(),
            settings: state.settings().cloned(),
            seed: state::random(),
            pages: pages::read(&our),
            stopwatch,
            now,
        });
        let mut process = Self {
            storage: Storage::new(our.package_id()),
            our,
            state,
            core,
            session: None,
            sessions: 0,
            clock,
            alarm: Alarm::default(),
        };
        process.work(now);
        process.state.show_link_key(&process.our);
        process
    }

    /// Takes a message.
    pub(crate) fn handle(&mut self, message: &Message) {
        let now = self.clock.now();
        match message {
            Message::Request { source, body, .. } if source.node == self.our.node => {
                self.request(source, body, now);
            }
            Message::Request { .. } => {}
            Message::Response { body, context, .. } => {
                let context = context.as_deref().and_then(Context::decode);
                self.response(context, body, now);
            }
        }
        self.work(now);
    }

    /// Takes note of a request that got no answer.
    pub(crate) fn undelivered(&mut self, error: &SendError) {
        let now = self.clock.now();
        match error.context().and_then(Context::decode) {
            Some(Context::Timer) => self.alarm.rang(),
            Some(Context::Storage(number)) => {
                let replies = self.storage.unanswered(number);
                self.stored(replies, now);
            }
            None => {}
        }
        self.work(now);
    }

    fn request(&mut self, source: &Address, body: &[u8], now: Timestamp) {
        match (source.package(), source.publisher()) {
            // Of the node's own modules only its HTTP server sends requests.
            ("distro", "sys") => {
                if let Ok(request) = HttpServerRequest::from_bytes(body) {
                    self.server_request(request, now);
                }
            }
            ("terminal", "sys") => self.owner_request(body, now),
            _ => {}
        }
    }

    fn response(&mut self, context: Option<Context>, body: &[u8], now: Timestamp) {
        match context {
            Some(Context::Timer) => self.alarm.rang(),
            Some(Context::Storage(number)) => {
                let blob = || get_blob().map(|blob| blob.bytes);
                let replies = self.storage.answered(number, body, blob);
                self.stored(replies, now);
            }
            None => {}
        }
    }

    fn stored(&mut self, replies: Vec<(StorageId, StorageReply)>, now: Timestamp) {
        for (id, reply) in replies {
            self.core.handle(now, Event::Stored { id, reply });
        }
    }

    fn owner_request(&mut self, body: &[u8], now: Timestamp) {
        let answer = match serde_json::from_slice(body) {
            Ok(OwnerRequest::Setup(request)) => self.core.set_up(&request, now),
            Err(error) => Err(error.to_string()),
        };
        let body = serde_json::to_vec(&answer).unwrap_or_default();
        let answered = Response::new().body(body).send();
        debug_assert!(answered.is_ok(), "the body is set");
    }

    fn server_request(&mut self, request: HttpServerRequest, now: Timestamp) {
        match request {
            HttpServerRequest::WebSocketOpen { path, channel_id } if path == LINK_PATH => {
                self.link_opened(channel_id, now);
            }
            HttpServerRequest::WebSocketOpen { path, channel_id } => {
                let channel = ChannelId(channel_id);
                self.core
                    .handle(now, Event::ChannelOpened { channel, path });
            }
            HttpServerRequest::WebSocketPush {
                channel_id,
                message_type,
            } if self.is_link(channel_id) => {
                if message_type == WsMessageType::Binary
                    && let Some(blob) = get_blob()
                {
                    self.link_frame(channel_id, blob.bytes.into(), now);
                }
            }
            HttpServerRequest::WebSocketPush {
                channel_id,
                message_type,
            } => {
                if let Some(push) = direct::incoming(message_type) {
                    let channel = ChannelId(channel_id);
                    self.core.handle(now, Event::ChannelPush { channel, push });
                }
            }
            HttpServerRequest::WebSocketClose(channel) => {
                if self.is_session_on(channel) {
                    self.end_session(now);
                }
                let channel = ChannelId(channel);
                self.core.handle(now, Event::ChannelClosed { channel });
            }
            HttpServerRequest::Http(request) => self.node_request(&request, now),
        }
    }

    /// Answers an HTTP request that came through the node itself.
    fn node_request(&mut self, request: &IncomingHttpRequest, now: Timestamp) {
        let http = direct::request(request, &self.our.process.to_string());
        let request = NODE_REQUEST;
        self.core.handle(now, Event::Request { request, http });
        self.carry_out(now);
    }

    /// Whether a channel is a sidecar's: of now, or of before this process was started.
    fn is_link(&self, channel: u32) -> bool {
        self.is_session_on(channel) || self.state.link() == Some(channel)
    }

    fn is_session_on(&self, channel: u32) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.is_on(channel))
    }

    fn link_opened(&mut self, channel: u32, now: Timestamp) {
        if self
            .session
            .as_ref()
            .is_some_and(|session| session.welcomed)
        {
            link::reset(channel, "another sidecar is connected");
            return;
        }
        self.end_session(now);
        self.sessions += 1;
        self.session = Some(Session::new(self.sessions, channel));
    }

    fn link_frame(&mut self, channel: u32, frame: Bytes, now: Timestamp) {
        let Some(session) = self
            .session
            .as_mut()
            .filter(|session| session.is_on(channel))
        else {
            // A link from before this process was started.
            link::reset(channel, "the process has no such link");
            return;
        };
        if let Err(error) = session.endpoint.receive(frame) {
            self.break_link(channel, &error, now);
        }
    }

    fn break_link(&mut self, channel: u32, error: &LinkError, now: Timestamp) {
        println!("kraken: the link broke: {error}");
        link::reset(channel, &error.to_string());
        self.end_session(now);
    }

    fn end_session(&mut self, now: Timestamp) {
        if let Some(session) = self.session.take() {
            self.core.handle(now, Event::Link { is_up: false });
            for connection in session.into_connections() {
                self.core.handle(now, Event::Closed { connection });
            }
        }
    }

    /// Does what there is to do: takes the sidecar's records as long as there is room for what
    /// they cause, and everything whose time has come.
    fn work(&mut self, now: Timestamp) {
        self.carry_out(now);
        while let Some(session) = &mut self.session
            && session.has_room()
            && !self.core.is_congested()
        {
            let channel = session.channel();
            match session.endpoint.next() {
                Ok(Some(record)) => {
                    if let Err(reason) = self.record(record, now) {
                        link::reset(channel, reason);
                        self.end_session(now);
                    }
                }
                Ok(None) => break,
                Err(error) => self.break_link(channel, &error, now),
            }
            self.carry_out(now);
        }
        // What others wait for goes first: what is due may take a while.
        self.flush();
        if self.core.next_timeout().is_some_and(|due| due <= now) {
            self.core.handle_timeout(now);
            self.carry_out(now);
            self.flush();
        }
        self.core.catch_up(now);
        self.carry_out(now);
        self.flush();
        self.set_timer(now);
    }

    /// Sends what the sidecar takes now.
    fn flush(&mut self) {
        if let Some(session) = &mut self.session {
            session.flush();
        }
    }

    /// Takes one record; what to tell a sidecar that breaks the rules.
    fn record(&mut self, record: ToProcess, now: Timestamp) -> Result<(), &'static str> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        if !session.welcomed {
            return match record {
                ToProcess::Hello { version, .. } if version != VERSION => {
                    Err("sidecar and process are of different versions")
                }
                ToProcess::Hello { key, .. }
                    if self.core.is_link_key(&String::from_utf8_lossy(&key)) =>
                {
                    session.welcomed = true;
                    session
                        .endpoint
                        .queue(&ToSidecar::Welcome { version: VERSION });
                    self.state.save_link(session.channel());
                    self.core.handle(now, Event::Link { is_up: true });
                    Ok(())
                }
                ToProcess::Hello { .. } => Err("wrong link key"),
                _ => Err("the first record must be Hello"),
            };
        }
        let event = match record {
            ToProcess::Hello { .. } => return Err("Hello was said before"),
            ToProcess::Open {
                connection,
                handshake,
            } => {
                session.opened(connection);
                Event::Opened {
                    connection: session.connection(connection),
                    handshake: Handshake {
                        path: handshake.path,
                        query: handshake.query,
                        origin: handshake.origin,
                        bearer: handshake.bearer,
                        user_agent: handshake.user_agent,
                    },
                }
            }
            ToProcess::Binary {
                connection,
                payload,
            } => Event::Binary {
                connection: session.connection(connection),
                message: payload,
            },
            ToProcess::Text {
                connection,
                payload,
            } => Event::Text {
                connection: session.connection(connection),
                message: payload,
            },
            ToProcess::Marked { connection } => Event::Marked {
                connection: session.connection(connection),
            },
            ToProcess::Closed { connection, .. } => {
                session.closed(connection);
                Event::Closed {
                    connection: session.connection(connection),
                }
            }
            ToProcess::Request {
                id,
                method,
                path,
                query,
                headers,
                remote,
                body,
            } => Event::Request {
                request: session.request(id),
                http: HttpRequest {
                    method,
                    path,
                    query,
                    headers,
                    remote: remote.parse().ok(),
                    way: Way::Gateway,
                    body,
                },
            },
            ToProcess::EngineUp { is_up } => Event::EngineUp { is_up },
            ToProcess::Engine { payload } => Event::Engine(payload),
            ToProcess::Drain => Event::Drain,
        };
        self.core.handle(now, event);
        Ok(())
    }

    fn carry_out(&mut self, now: Timestamp) {
        let mut is_reset = false;
        for effect in self.core.drain_effects() {
            match effect {
                Effect::Store(request) => self.storage.ask(request),
                Effect::Save(settings) => self.state.save(*settings),
                Effect::Push { channel, push } => direct::push(channel, push),
                Effect::ResetLink => is_reset = true,
                Effect::Warn(text) => println!("kraken: {text}"),
                Effect::Respond { request, response } if request == NODE_REQUEST => {
                    let status = StatusCode::from_u16(response.status)
                        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                    let headers = response.headers.into_iter().collect();
                    send_response(status, Some(headers), response.body.to_vec());
                }
                effect => {
                    if let Some(session) = &mut self.session {
                        session.carry_out(effect);
                    }
                }
            }
        }
        if is_reset && let Some(session) = &mut self.session {
            session.reset("the link has a new key");
            self.end_session(now);
        }
    }

    /// Sees to it that the node wakes the process when the core wants it.
    fn set_timer(&mut self, now: Timestamp) {
        let Some(due) = self.core.next_timeout() else {
            return;
        };
        if self.alarm.wants(due) {
            set_timer(due.since(now).max(1), Some(Context::Timer.encode()));
        }
    }
}
