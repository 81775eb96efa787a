//! Validation of a document update before it is relayed, without building it.
//!
//! Walks the V1 encoding (yjs `UpdateDecoderV1`, `ContentX.js`) once, and keeps only whose blocks
//! and deletions it has seen: every count is held against the bytes that are left, every clock
//! against its range, every nesting against `MAX_DEPTH`. What passes here, `yrs` decodes without a panic or an allocation bomb.

use super::message::{Malformed, Reader};
use serde::de::IgnoredAny;
use std::ops::Range;

/// Deepest nesting of arrays and maps in one value; deeper ones would exhaust the stack.
const MAX_DEPTH: u32 = 64;
/// Most blocks of one update. In memory a block takes some 200 bytes, in an update at least two.
const MAX_BLOCKS: u64 = 1 << 20;
/// Clocks are summed as signed 32-bit numbers in places.
const MAX_CLOCK: u64 = i32::MAX as u64;

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
        const GC: u8 = 0;
        const SKIP: u8 = 10;
        const DELETED: u8 = 1;
        const SHARED_TYPE: u8 = 7;
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
            1 => self.clock(),
            3 => self.reader.var_bytes().map(|_| 1),
            4 => self.string(),
            5 => self.json().map(|()| 1),
            6 => {
                self.reader.var_str()?;
                self.json().map(|()| 1)
            }
            7 => self.shared_type().map(|()| 1),
            8 => self.values(),
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
