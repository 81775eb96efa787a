//! Requests to the HTTP API, by its owner and others.

use super::host::{ADMIN, Fields, Host};
use crate::ids::RequestId;
use crate::{Effect, Event, HttpRequest, HttpResponse, Settings, Way};
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// Puts requests to a core, one a line: `g` through a gateway, `l` likewise from the machine itself,
/// `n` through the node, `o` likewise by its owner, each followed by method, path, query, body and
/// headers (name and value in turns), behind tabs. `e` is what the engine says. An `authorization`
/// of `admin` is the admin token. Each request is answered once, and what is changed outlasts a
/// restart.
pub fn requests(data: &[u8]) {
    let mut host = Host::new();
    let mut open = BTreeSet::new();
    let mut saved = None;
    for (index, line) in data.split(|&byte| byte == b'\n').enumerate() {
        let Some(event) = event(line, RequestId(index as u64)) else {
            continue;
        };
        if let Event::Request { request, .. } = event {
            open.insert(request);
        }
        let effects = host.handle(event);
        take(effects, &mut open, &mut saved);
    }
    let effects = host.wait(60_000);
    take(effects, &mut open, &mut saved);
    assert!(open.is_empty(), "a request has no answer");
    check_saved(saved.as_deref());
}

fn event(line: &[u8], request: RequestId) -> Option<Event> {
    let (&kind, rest) = line.split_first()?;
    let (way, remote) = match kind {
        b'g' => (Way::Gateway, None),
        b'l' => (Way::Gateway, Some(IpAddr::V4(Ipv4Addr::LOCALHOST))),
        b'n' => (Way::Node, None),
        b'o' => (Way::Owner, None),
        b'e' => return Some(Event::Engine(Bytes::copy_from_slice(rest))),
        _ => return None,
    };
    let fields = Fields::of(rest);
    Some(Event::Request {
        request,
        http: HttpRequest {
            method: fields.text(0),
            path: fields.text(1),
            query: fields.some(2),
            headers: headers(&fields),
            remote,
            way,
            body: fields.text(3).into(),
        },
    })
}

/// The headers from the fifth field on.
fn headers(fields: &Fields<'_>) -> Vec<(String, String)> {
    (4..)
        .step_by(2)
        .map_while(|index| Some((fields.some(index)?.to_ascii_lowercase(), index)))
        .map(|(name, index)| {
            let value = match fields.text(index + 1) {
                admin if name == "authorization" && admin == ADMIN => format!("Bearer {ADMIN}"),
                value => value,
            };
            (name, value)
        })
        .collect()
}

fn take(effects: Vec<Effect>, open: &mut BTreeSet<RequestId>, saved: &mut Option<Box<Settings>>) {
    for effect in effects {
        match effect {
            Effect::Respond { request, response } => {
                assert!(open.remove(&request), "an answer too many");
                check(&response);
            }
            Effect::Save(settings) => *saved = Some(settings),
            _ => {}
        }
    }
}

fn check(response: &HttpResponse) {
    let HttpResponse {
        status,
        headers,
        body,
    } = response;
    assert!((200..600).contains(status) && *status != 500, "{status}");
    let is_token = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    assert!(
        headers.iter().all(|(name, _)| is_token(name)),
        "{headers:?}"
    );
    let mut types = headers.iter().filter(|(name, _)| name == "content-type");
    if types.any(|(_, value)| value == "application/json") {
        let json = serde_json::from_slice::<Value>(body);
        let is_explained = json.is_ok_and(|json| *status < 400 || !json["error"].is_null());
        assert!(is_explained, "{status} without a reason");
    }
}

/// What is saved is read as it was, and a core starts with it.
fn check_saved(saved: Option<&Settings>) {
    let Some(saved) = saved else {
        return;
    };
    let written = serde_json::to_vec(saved).unwrap_or_default();
    let read = serde_json::from_slice::<Settings>(&written).ok();
    assert!(
        read.as_ref() == Some(saved),
        "settings don't outlast a restart"
    );
}
