//! Calls and their parameters.

use super::error::{Code, RpcError};
use kraken_sfu::{RoomId, SessionId, UserId, Who};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A call as it comes in.
#[derive(Debug, Deserialize)]
pub(crate) struct Call {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) method: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) params: Vec<Value>,
}

/// The original takes `null` for anything.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Call {
    /// Reads a call, which is a JSON object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        let object: Map<String, Value> = serde_json::from_slice(body)?;
        Self::deserialize(Value::Object(object))
    }

    /// The parameters, of which there must be exactly so many.
    pub(crate) fn exactly<const N: usize>(&self) -> Result<&[Value; N], RpcError> {
        let params = self.params.as_slice();
        params.try_into().map_err(|_| self.wrong_count())
    }

    /// An error that says how many parameters there are.
    pub(crate) fn wrong_count(&self) -> RpcError {
        Code::InvalidParams.error(format!("invalid params count {}", self.params.len()))
    }
}

/// A parameter that must be a text.
pub(crate) fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, RpcError> {
    let invalid = || Code::InvalidParams.error(format!("invalid {name} type {}", plain(value)));
    value.as_str().ok_or_else(invalid)
}

/// How many others there may be: a number, or one written as a text. 0 is as many as one likes.
pub(crate) fn limit(value: &Value) -> Result<Option<usize>, RpcError> {
    let text = plain(value);
    let number: i64 = text
        .parse()
        .map_err(|error| Code::InvalidParams.error(format!("invalid limit type {text} {error}")))?;
    Ok(usize::try_from(number).ok().filter(|limit| *limit > 0))
}

/// Whom a call is about. Names that can't be anybody's are nobody's.
pub(crate) fn who(room: &Value, user: &Value, session: &Value) -> Result<Who, RpcError> {
    let (room, user) = (text("rid", room)?, text("uid", user)?);
    let session = text("cid", session)?;
    match (RoomId::parse(room), UserId::parse(user)) {
        (Ok(room), Ok(user)) => Ok(Who {
            room,
            user,
            session: SessionId::new(session),
        }),
        (Err(_), _) | (_, Err(_)) => {
            Err(Code::PeerNotFound.error(format!("peer {user} not found in {room}")))
        }
    }
}

/// The text of a session description of this type, which comes as JSON in a text.
pub(crate) fn description(name: &str, value: &Value, kind: &str) -> Result<String, RpcError> {
    #[derive(Deserialize)]
    struct Description {
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(default)]
        sdp: String,
    }
    let text = text(name, value)?;
    let invalid = |error: serde_json::Error| Code::InvalidSdp.error(error.to_string());
    let description: Description = serde_json::from_str(text).map_err(invalid)?;
    if description.kind != kind {
        let text = format!("invalid sdp type {}", description.kind);
        return Err(Code::InvalidSdp.error(text));
    }
    Ok(description.sdp)
}

/// The text of a candidate, which comes as JSON in a text. Empty at the end of candidates.
pub(crate) fn candidate(value: &Value) -> Result<String, RpcError> {
    #[derive(Default, Deserialize)]
    struct Candidate {
        #[serde(default)]
        candidate: String,
    }
    let text = text("candi", value)?;
    let invalid = |error: serde_json::Error| Code::InvalidCandidate.error(error.to_string());
    let candidate: Option<Candidate> = serde_json::from_str(text).map_err(invalid)?;
    Ok(candidate.unwrap_or_default().candidate)
}

/// A value as the original writes it into its texts.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
