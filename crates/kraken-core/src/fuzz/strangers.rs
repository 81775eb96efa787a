//! Whatever strangers say.

use super::host::{ADMIN, Fields, Host, MASTER};
use crate::ids::{ChannelId, ConnectionId, RequestId};
use crate::{Effect, Event, Handshake, HttpRequest, Push, Way};
use bytes::Bytes;

const FIRST: ConnectionId = ConnectionId(0);

/// Lets strangers say things to a core, one a line: `h` a handshake (path, query, origin, bearer,
/// behind tabs), `r` a request (method, path, query, headers and body likewise), `o` the path of a
/// socket of the node, `c` a message on it, `t` and `b` a text and a binary message on the
/// connection of the first line. Nobody is let in, or changes a setting, who doesn't know a token.
pub fn strangers(data: &[u8]) {
    let mut host = Host::new();
    let is_known = is_known(data);
    for (index, line) in data.split(|&byte| byte == b'\n').enumerate() {
        let Some(event) = event(line, index as u64) else {
            continue;
        };
        for effect in host.handle(event) {
            assert!(
                is_known || !is_for_guests(&effect),
                "let in without a token"
            );
        }
    }
    host.wait(60_000);
}

/// Whether a token is said anywhere, however it is written.
fn is_known(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    [MASTER, ADMIN, "%", "\\u"]
        .iter()
        .any(|written| text.contains(written))
}

/// Whether something is done only for who has been let in.
fn is_for_guests(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Subscribe { .. }
            | Effect::Send { .. }
            | Effect::SendText { .. }
            | Effect::Publish { .. }
            | Effect::PublishText { .. }
            | Effect::Engine(_)
            | Effect::Save(_)
            | Effect::ResetLink
    )
}

fn event(line: &[u8], number: u64) -> Option<Event> {
    let (&kind, rest) = line.split_first()?;
    let fields = Fields::of(rest);
    let channel = ChannelId(1);
    Some(match kind {
        b'h' => Event::Opened {
            connection: ConnectionId(number),
            handshake: Handshake {
                path: fields.text(0),
                query: fields.some(1),
                origin: fields.some(2),
                bearer: fields.some(3),
                user_agent: None,
            },
        },
        b'r' => Event::Request {
            request: RequestId(number),
            http: HttpRequest {
                method: fields.text(0),
                path: fields.text(1),
                query: fields.some(2),
                headers: vec![
                    ("origin".to_owned(), fields.text(3)),
                    ("authorization".to_owned(), fields.text(4)),
                ],
                way: Way::Gateway,
                body: fields.text(5).into(),
                ..HttpRequest::default()
            },
        },
        b'o' => Event::ChannelOpened {
            channel,
            path: fields.text(0),
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
