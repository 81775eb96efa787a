//! Validation of a document update before it is relayed, without building it.
//!
//! Walks the V1 encoding (yjs `UpdateDecoderV1`, `ContentX.js`) once, and keeps only whose blocks
//! and deletions it has seen: every count is held against the bytes that are left, every clock
//! against its range, every nesting against `MAX_DEPTH`. What passes here, `yrs` decodes without a panic or an allocation bomb.

use super::message::{Malformed, Reader, write_var_bytes, write_var_uint};
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::ops::Range;

/// Deepest nesting of arrays and maps in one value; deeper ones would exhaust the stack.
const MAX_DEPTH: u32 = 64;
/// Most blocks of one update. In memory a block takes some 200 bytes, in an update at least two.
const MAX_BLOCKS: u64 = 1 << 20;
/// Clocks are summed as signed 32-bit numbers in places.
const MAX_CLOCK: u64 = i32::MAX as u64;

/// Blocks that are no items, by their first byte.
const GC: u8 = 0;
const SKIP: u8 = 10;

/// What items hold that may be longer than one unit.
const DELETED: u8 = 1;
const STRING: u8 = 4;
const VALUES: u8 = 8;

const SHARED_TYPE: u8 = 7;

/// The bits that say what a block holds; the others say to what it refers.
const CONTENT: u8 = 0b0001_1111;
const HAS_ORIGIN: u8 = 0b1000_0000;
const HAS_RIGHT_ORIGIN: u8 = 0b0100_0000;
const HAS_PARENT_SUB: u8 = 0b0010_0000;

/// Names one unit of one client's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) client: u64,
    pub(crate) clock: u64,
}

/// A block of an update.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// In units of its client's clock.
    pub(crate) length: u64,
    /// Left and right origin, and the parent if it is an item.
    pub(crate) refers_to: [Option<Id>; 3],
    /// Whether it only stands for history that isn't in this update.
    pub(crate) is_gap: bool,
    /// Whether it is neither a shared type nor what is left of something deleted, which may have
    /// been one: then no block can be in it.
    pub(crate) is_value: bool,
    /// Where it is in the update.
    pub(crate) bytes: Range<usize>,
}

impl Block {
    /// Makes it refer to the last of its units that are known, as [`rest_of`] does.
    pub(crate) fn continue_behind(&mut self, last: Id) {
        let [_, right, _] = self.refers_to;
        self.refers_to = [Some(last), right, None];
    }
}

/// Sees the structure of an update.
pub(crate) trait Visitor {
    /// The blocks of one client begin.
    fn section(&mut self, _first: Id) {}
    /// The next block of the section.
    fn block(&mut self, _block: Block) {}
    /// A range of one client's history is deleted.
    fn deletion(&mut self, _from: Id, _length: u64) {}
}

/// Sees nothing.
impl Visitor for () {}

/// Checks a V1 update. `Ok(false)` if it is well-formed but holds no change at all.
pub fn validate(update: &[u8]) -> Result<bool, Malformed> {
    walk(update, &mut ())
}

/// Checks a V1 update, and shows its structure to `visitor`.
pub(crate) fn walk(update: &[u8], visitor: &mut impl Visitor) -> Result<bool, Malformed> {
    let mut walk = Walk {
        reader: Reader::new(update),
        length: update.len(),
        visitor,
    };
    let blocks = walk.blocks()?;
    let deletions = walk.delete_set()?;
    match walk.reader.remaining() {
        0 => Ok(blocks || deletions),
        _ => Err(Malformed::Update("bytes behind the end")),
    }
}

