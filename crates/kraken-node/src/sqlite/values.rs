//! Values in JSON, as processes write and read them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::{Value, ValueRef};
use serde_json::{Number, Value as Json};

use super::wire::Error;
use crate::message::Blob;

/// Reads the parameters of a statement: a JSON array, or nothing.
pub(super) fn parameters(blob: Option<&Blob>) -> Result<Vec<Value>, Error> {
    let Some(blob) = blob else {
        return Ok(Vec::new());
    };
    let parameters: Vec<Json> =
        serde_json::from_slice(&blob.bytes).map_err(|_| Error::InvalidParameters)?;
    parameters.into_iter().map(from_json).collect()
}

/// A string that decodes as base64 is a blob, whatever it was meant to be.
fn from_json(value: Json) -> Result<Value, Error> {
    match value {
        Json::Null => Ok(Value::Null),
        Json::Bool(flag) => Ok(Value::Integer(flag.into())),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Ok(Value::Integer(integer)),
            (None, Some(real)) => Ok(Value::Real(real)),
            (None, None) => Err(Error::InvalidParameters),
        },
        Json::String(text) => Ok(match STANDARD.decode(&text) {
            Ok(bytes) => Value::Blob(bytes),
            Err(_) => Value::Text(text),
        }),
        Json::Array(_) | Json::Object(_) => Err(Error::InvalidParameters),
    }
}

/// A blob becomes a string of base64.
pub(super) fn to_json(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(integer) => Json::Number(integer.into()),
        ValueRef::Real(real) => Number::from_f64(real).map_or(Json::Null, Json::Number),
        ValueRef::Text(text) => Json::String(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Json::String(STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<Value>, Error> {
        let bytes = json.as_bytes().to_vec().into();
        parameters(Some(&Blob { mime: None, bytes }))
    }

    #[test]
    fn a_string_that_happens_to_be_base64_becomes_a_blob() {
        assert_eq!(
            read(r#"["abcd", "abc", "", "ab c=", 1, 1.5, true, null]"#).unwrap(),
            [
                Value::Blob(vec![0x69, 0xb7, 0x1d]),
                Value::Text("abc".to_owned()),
                Value::Blob(vec![]),
                Value::Text("ab c=".to_owned()),
                Value::Integer(1),
                Value::Real(1.5),
                Value::Integer(1),
                Value::Null,
            ]
        );
    }

    #[test]
    fn nested_values_and_other_shapes_are_refused() {
        for bad in ["[[1]]", r#"[{"a":1}]"#, "1", "nonsense"] {
            assert!(matches!(read(bad), Err(Error::InvalidParameters)), "{bad}");
        }
        assert!(parameters(None).unwrap().is_empty());
    }
}
