//! Bodies of the fuzz targets in `test/fuzz`, which `cargo test` runs over the corpus.

use crate::doc::message::{self, Message, Reader};
use crate::doc::{Awareness, AwarenessLimits, Document, Voice, update};
use crate::ids::{ChannelId, ConnectionId, RequestId, Timestamp};
use crate::{Config, Core, Effect, Event, Handshake, HttpRequest, Limits, Push, SetupRequest, Way};
use bytes::Bytes;
use yrs::ClientID;

/// Records and integrates a row of updates, each behind its length.
pub fn updates(data: &[u8]) {
    let mut document = Document::load(ClientID::new(1), None, &[]);
    let mut reader = Reader::new(data);
    let mut turn = 0;
    while let Ok(bytes) = reader.var_bytes() {
        if update::validate(bytes).is_ok() {
            turn += 1;
            match turn % 3 {
                0 => {
                    document.record_if_news(bytes);
                }
                _ => document.record(bytes),
            }
        }
        if reader.remaining() == 0 {
            break;
        }
    }
    document.integrate();
    let segments: Vec<_> = document.take_segment().into_iter().collect();
    let _ = document.diff(&document.state_vector());
    let snapshot = document.snapshot();
    let mut loaded = Document::load(ClientID::new(2), snapshot.as_ref(), &segments);
    let _ = loaded.diff(&[0]);
}

/// Reads a frame of a client.
pub fn messages(data: &[u8]) {
    const LIMITS: AwarenessLimits = AwarenessLimits {
        entries: 64,
        state_bytes: 1024,
    };
    let _ = message::parse_frame(&Bytes::copy_from_slice(data), |message, _| match message {
        Message::Step1(state_vector) => message::validate_state_vector(&state_vector),
        Message::Step2(update) | Message::Update(update) => update::validate(&update).map(|_| ()),
        Message::Awareness(entries) => {
            let connection = ConnectionId(1);
            let mut awareness = Awareness::default();
            let _ = awareness.apply(connection, Voice::Own, &entries, LIMITS, Timestamp(0));
            awareness.encode_all();
            Ok(())
        }
        Message::QueryAwareness | Message::PermissionDenied(_) | Message::Ignored => Ok(()),
    });
}

/// Lets strangers say things to a core, one a line: `h` a handshake (path, query, origin, bearer,
/// behind tabs), `r` a request (method, path, query, headers and body likewise), `o` the path of a
/// socket of the node, `c` a message on it, `t` and `b` a text and a binary message on the
/// connection of the first line. Nobody is let in who doesn't know the master token.
pub fn strangers(data: &[u8]) {
    let now = Timestamp(1_700_000_000_000);
    let mut core = Core::new(Config {
        limits: Limits::default(),
        settings: None,
        seed: [1; 32],
        pages: Default::default(),
        now,
    });
    let request = SetupRequest {
        master_token: Some(MASTER.to_owned()),
        admin_token: Some("admin".to_owned()),
        ..SetupRequest::default()
    };
    let _ = core.set_up(&request, now);
    core.handle(now, Event::EngineUp { is_up: true });
    for (index, line) in data.split(|&byte| byte == b'\n').enumerate() {
        let Some(event) = event(line, index as u64) else {
            continue;
        };
        core.handle(now, event);
        carry_out(&mut core, now, is_known(data));
    }
    core.handle_timeout(now.after(60_000));
}

const MASTER: &str = "master";
const FIRST: ConnectionId = ConnectionId(0);

/// Whether the master token is said anywhere, however it is written.
fn is_known(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    text.contains(MASTER) || text.contains('%') || text.contains("\\u")
}

fn event(line: &[u8], number: u64) -> Option<Event> {
    let (&kind, rest) = line.split_first()?;
    let fields: Vec<_> = rest
        .split(|&byte| byte == b'\t')
        .map(|field| String::from_utf8_lossy(field).into_owned())
        .collect();
    let field = |index: usize| fields.get(index).cloned().unwrap_or_default();
    let some = |index: usize| fields.get(index).filter(|field| !field.is_empty()).cloned();
    let channel = ChannelId(1);
    Some(match kind {
        b'h' => Event::Opened {
            connection: ConnectionId(number),
            handshake: Handshake {
                path: field(0),
                query: some(1),
                origin: some(2),
                bearer: some(3),
                user_agent: None,
            },
        },
        b'r' => Event::Request {
            request: RequestId(number),
            http: HttpRequest {
                method: field(0),
                path: field(1),
                query: some(2),
                headers: vec![
                    ("origin".to_owned(), field(3)),
                    ("authorization".to_owned(), field(4)),
                ],
                way: Way::Gateway,
                body: field(5).into(),
                ..HttpRequest::default()
            },
        },
        b'o' => Event::ChannelOpened {
            channel,
            path: field(0),
        },
        b'c' => Event::ChannelPush {
            channel,
            push: Push::Binary(Bytes::copy_from_slice(rest)),
        },
        b't' => Event::Text {
            connection: FIRST,
            message: Bytes::copy_from_slice(rest),
        },
        b'b' => Event::Binary {
            connection: FIRST,
            message: Bytes::copy_from_slice(rest),
        },
        _ => return None,
    })
}

fn carry_out(core: &mut Core, now: Timestamp, may_enter: bool) {
    let effects: Vec<_> = core.drain_effects().collect();
    for effect in effects {
        match effect {
            Effect::Subscribe { .. } | Effect::Send { .. } | Effect::SendText { .. } => {
                assert!(may_enter, "let in without a token");
            }
            Effect::Store(request) => {
                let id = request.id;
                let reply = request.operation.answer_of_nothing();
                core.handle(now, Event::Stored { id, reply });
            }
            Effect::Engine(_) => assert!(may_enter, "heard of without a token"),
            _ => {}
        }
    }
}
