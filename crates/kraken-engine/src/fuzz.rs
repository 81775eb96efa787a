//! The body of a fuzz target in `test/fuzz`, which `cargo test` runs over its corpus.

use crate::rpc::call::{Call, candidate, description, limit, text, who};
use crate::rpc::envelope;
use crate::rpc::error::RpcError;
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
