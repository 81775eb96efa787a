//! What clients say, and the bounds that it has to keep.

use crate::Effect;
use bytes::Bytes;
use kraken_call::{Envelope, FromClient, Join, Moderation, Problem, ToClient, ToEngine};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// The largest message, in bytes: a description of a hundred tracks has about as much.
const MOST_BYTES: usize = 256 << 10;
/// The largest description and fragment of a WHIP or WHEP client, likewise. Such a client has few
/// tracks.
pub(crate) const MOST_SDP: usize = 128 << 10;
pub(crate) const MOST_FRAGMENT: usize = 64 << 10;
const MOST_ID: usize = 128;
const MOST_NAME: usize = 256;
const MOST_METADATA: usize = 4 << 10;
/// How deep metadata may nest: on its way to the others it is put into further JSON, of which no
/// more than 128 levels are read.
const MOST_LEVELS: usize = 32;
const MOST_MID: usize = 64;
const MOST_OFFERED: usize = 64;
const MOST_WISHES: usize = 1_024;

const CALL: &str = "call";

/// What is wrong with a message: a code, and words.
pub(super) type Wrong = (&'static str, &'static str);

const TOO_LARGE: Wrong = ("too_large", "a message about a call has at most 256 KiB");

/// The message about a call that a text message is; `None` if it isn't meant to be one.
pub(crate) fn parse(text: &[u8]) -> Option<Result<FromClient, ToClient>> {
    #[derive(Deserialize)]
    struct Addressed<'a> {
        #[serde(borrow)]
        kraken: Cow<'a, str>,
    }

    let addressed = serde_json::from_slice::<Addressed>(text).ok()?;
    (addressed.kraken == CALL).then(|| match text.len() <= MOST_BYTES {
        true => serde_json::from_slice::<Envelope<FromClient>>(text)
            .map(|envelope| envelope.call)
            .map_err(|error| malformed(&error)),
        false => Err(refusal(TOO_LARGE)),
    })
}

/// The same of JSON that was in a message of `bytes`.
pub(crate) fn parse_value(call: Value, bytes: usize) -> Result<FromClient, ToClient> {
    match bytes <= MOST_BYTES {
        true => serde_json::from_value(call).map_err(|error| malformed(&error)),
        false => Err(refusal(TOO_LARGE)),
    }
}

/// Says which bound a message doesn't keep.
pub(super) fn check(message: &FromClient) -> Result<(), Wrong> {
    match message {
        FromClient::Join(join) => check_join(join),
        FromClient::Publish { tracks, .. } => {
            let fits = |mid: &str| (1..=MOST_MID).contains(&mid.len());
            match tracks.len() <= MOST_OFFERED && tracks.iter().all(|track| fits(&track.mid)) {
                true => Ok(()),
                false => Err((
                    "bad_call",
                    "tracks are at most 64, each with the mid of one",
                )),
            }
        }
        FromClient::Receive { tracks } => {
            let fits = tracks.len() <= MOST_WISHES;
            check_names(fits, tracks.iter().map(|wish| &wish.track))
        }
        FromClient::Mute { track, .. } => check_names(true, [track]),
        FromClient::Moderate(moderation) => check_moderation(moderation),
        FromClient::Answer { .. } | FromClient::Report { .. } | FromClient::Leave {} => Ok(()),
    }
}

/// Says what is wrong with the names in a moderation.
pub(crate) fn check_moderation(moderation: &Moderation) -> Result<(), Wrong> {
    match moderation {
        Moderation::MuteTrack { track } => check_names(true, [track]),
        Moderation::Remove { peer } => check_names(true, [peer]),
        Moderation::Lock { .. } => Ok(()),
    }
}

pub(super) fn envelope(call: ToClient) -> Bytes {
    let kraken = CALL.to_owned();
    let message = serde_json::to_vec(&Envelope { kraken, call });
    message.unwrap_or_default().into()
}

/// The effect that tells the engine something.
pub(crate) fn encode(message: &ToEngine) -> Effect {
    Effect::Engine(serde_json::to_vec(message).unwrap_or_default().into())
}

fn check_join(join: &Join) -> Result<(), Wrong> {
    if !(1..=MOST_ID).contains(&join.peer.len()) {
        return Err(("bad_call", "peer is a name of 1 to 128 bytes"));
    }
    if join.name.iter().any(|name| name.len() > MOST_NAME) {
        return Err(("bad_call", "name has at most 256 bytes"));
    }
    if join.session.iter().any(|session| session.len() > MOST_ID) {
        return Err(("bad_call", "there is no such session"));
    }
    if !is_within(&join.metadata, MOST_LEVELS) {
        return Err(("too_large", "metadata nests at most 32 levels deep"));
    }
    match join.metadata.to_string().len() <= MOST_METADATA {
        true => Ok(()),
        false => Err(("too_large", "metadata has at most 4 KiB as JSON")),
    }
}

/// Whether a value nests so many levels deep at most.
fn is_within(value: &Value, levels: usize) -> bool {
    let is_within = |inner| levels > 0 && is_within(inner, levels - 1);
    match value {
        Value::Array(values) => values.iter().all(is_within),
        Value::Object(fields) => fields.values().all(is_within),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// The names of tracks are the engine's, and hold those of their peers.
fn check_names<'a>(
    are_few: bool,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<(), Wrong> {
    const MOST: usize = 2 * MOST_ID;
    match are_few && names.into_iter().all(|name| name.len() <= MOST) {
        true => Ok(()),
        false => Err(("bad_call", "there are no such tracks or peers")),
    }
}

fn malformed(error: &serde_json::Error) -> ToClient {
    ToClient::Error(Problem {
        code: "bad_call".to_owned(),
        message: error.to_string(),
        about: None,
    })
}

fn refusal((code, message): Wrong) -> ToClient {
    ToClient::Error(Problem {
        code: code.to_owned(),
        message: message.to_owned(),
        about: None,
    })
}
