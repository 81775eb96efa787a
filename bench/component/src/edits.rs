//! Edits as clients send them, and what they make.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use yrs::updates::decoder::Decode as _;
use yrs::{ClientID, Doc, GetString as _, Text as _, Transact as _, Update};

const TEXT: &str = "text";
const TYPIST: u64 = 0x1234_5678;
/// An update of y-protocols: the message's type and its step.
const UPDATE: [u8; 2] = [0, 2];

/// So many updates, each of one more character at the end of a text.
pub(crate) fn typed(edits: u32) -> Vec<Vec<u8>> {
    let doc = Doc::with_client_id(TYPIST);
    let text = doc.get_or_insert_text(TEXT);
    let type_one = |edit: u32| {
        let character = char::from(b'a' + (edit % 26) as u8);
        let mut transaction = doc.transact_mut();
        text.insert(&mut transaction, edit, character.encode_utf8(&mut [0; 4]));
        transaction.encode_update_v1()
    };
    (0..edits).map(type_one).collect()
}

/// The text that the updates make.
pub(crate) fn text_of(updates: &[impl AsRef<[u8]>]) -> Result<String> {
    let doc = Doc::new();
    let text = doc.get_or_insert_text(TEXT);
    for update in updates {
        let update = Update::decode_v1(update.as_ref()).context("reading an update")?;
        doc.transact_mut()
            .apply_update(update)
            .context("applying an update")?;
    }
    Ok(text.get_string(&doc.transact()))
}

/// How many edits there are after this update.
pub(crate) fn edits_after(update: &[u8]) -> Result<usize> {
    let update = Update::decode_v1(update).context("reading an update")?;
    let insertions = update.insertions(true);
    let ranges = insertions.get(&ClientID::new(TYPIST));
    let end = ranges.and_then(|ranges| ranges.iter().map(|(range, ())| range.end).max());
    Ok(end.context("an update of nobody's")? as usize)
}

/// The message with an update.
pub(crate) fn message(update: &[u8]) -> Bytes {
    let mut message = UPDATE.to_vec();
    let mut length = update.len();
    while length >= 0x80 {
        message.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(update);
    message.into()
}

/// The update in a message; none if it is another one.
pub(crate) fn update_in(message: &Bytes) -> Result<Option<Bytes>> {
    if !message.starts_with(&UPDATE) {
        return Ok(None);
    }
    let (mut length, mut at) = (0, UPDATE.len());
    for shift in (0..28).step_by(7) {
        let byte = *message.get(at).context("a message that ends too early")?;
        at += 1;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            ensure!(
                message.len() - at == length,
                "more or less than one update in a message"
            );
            return Ok(Some(message.slice(at..)));
        }
    }
    bail!("an update without an end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_reads_as_what_it_is() {
        let updates = typed(300);
        for (edit, update) in updates.iter().enumerate() {
            let read = update_in(&message(update)).unwrap().unwrap();
            assert_eq!(read, update);
            assert_eq!(edits_after(&read).unwrap(), edit + 1);
        }
        assert_eq!(text_of(&updates).unwrap().len(), 300);
        let long = vec![7; 300];
        assert_eq!(update_in(&message(&long)).unwrap().unwrap(), long);
    }

    #[test]
    fn half_an_update_is_refused() {
        let whole = message(&[7; 300]);
        assert!(update_in(&whole.slice(..200)).is_err());
    }
}