/// What follows in a validated block of which the first units are known, up to `last`: it says to
/// be behind that, and nothing else of where it is (yjs `Item.write` with an offset).
pub(crate) fn rest_of(block: &[u8], units: u64, last: Id) -> Result<Vec<u8>, Malformed> {
    let mut walk = Walk {
        reader: Reader::new(block),
        length: block.len(),
        visitor: &mut (),
    };
    let info = walk.reader.u8()?;
    let mut rest = Vec::with_capacity(block.len() + 8);
    if info == GC {
        rest.push(GC);
        write_var_uint(&mut rest, walk.length()?.saturating_sub(units));
        return Ok(rest);
    }
    rest.push(info | HAS_ORIGIN);
    let [_, right, _] = walk.neighbours(info)?;
    for id in [Some(last), right].into_iter().flatten() {
        write_var_uint(&mut rest, id.client);
        write_var_uint(&mut rest, id.clock);
    }
    match info & CONTENT {
        DELETED => write_var_uint(&mut rest, walk.clock()?.saturating_sub(units)),
        STRING => {
            let text = text_behind(walk.reader.var_str()?, units);
            write_var_bytes(&mut rest, text.as_bytes());
        }
        VALUES => {
            let count = walk.reader.var_uint()?;
            for _ in 0..units {
                walk.any(0)?;
            }
            write_var_uint(&mut rest, count.saturating_sub(units));
            rest.extend_from_slice(&block[walk.position()..]);
        }
        _ => return Err(Malformed::Update("content of one unit has no rest")),
    }
    Ok(rest)
}

/// Text without its first UTF-16 units. Half a character becomes a replacement character, as in
/// yjs `ContentString.splice`.
fn text_behind(text: &str, units: u64) -> Cow<'_, str> {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return text[at..].into();
        }
        left = match left.checked_sub(character.len_utf16() as u64) {
            Some(left) => left,
            None => {
                let behind = at + character.len_utf8();
                return format!("{}{}", char::REPLACEMENT_CHARACTER, &text[behind..]).into();
            }
        };
    }
    "".into()
}

struct Walk<'a, V> {
    reader: Reader<'a>,
    length: usize,
    visitor: &'a mut V,
}

