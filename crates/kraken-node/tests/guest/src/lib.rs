//! A process that does what the tests tell it: messages of `cli:terminal:sys`
//! are commands in JSON, all other messages are logged and can be asked for.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use kinode_process_lib::http::server::{HttpServerRequest, IncomingHttpRequest, WsMessageType};
use kinode_process_lib::{
    await_message, call_init, clear_state, get_blob, get_state, kiprintln, last_blob, set_state,
    Address, LazyLoadBlob, Message, OnExit, ProcessId, Request, Response, SendError,
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

wit_bindgen::generate!({
    path: "../../wit",
    world: "process-v1",
});

#[derive(Deserialize)]
enum Command {
    /// Sends a request and awaits its response.
    Call(Outgoing),
    /// Sends requests; their responses are logged.
    Send(Vec<Outgoing>),
    /// Gives what was logged, and empties the log.
    Log,
    /// Is busy for so many milliseconds, then does another command.
    Spin(u64, Box<Command>),
    /// Uses so many MiB of memory.
    Allocate(usize),
    SetState(String),
    GetState,
    ClearState,
    Capabilities,
    /// Starts another process from the same component.
    Spawn(String),
    OnExitNothing,
    Print(String),
    Trap,
    Forever,
}

#[derive(Deserialize)]
struct Outgoing {
    target: String,
    #[serde(default)]
    body: Value,
    #[serde(default)]
    blob: Option<String>,
    /// How often; the blob then ends with the number.
    #[serde(default)]
    repeat: Option<u32>,
    /// Seconds. None: no response is expected.
    #[serde(default)]
    timeout: Option<u64>,
    #[serde(default)]
    context: Option<String>,
    /// Takes over the last blob, and the id of the command.
    #[serde(default)]
    inherit: bool,
    #[serde(default)]
    metadata: Option<String>,
}

#[derive(Serialize)]
struct Logged {
    source: String,
    body: Value,
    blob: Option<String>,
    context: Option<String>,
}

call_init!(init);

fn init(our: Address) {
    // Processes of this name show what is bound at the start is bound.
    if our.process() == "bound" {
        let bind = json!({"Bind": {"path": "/", "authenticated": false, "local_only": false, "cache": false}});
        call(Outgoing {
            target: "http-server:distro:sys".into(),
            body: bind,
            blob: None,
            repeat: None,
            timeout: Some(5),
            context: None,
            inherit: false,
            metadata: None,
        });
    }
    if our.process() == "crashing" {
        panic!("crashes at once");
    }
    let mut log = Vec::new();
    let mut memory = Vec::new();
    loop {
        match await_message() {
            Ok(message) if is_command(&message) => {
                let command = serde_json::from_slice(message.body()).unwrap();
                let answer = obey(&our, command, &mut log, &mut memory);
                Response::new()
                    .body(serde_json::to_vec(&answer).unwrap())
                    .send()
                    .unwrap();
            }
            Ok(message) => handle(message, &mut log),
            Err(error) => log.push(failed(error)),
        }
    }
}

fn is_command(message: &Message) -> bool {
    message.is_request() && message.source().process.to_string() == "cli:terminal:sys"
}

fn obey(
    our: &Address,
    command: Command,
    log: &mut Vec<Logged>,
    memory: &mut Vec<Vec<u8>>,
) -> Value {
    match command {
        Command::Call(outgoing) => call(outgoing),
        Command::Send(requests) => {
            for outgoing in requests {
                let repeat = outgoing.repeat.unwrap_or(1);
                for number in 0..repeat {
                    let numbered = outgoing.repeat.map(|_| number);
                    request(&outgoing, numbered).send().unwrap();
                }
            }
            Value::Null
        }
        Command::Log => json!(std::mem::take(log)),
        Command::Spin(milliseconds, then) => {
            let end = Instant::now() + Duration::from_millis(milliseconds);
            while Instant::now() < end {
                std::hint::spin_loop();
            }
            obey(our, *then, log, memory)
        }
        Command::Allocate(mebibytes) => {
            for _ in 0..mebibytes {
                memory.push(vec![1; 1 << 20]);
            }
            json!(memory.len())
        }
        Command::SetState(state) => {
            set_state(state.as_bytes());
            Value::Null
        }
        Command::GetState => {
            json!(get_state().map(|state| String::from_utf8_lossy(&state).into_owned()))
        }
        Command::ClearState => {
            clear_state();
            Value::Null
        }
        Command::Capabilities => json!(kinode_process_lib::our_capabilities()
            .iter()
            .map(|capability| capability.to_string())
            .collect::<Vec<_>>()),
        Command::Spawn(name) => {
            let path = format!("{}/pkg/probe.wasm", our.package_id());
            match kinode_process_lib::spawn(Some(&name), &path, OnExit::None, vec![], vec![], true)
            {
                Ok(id) => json!({"Ok": id.to_string()}),
                Err(error) => json!({"Err": format!("{error:?}")}),
            }
        }
        Command::OnExitNothing => {
            OnExit::None.set().unwrap();
            Value::Null
        }
        Command::Print(text) => {
            kiprintln!("{text}");
            std::println!("{text}");
            std::eprintln!("{text}");
            Value::Null
        }
        Command::Trap => panic!("told to"),
        Command::Forever => loop {
            std::hint::spin_loop();
        },
    }
}

fn request(outgoing: &Outgoing, number: Option<u32>) -> Request {
    let target: ProcessId = outgoing.target.parse().unwrap();
    let body = match &outgoing.body {
        Value::String(text) => text.clone().into_bytes(),
        body => serde_json::to_vec(body).unwrap(),
    };
    let mut request = Request::to(("our", target))
        .body(body)
        .inherit(outgoing.inherit);
    if let Some(metadata) = &outgoing.metadata {
        request = request.metadata(metadata);
    }
    if let Some(timeout) = outgoing.timeout {
        request = request.expects_response(timeout);
    }
    if let Some(context) = &outgoing.context {
        request = request.context(context.as_bytes().to_vec());
    }
    let blob = match (&outgoing.blob, number) {
        (Some(blob), Some(number)) => Some(format!("{blob}{number}")),
        (blob, _) => blob.clone(),
    };
    match blob {
        Some(blob) => request.blob(LazyLoadBlob {
            mime: Some("text/plain".into()),
            bytes: blob.into_bytes(),
        }),
        None => request,
    }
}

fn call(outgoing: Outgoing) -> Value {
    let timeout = outgoing.timeout.unwrap_or(5);
    match request(&outgoing, None)
        .send_and_await_response(timeout)
        .unwrap()
    {
        Ok(message) => json!({"body": parsed(message.body()), "blob": text(get_blob())}),
        Err(error) => json!({"error": format!("{:?}", error.kind)}),
    }
}

fn handle(message: Message, log: &mut Vec<Logged>) {
    let blob = get_blob();
    let of_server = message.is_request() && message.source().process() == "http-server";
    match of_server.then(|| HttpServerRequest::from_bytes(message.body())) {
        Some(Ok(HttpServerRequest::Http(request))) => return answer(&request, blob),
        Some(Ok(HttpServerRequest::WebSocketPush {
            channel_id,
            message_type: message_type @ (WsMessageType::Text | WsMessageType::Binary),
        })) if blob
            .as_ref()
            .is_some_and(|blob| blob.bytes.starts_with(b"echo")) =>
        {
            let blob = last_blob().unwrap();
            kinode_process_lib::http::server::send_ws_push(channel_id, message_type, blob);
            return;
        }
        _ => {}
    }
    log.push(Logged {
        source: message.source().process.to_string(),
        body: parsed(message.body()),
        blob: text(blob),
        context: message
            .context()
            .map(|context| String::from_utf8_lossy(context).into_owned()),
    });
}

/// Answers with what arrived, or as the query says.
fn answer(request: &IncomingHttpRequest, blob: Option<LazyLoadBlob>) {
    let query = request.query_params();
    if query.contains_key("silent") {
        return;
    }
    let status = query
        .get("status")
        .map_or(200, |status| status.parse().unwrap());
    let mut headers: HashMap<String, String> = query
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("header-")?.into(), value.clone())))
        .collect();
    headers.insert("x-probe".into(), "yes".into());
    let body = match (query.get("size"), query.get("body")) {
        (Some(size), _) => vec![b'x'; size.parse().unwrap()],
        (None, Some(body)) => body.clone().into_bytes(),
        (None, None) => json!({"request": request, "body": text(blob)})
            .to_string()
            .into_bytes(),
    };
    Response::new()
        .body(match query.get("malformed") {
            Some(_) => b"nonsense".to_vec(),
            None => serde_json::to_vec(&json!({"status": status, "headers": headers})).unwrap(),
        })
        .blob_bytes(body)
        .send()
        .unwrap();
}

fn failed(error: SendError) -> Logged {
    Logged {
        source: error.target.process.to_string(),
        body: json!({"error": format!("{:?}", error.kind)}),
        blob: None,
        context: error
            .context
            .map(|context| String::from_utf8_lossy(&context).into_owned()),
    }
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
}

fn text(blob: Option<LazyLoadBlob>) -> Option<String> {
    blob.map(|blob| match String::from_utf8(blob.bytes) {
        Ok(text) => text,
        Err(error) => format!("base64:{}", STANDARD.encode(error.as_bytes())),
    })
}
