//! Documents that make the edits and check the results.

use anyhow::{Context as _, Result};
use yrs::ClientID;
use yrs::updates::decoder::Decode as _;
use yrs::updates::encoder::Encode as _;
use yrs::{
    Doc, GetString as _, OffsetKind, Options, ReadTxn as _, StateVector, Text as _, TextRef,
    Transact as _, Update,
};

/// The root type that all edits are in.
pub(crate) const TEXT: &str = "text";
/// Another root type, for what is no part of the content.
const MARK: &str = "mark";

/// A document whose edits become updates, one for each.
pub(crate) struct Typist {
    doc: Doc,
    text: TextRef,
    mark: TextRef,
    typed: u32,
}

impl Typist {
    /// The id must differ from those of all others in the same room.
    pub(crate) fn new(client: u64) -> Self {
        let doc = new_doc(client);
        let text = doc.get_or_insert_text(TEXT);
        let mark = doc.get_or_insert_text(MARK);
        Self {
            doc,
            text,
            mark,
            typed: 0,
        }
    }

    /// One more character at the end of what this typist has typed.
    pub(crate) fn type_one(&mut self) -> Vec<u8> {
        let character = char::from(b'a' + (self.typed % 26) as u8);
        let mut transaction = self.doc.transact_mut();
        self.text.insert(
            &mut transaction,
            self.typed,
            character.encode_utf8(&mut [0; 4]),
        );
        self.typed += 1;
        transaction.encode_update_v1()
    }

    /// Replaces `removed` UTF-16 units at `index` with `inserted`.
    pub(crate) fn splice(&mut self, index: u32, removed: u32, inserted: &str) -> Vec<u8> {
        let mut transaction = self.doc.transact_mut();
        if removed > 0 {
            self.text.remove_range(&mut transaction, index, removed);
        }
        if !inserted.is_empty() {
            self.text.insert(&mut transaction, index, inserted);
        }
        transaction.encode_update_v1()
    }

    /// An edit outside the text, to be recognised as the last one.
    pub(crate) fn mark(&mut self) -> Vec<u8> {
        let mut transaction = self.doc.transact_mut();
        self.mark.insert(&mut transaction, 0, "!");
        transaction.encode_update_v1()
    }

    /// How many units this typist has inserted: its clock.
    pub(crate) fn clock(&self) -> u32 {
        self.doc
            .transact()
            .state_vector()
            .get(&self.doc.client_id())
    }

    pub(crate) fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }
}

/// A document that takes what others have typed.
pub(crate) struct Replica {
    doc: Doc,
    text: TextRef,
}

impl Replica {
    pub(crate) fn new() -> Self {
        let doc = new_doc(1);
        let text = doc.get_or_insert_text(TEXT);
        Self { doc, text }
    }

    pub(crate) fn apply(&mut self, update: &[u8]) -> Result<()> {
        let update = Update::decode_v1(update).context("reading an update")?;
        let mut transaction = self.doc.transact_mut();
        transaction
            .apply_update(update)
            .context("applying an update")
    }

    pub(crate) fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }

    /// How many units of this writer it has.
    pub(crate) fn clock(&self, writer: u64) -> u32 {
        let state_vector = self.doc.transact().state_vector();
        state_vector.get(&ClientID::new(writer))
    }

    /// All of it as one update.
    pub(crate) fn state(&self) -> Vec<u8> {
        let nothing = StateVector::default();
        self.doc.transact().encode_state_as_update_v1(&nothing)
    }

    pub(crate) fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }
}

/// The document that the updates make.
pub(crate) fn replica_of(updates: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Replica> {
    let mut replica = Replica::new();
    for update in updates {
        replica.apply(update.as_ref())?;
    }
    Ok(replica)
}

/// The text that the updates make.
pub(crate) fn text_of(updates: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<String> {
    Ok(replica_of(updates)?.text())
}

fn new_doc(client: u64) -> Doc {
    let options = Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(ClientID::new(client))
    };
    Doc::with_options(options)
}

/// Many small byte strings in one piece of memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pile {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Pile {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_updates_of_a_typist_make_its_text() {
        let mut typist = Typist::new(5);
        let mut updates: Vec<Vec<u8>> = (0..30).map(|_| typist.type_one()).collect();
        updates.push(typist.splice(3, 4, "grün 😀"));
        updates.push(typist.mark());
        assert_eq!(text_of(&updates).unwrap(), typist.text());
        assert!(typist.text().starts_with("abcgrün 😀hij"));
        assert_eq!(typist.clock(), 30 + 7 + 1);
    }

    #[test]
    fn a_pile_gives_back_what_was_put_on_it() {
        let mut pile = Pile::default();
        for piece in ["", "a", "bc", "", "d"] {
            pile.push(piece.as_bytes());
        }
        let all: Vec<&[u8]> = pile.iter().collect();
        assert_eq!(all, [&b""[..], b"a", b"bc", b"", b"d"]);
    }
}
