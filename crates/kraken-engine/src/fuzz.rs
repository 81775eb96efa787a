//! The bodies of fuzz targets in `test/fuzz`, which `cargo test` runs over their corpus.

use crate::rpc::call::{Call, candidate, description, limit, text, who};
use crate::rpc::envelope;
use crate::rpc::error::RpcError;
use crate::worker::split_frames;
use kraken_sfu::asked_for;
use serde_json::{Value, json};

/// Takes any bytes as a call of the JSON-RPC, and its parameters as whatever some method takes. A
/// call is what its JSON says, and what is wrong with it can be told.
pub fn rpc(data: &[u8]) {
    let Ok(call) = Call::parse(data) else {
        return;
    };
    let Call { id, method, params } = &call;
    let written = json!({ "id": id, "method": method, "params": params });
    let again = Call::parse(written.to_string().as_bytes());
    assert!(again.is_ok_and(|again| again.id == *id && again.method == *method));
    let _ = envelope(id, Err(call.wrong_count()));
    for param in params {
        check(id, text("rid", param).map(|text| json!(text)));
        check(id, limit(param).map(|limit| json!(limit)));
        check(id, candidate(param).map(Value::String));
        for kind in ["offer", "answer"] {
            check(id, description("jsep", param, kind).map(Value::String));
        }
    }
    if let [room, user, session, ..] = params.as_slice() {
        let who = who(room, user, session);
        check(
            id,
            who.map(|who| json!([who.room.as_str(), who.user.as_str()])),
        );
    }
}

/// Takes any bytes behind the first as media that comes by TCP, in pieces as large as the first says.
/// Whole frames come out as they were sent, however they are cut.
pub fn streams(data: &[u8]) {
    let Some((&piece, bytes)) = data.split_first() else {
        return;
    };
    let (mut waiting, mut written) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(usize::from(piece).max(1)) {
        waiting.extend_from_slice(piece);
        let rest = split_frames(&waiting, |frame| {
            let length = u16::try_from(frame.len()).unwrap_or_default();
            written.extend(length.to_be_bytes());
            written.extend_from_slice(frame);
        });
        waiting = rest.to_vec();
    }
    assert_eq!([written, waiting.clone()].concat(), bytes);
    let whole = split_frames(bytes, |frame| {
        let _ = asked_for(frame);
    });
    assert_eq!(whole, waiting);
}

/// An answer has the call's id if it has one, and either data or an error.
fn check(id: &str, result: Result<Value, RpcError>) {
    let is_data = result.is_ok();
    let answer = envelope(id, result);
    let key = if is_data { "data" } else { "error" };
    assert!(answer.get(key).is_some(), "{answer}");
    assert_eq!(
        answer.get("id").and_then(Value::as_str).unwrap_or_default(),
        id
    );
}
