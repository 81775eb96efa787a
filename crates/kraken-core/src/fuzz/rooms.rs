//! Names of rooms and stores, as they stand in paths, and parameters of queries.

use crate::Handshake;
use crate::connect::{Proof, StoreProof, Wish, decode_segment, parameter, room_name};
use std::fmt::Write;
use url::form_urlencoded;

/// Takes any text as a path, as a room's encoded name, and as a query. A name leads to itself
/// wherever it stands, and is decoded as URL libraries do.
pub fn rooms(data: &[u8]) {
    // What stands for bytes that aren't UTF-8 is what a library says of such bytes too.
    let text = String::from_utf8_lossy(data).replace(char::REPLACEMENT_CHARACTER, "");
    name(&text);
    query(&text);
    let handshake = Handshake {
        path: text,
        ..Handshake::default()
    };
    if let Ok(Wish::Document { room, .. }) = Wish::of(&handshake) {
        let explicit = format!("/doc/{}", escaped(room.as_str()));
        assert_eq!(leads_to(&explicit), room.as_str());
    }
}

fn name(text: &str) {
    let decoded = decode(text);
    let fits = |name: &String| (1..=1024).contains(&name.len());
    let room = room_name(text).ok().map(|room| room.as_str().to_owned());
    assert_eq!(room, decoded.clone().filter(fits));
    // Whatever isn't UTF-8 stands for itself, and the rest is decoded.
    if let Some(decoded) = decoded {
        assert_eq!(decode_segment(text), decoded);
    }
    let escaped = escaped(text);
    assert_eq!(decode_segment(&escaped), text);
    if (1..=1024).contains(&text.len()) {
        for before in ["/doc/", "/ws/", "/t/ticket/doc/", "/t/ticket/signal/"] {
            assert_eq!(leads_to(&format!("{before}{escaped}")), text);
        }
    }
}

/// The name to which a path leads; empty if it leads nowhere.
fn leads_to(path: &str) -> String {
    let handshake = Handshake {
        path: path.to_owned(),
        ..Handshake::default()
    };
    let has_ticket = path.starts_with("/t/");
    match Wish::of(&handshake) {
        Ok(Wish::Document { room, proof }) => {
            assert_eq!(matches!(proof, Proof::Ticket("ticket")), has_ticket);
            room.as_str().to_owned()
        }
        Ok(Wish::Store { store, proof, .. }) => {
            assert_eq!(matches!(proof, StoreProof::Ticket("ticket")), has_ticket);
            store.as_str().to_owned()
        }
        Err(_) => String::new(),
    }
}

/// The first value of `token`, which is said to be UTF-8.
fn query(text: &str) {
    let first = text.split('&').find(|pair| pair.starts_with("token="));
    let value = first.and_then(|pair| {
        let (_, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
        Some(value.into_owned())
    });
    match parameter(text, "token") {
        Some(token) => assert_eq!(Some(token), value),
        None => assert!(value.is_none_or(|value| value.contains(char::REPLACEMENT_CHARACTER))),
    }
}

/// Decodes as a URL library does it; `None` if that isn't UTF-8.
fn decode(text: &str) -> Option<String> {
    let pair = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    let (_, decoded) = form_urlencoded::parse(pair.as_bytes()).next()?;
    let is_utf8 = !decoded.contains(char::REPLACEMENT_CHARACTER);
    is_utf8.then(|| decoded.into_owned())
}

/// A name with each of its bytes escaped.
fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut escaped, byte| {
        let _ = write!(escaped, "%{byte:02X}");
        escaped
    })
}