impl<V: Visitor> Walk<'_, V> {
    fn blocks(&mut self) -> Result<bool, Malformed> {
        let sections = self.count(3)?;
        let mut clients = Vec::new();
        let mut total = 0;
        for _ in 0..sections {
            let blocks = self.count(2)?;
            total += blocks;
            if total > MAX_BLOCKS {
                return Err(Malformed::Update("more than 1048576 blocks"));
            }
            let client = self.reader.var_uint()?;
            if sections > 1 {
                clients.push(client);
            }
            let mut clock = self.clock()?;
            self.visitor.section(Id { client, clock });
            for _ in 0..blocks {
                clock += self.block()?;
                if clock > MAX_CLOCK {
                    return Err(Malformed::Update("clock out of range"));
                }
            }
        }
        match has_twice(clients) {
            true => Err(Malformed::Update("a client's blocks in two places")),
            false => Ok(sections > 0),
        }
    }

    fn delete_set(&mut self) -> Result<bool, Malformed> {
        let sections = self.count(2)?;
        let mut clients = Vec::new();
        for _ in 0..sections {
            let client = self.reader.var_uint()?;
            if sections > 1 {
                clients.push(client);
            }
            let ranges = self.count(2)?;
            for _ in 0..ranges {
                let clock = self.clock()?;
                let length = self.clock()?;
                if length == 0 || clock + length > MAX_CLOCK {
                    return Err(Malformed::Update("deleted range out of range"));
                }
                self.visitor.deletion(Id { client, clock }, length);
            }
        }
        match has_twice(clients) {
            // `yrs` would keep the last of them, Yjs all.
            true => Err(Malformed::Update("a client's deletions in two places")),
            false => Ok(sections > 0),
        }
    }

    /// Reads one block and gives its length in clock units.
    fn block(&mut self) -> Result<u64, Malformed> {
        let start = self.position();
        let info = self.reader.u8()?;
        let (length, refers_to) = match info {
            GC | SKIP => (self.length()?, [None; 3]),
            info => {
                let refers_to = self.neighbours(info)?;
                (self.content(info & CONTENT)?, refers_to)
            }
        };
        let bytes = start..self.position();
        self.visitor.block(Block {
            length,
            refers_to,
            is_gap: info == SKIP,
            is_value: !matches!(info, GC | SKIP)
                && !matches!(info & CONTENT, DELETED | SHARED_TYPE),
            bytes,
        });
        Ok(length)
    }

    fn position(&self) -> usize {
        self.length - self.reader.remaining()
    }

    /// Left and right origin, and the parent if it is an item.
    fn neighbours(&mut self, info: u8) -> Result<[Option<Id>; 3], Malformed> {
        let mut refers_to = [None; 3];
        if info & HAS_ORIGIN != 0 {
            refers_to[0] = Some(self.id()?);
        }
        if info & HAS_RIGHT_ORIGIN != 0 {
            refers_to[1] = Some(self.id()?);
        }
        if info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN) != 0 {
            return Ok(refers_to);
        }
        match self.reader.var_uint()? {
            1 => {
                self.reader.var_str()?;
            }
            0 => refers_to[2] = Some(self.id()?),
            _ => return Err(Malformed::Update("unknown kind of parent")),
        }
        if info & HAS_PARENT_SUB != 0 {
            self.reader.var_str()?;
        }
        Ok(refers_to)
    }

    fn content(&mut self, kind: u8) -> Result<u64, Malformed> {
        match kind {
            DELETED => self.clock(),
            3 => self.reader.var_bytes().map(|_| 1),
            STRING => self.string(),
            5 => self.json().map(|()| 1),
            6 => {
                self.reader.var_str()?;
                self.json().map(|()| 1)
            }
            SHARED_TYPE => self.shared_type().map(|()| 1),
            VALUES => self.values(),
            9 => {
                self.reader.var_str()?;
                self.any(0).map(|()| 1)
            }
            2 => Err(Malformed::Update("JSON content of Yjs before version 13")),
            _ => Err(Malformed::Update("unknown content")),
        }
    }

    /// A string's length counts UTF-16 units.
    fn string(&mut self) -> Result<u64, Malformed> {
        let text = self.reader.var_str()?;
        Ok(text.encode_utf16().count() as u64)
    }

    fn json(&mut self) -> Result<(), Malformed> {
        let text = self.reader.var_str()?;
        serde_json::from_str::<IgnoredAny>(text)
            .map(|_| ())
            .map_err(|_| Malformed::Update("content is not JSON"))
    }

    fn shared_type(&mut self) -> Result<(), Malformed> {
        const XML_ELEMENT: u8 = 3;
        const XML_HOOK: u8 = 5;
        match self.reader.u8()? {
            XML_ELEMENT => self.reader.var_str().map(|_| ()),
            // It has a name, which `yrs` takes for the blocks behind it.
            XML_HOOK => Err(Malformed::Update("XML hooks are not supported")),
            0..=6 => Ok(()),
            _ => Err(Malformed::Update("unknown shared type")),
        }
    }

    fn values(&mut self) -> Result<u64, Malformed> {
        let count = self.count(1)?;
        for _ in 0..count {
            self.any(0)?;
        }
        Ok(count)
    }

    /// One lib0 `any` value.
    fn any(&mut self, depth: u32) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::Update("values nested too deeply"));
        }
        match self.reader.u8()? {
            120 | 121 | 126 | 127 => Ok(()),
            125 => self.var_int(),
            124 => self.reader.take(4).map(|_| ()),
            122 | 123 => self.reader.take(8).map(|_| ()),
            119 => self.reader.var_str().map(|_| ()),
            118 => {
                for _ in 0..self.count(2)? {
                    self.reader.var_str()?;
                    self.any(depth + 1)?;
                }
                Ok(())
            }
            117 => {
                for _ in 0..self.count(1)? {
                    self.any(depth + 1)?;
                }
                Ok(())
            }
            116 => self.reader.var_bytes().map(|_| ()),
            _ => Err(Malformed::Update("unknown value")),
        }
    }

    /// A lib0 `varInt`: the first byte holds the sign and six bits.
    fn var_int(&mut self) -> Result<(), Malformed> {
        for _ in 0..8 {
            if self.reader.u8()? < 0x80 {
                return Ok(());
            }
        }
        Err(Malformed::Number)
    }

    fn id(&mut self) -> Result<Id, Malformed> {
        Ok(Id {
            client: self.reader.var_uint()?,
            clock: self.clock()?,
        })
    }

    fn clock(&mut self) -> Result<u64, Malformed> {
        match self.reader.var_uint()? {
            clock if clock <= MAX_CLOCK => Ok(clock),
            _ => Err(Malformed::Update("clock out of range")),
        }
    }

    fn length(&mut self) -> Result<u64, Malformed> {
        match self.clock()? {
            0 => Err(Malformed::Update("empty block")),
            length => Ok(length),
        }
    }

    /// A number of things that take at least `each` bytes.
    fn count(&mut self, each: u64) -> Result<u64, Malformed> {
        let count = self.reader.var_uint()?;
        if count > self.reader.remaining() as u64 / each {
            return Err(Malformed::Update("count behind the end"));
        }
        Ok(count)
    }
}

