//! HTTP requests and WebSockets to the node that this runs in, through `http-client:distro:sys`.
//!
//! WebSockets are opened without awaiting the answer: what a server says at once may come before
//! it, under the same id, and whoever awaits it would be ended by the node.

use crate::failure::Failure;
use kinode_process_lib::http::client::{
    HttpClientAction, HttpClientError, HttpClientRequest, HttpClientResponse, OutgoingHttpRequest,
};
use kinode_process_lib::http::server::WsMessageType;
use kinode_process_lib::timer::{set_and_await_timer, set_timer};
use kinode_process_lib::{Address, LazyLoadBlob, Message, Request, await_message, get_blob};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};

/// Where the node in `tests.toml` listens.
const PORT: u16 = 8080;
/// Seconds that an answer may take.
const SECONDS: u64 = 10;
/// Milliseconds between two looks at something that takes a while.
const PAUSE: u64 = 100;

/// The way to the node's HTTP server.
pub(crate) struct Net {
    our: Address,
    port: u16,
    /// Numbers sockets and deadlines. None is used twice: a socket that ends late would take a
    /// new one of its number along.
    last: u32,
    heard: VecDeque<(u32, Heard)>,
}

/// An open socket.
#[derive(Clone, Copy)]
pub(crate) struct Socket(u32);

/// What a socket said.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Binary(Vec<u8>),
    Text(Vec<u8>),
    Closed,
}

/// An answer to an HTTP request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

/// What came in, other than from sockets.
enum Arrival {
    /// The answer to the request with this number.
    Answer(u32, Vec<u8>),
    /// The request with this number wasn't answered.
    NoAnswer(u32),
    Other,
}

impl Net {
    pub(crate) fn new(our: &Address, port: Option<u16>) -> Self {
        Self {
            our: our.clone(),
            port: port.unwrap_or(PORT),
            last: 0,
            heard: VecDeque::new(),
        }
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.request("GET", path, headers, None)
    }

    pub(crate) fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Answer, Failure> {
        self.request("POST", path, headers, Some(body))
    }

    pub(crate) fn delete(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.request("DELETE", path, headers, None)
    }

    /// Asks until the answer is one like this.
    #[track_caller]
    pub(crate) fn get_until(
        &self,
        path: &str,
        is_right: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Failure> {
        let mut answer = self.get(path, &[]);
        for _ in 0..SECONDS * 1_000 / PAUSE {
            if answer.as_ref().is_ok_and(&is_right) {
                return answer;
            }
            if set_and_await_timer(PAUSE).is_err() {
                return Err(Failure::new("the node's timer doesn't answer"));
            }
            answer = self.get(path, &[]);
        }
        Err(match answer {
            Ok(answer) => Failure::new(format!(
                "{path} goes on to answer {} {}",
                answer.status,
                answer.text()
            )),
            Err(failure) => failure,
        })
    }

    /// Opens a WebSocket.
    #[track_caller]
    pub(crate) fn open(&mut self, path: &str) -> Result<Socket, Failure> {
        let number = self.number();
        let open = HttpClientAction::WebSocketOpen {
            url: format!("ws://127.0.0.1:{}{path}", self.port),
            headers: HashMap::new(),
            channel_id: number,
        };
        ask(&open)?
            .context(number.to_le_bytes())
            .expects_response(SECONDS)
            .send()
            .map_err(|error| Failure::new(format!("can't open a socket: {error}")))?;
        loop {
            match self.receive() {
                Arrival::Answer(of, body) if of == number => return opened(number, &body),
                Arrival::NoAnswer(of) if of == number => {
                    return Err(Failure::new(format!("opening {path} takes too long")));
                }
                Arrival::Answer(..) | Arrival::NoAnswer(_) | Arrival::Other => {}
            }
        }
    }

    #[track_caller]
    pub(crate) fn send(&self, socket: Socket, bytes: Vec<u8>) -> Result<(), Failure> {
        let push = HttpClientAction::WebSocketPush {
            channel_id: socket.0,
            message_type: WsMessageType::Binary,
        };
        ask(&push)?
            .blob_bytes(bytes)
            .send()
            .map_err(|error| Failure::new(format!("can't push: {error}")))
    }

    /// What a socket says next.
    #[track_caller]
    pub(crate) fn next(&mut self, socket: Socket) -> Result<Heard, Failure> {
        let mut deadline = None;
        loop {
            let found = self.heard.iter().position(|(of, _)| *of == socket.0);
            if let Some((_, heard)) = found.and_then(|index| self.heard.remove(index)) {
                return Ok(heard);
            }
            let deadline = *deadline.get_or_insert_with(|| {
                let number = self.number();
                set_timer(SECONDS * 1_000, Some(number.to_le_bytes().to_vec()));
                number
            });
            match self.receive() {
                Arrival::Answer(of, _) | Arrival::NoAnswer(of) if of == deadline => {
                    return Err(Failure::new("a socket says nothing"));
                }
                Arrival::Answer(..) | Arrival::NoAnswer(_) | Arrival::Other => {}
            }
        }
    }

    /// Closes a socket from this side.
    #[track_caller]
    pub(crate) fn close(&self, socket: Socket) -> Result<(), Failure> {
        let close = HttpClientAction::WebSocketClose {
            channel_id: socket.0,
        };
        ask(&close)?
            .send()
            .map_err(|error| Failure::new(format!("can't close: {error}")))
    }

    #[track_caller]
    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let mut headers: HashMap<_, _> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        if body.is_some() {
            headers.insert("content-type".into(), "application/json".into());
        }
        let action = HttpClientAction::Http(OutgoingHttpRequest {
            method: method.to_owned(),
            version: None,
            url: format!("http://127.0.0.1:{}{path}", self.port),
            headers,
        });
        let mut request = ask(&action)?;
        if let Some(body) = body {
            request = request.blob_bytes(body.to_string());
        }
        let answer = request.send_and_await_response(SECONDS);
        let failed = |reason: String| Failure::new(format!("{method} {path}: {reason}"));
        let message = match answer {
            Ok(Ok(message)) => message,
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(error) => return Err(failed(error.to_string())),
        };
        match serde_json::from_slice::<Result<_, HttpClientError>>(message.body()) {
            Ok(Ok(HttpClientResponse::Http(head))) => Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: get_blob().map(|blob| blob.bytes).unwrap_or_default(),
            }),
            Ok(Ok(HttpClientResponse::WebSocketAck)) => Err(failed("not an answer".into())),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Takes the next message. What sockets say is put aside.
    fn receive(&mut self) -> Arrival {
        let number = |context: Option<&[u8]>| {
            let bytes = context.and_then(|context| context.try_into().ok());
            bytes.map(u32::from_le_bytes)
        };
        let message = match await_message() {
            Ok(message) => message,
            Err(error) => {
                return number(error.context()).map_or(Arrival::Other, Arrival::NoAnswer);
            }
        };
        if message.source().node != self.our.node {
            return Arrival::Other;
        }
        match &message {
            Message::Response { body, .. } => match number(message.context()) {
                Some(number) => Arrival::Answer(number, body.clone()),
                None => Arrival::Other,
            },
            Message::Request { body, .. } => {
                self.heard.extend(heard(body, get_blob()));
                Arrival::Other
            }
        }
    }

    fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }
}

impl Answer {
    /// A header, by its name in Pascal-Case as the node gives it.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::new(format!("not JSON, {error}: {:?}", self.text())))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

#[track_caller]
fn ask(action: &HttpClientAction) -> Result<Request, Failure> {
    let body = serde_json::to_vec(action).map_err(|error| Failure::new(error.to_string()))?;
    Ok(Request::to(("our", "http-client", "distro", "sys")).body(body))
}

#[track_caller]
fn opened(number: u32, body: &[u8]) -> Result<Socket, Failure> {
    match serde_json::from_slice::<Result<_, HttpClientError>>(body) {
        Ok(Ok(HttpClientResponse::WebSocketAck)) => Ok(Socket(number)),
        Ok(Ok(HttpClientResponse::Http(_))) => Err(Failure::new("not an answer to opening")),
        Ok(Err(error)) => Err(Failure::new(error.to_string())),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

/// What a socket said, and which. Pings are answered by the node.
fn heard(body: &[u8], blob: Option<LazyLoadBlob>) -> Option<(u32, Heard)> {
    let bytes = || blob.map(|blob| blob.bytes).unwrap_or_default();
    match serde_json::from_slice(body).ok()? {
        HttpClientRequest::WebSocketPush {
            channel_id,
            message_type: WsMessageType::Binary,
        } => Some((channel_id, Heard::Binary(bytes()))),
        HttpClientRequest::WebSocketPush {
            channel_id,
            message_type: WsMessageType::Text,
        } => Some((channel_id, Heard::Text(bytes()))),
        HttpClientRequest::WebSocketPush { .. } => None,
        HttpClientRequest::WebSocketClose { channel_id } => Some((channel_id, Heard::Closed)),
    }
}