fn has_twice(mut clients: Vec<u64>) -> bool {
    clients.sort_unstable();
    clients.windows(2).any(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use yrs::{Any, Array, ClientID, Doc, ReadTxn, StateVector, Text, Transact};

    /// The bytes of the only block of an update, and its first clock.
    fn only_block(update: &[u8]) -> (u64, Vec<u8>) {
        #[derive(Default)]
        struct Only(u64, Range<usize>);

        impl Visitor for Only {
            fn section(&mut self, first: Id) {
                self.0 = first.clock;
            }

            fn block(&mut self, block: Block) {
                self.1 = block.bytes;
            }
        }

        let mut only = Only::default();
        walk(update, &mut only).unwrap();
        (only.0, update[only.1].to_vec())
    }

    /// Whoever asks for what follows `clock` gets as much of a block from `yrs`.
    fn assert_rest_is_that_of_yrs(doc: &Doc, length: u32) {
        let state = |clock| {
            let mut vector = StateVector::default();
            vector.set_max(ClientID::new(7), clock);
            doc.transact().encode_state_as_update_v1(&vector)
        };
        let (_, whole) = only_block(&state(0));
        for clock in 1..length {
            let last = Id {
                client: 7,
                clock: u64::from(clock) - 1,
            };
            let rest = rest_of(&whole, u64::from(clock), last);
            let (first, expected) = only_block(&state(clock));
            assert_eq!(first, u64::from(clock));
            assert_eq!(rest, Ok(expected), "behind {clock}");
        }
    }

    #[test]
    fn the_rest_of_a_block_is_what_its_writer_sends_who_knows_that_the_first_part_is_known() {
        let doc = Doc::with_client_id(7);
        doc.get_or_insert_text("t")
            .insert(&mut doc.transact_mut(), 0, "wörld, hello");
        assert_rest_is_that_of_yrs(&doc, 12);
        let doc = Doc::with_client_id(7);
        let values = [Any::from(1), Any::from("two"), Any::Null, Any::from(4.5)];
        doc.get_or_insert_array("a")
            .insert_range(&mut doc.transact_mut(), 0, values);
        assert_rest_is_that_of_yrs(&doc, 4);
        let deleted = doc.get_or_insert_array("a");
        deleted.remove_range(&mut doc.transact_mut(), 0, 4);
        assert_rest_is_that_of_yrs(&doc, 4);
    }

    #[test]
    fn the_rest_of_half_a_character_begins_with_a_replacement() {
        for (units, rest) in [(0, "a🐙b"), (1, "🐙b"), (2, "\u{fffd}b"), (3, "b"), (4, "")] {
            assert_eq!(text_behind("a🐙b", units), rest);
        }
    }

    #[test]
    fn what_is_collected_has_a_rest_as_well() {
        let last = Id {
            client: 7,
            clock: 2,
        };
        assert_eq!(rest_of(&[GC, 5], 3, last), Ok(vec![GC, 2]));
        assert!(rest_of(&[3, 1, 1, b't', 1, 0], 1, last).is_err());
    }
}
