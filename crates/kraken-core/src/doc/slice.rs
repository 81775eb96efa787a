//! Parts of an update of very many blocks or deletions.
//!
//! What `yrs` does with a block takes time that grows with the document, if somebody means it to:
//! a block is compared with all that are at the same place, and one that is cut in two makes room
//! among all of its client's. At the end of a transaction neighbours are joined, in time and memory
//! that grow with the square of their number. So a large update is integrated in slices, each an
//! update itself, and others have their turn in between.

use super::message::write_var_uint;
use super::update::{self, Id};
use std::borrow::Cow;
use std::ops::Range;

/// The most blocks and deletions of one slice.
pub(super) const SLICE: usize = 1_000;

/// What is left of an update, in the order in which it is integrated.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Slices {
    pieces: Vec<Piece>,
    /// Ranges of deleted history: their first, and their length. They come after all blocks.
    deletions: Vec<(Id, u64)>,
    /// How many pieces, and then deletions, have been cut off.
    cut: usize,
    /// Whether these are all blocks of the update, as they are.
    is_whole: bool,
}

/// A block, or what of it isn't known yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) from: Id,
    /// Units of the block that are known. `yrs` is not given them: it would take the rest to be in
    /// the type that the block names, next to what is known, which may be in another.
    pub(super) known: u64,
    /// The clock behind it.
    pub(super) end: u64,
    /// Where in the update it is.
    pub(super) bytes: Range<usize>,
}

impl Piece {
    /// Its bytes, of those of its update.
    fn of<'a>(&self, update: &'a [u8]) -> Cow<'a, [u8]> {
        let block = &update[self.bytes.clone()];
        let last = Id {
            clock: self.from.clock.saturating_sub(1),
            ..self.from
        };
        match self.known {
            0 => block.into(),
            known => update::rest_of(block, known, last)
                .unwrap_or_default()
                .into(),
        }
    }
}

impl Slices {
    /// Of an update of so many blocks, of which the pieces are those that aren't known yet.
    pub(super) fn new(blocks: usize, pieces: Vec<Piece>, mut deletions: Vec<(Id, u64)>) -> Self {
        // In any other order, each would move all that are behind it.
        deletions.sort_unstable_by_key(|(from, _)| (from.client, from.clock));
        let are_whole = pieces.iter().all(|piece| piece.known == 0);
        Self {
            is_whole: are_whole && pieces.len() == blocks,
            pieces,
            deletions,
            cut: 0,
        }
    }

    /// Whether the update is all that is left, and has no more than so many blocks and deletions.
    pub(super) fn is_whole(&self, most: usize) -> bool {
        self.is_whole && self.cut == 0 && self.len() <= most
    }

    /// Blocks and deletions that are left.
    pub(super) fn len(&self) -> usize {
        self.pieces.len() + self.deletions.len() - self.cut
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts off a slice of `update`, of so many blocks or deletions at most.
    pub(super) fn next(&mut self, update: &[u8], most: usize) -> Vec<u8> {
        match self.cut.checked_sub(self.pieces.len()) {
            None => self.blocks(update, most),
            Some(cut) => self.deletions(cut, most),
        }
    }

    fn blocks(&mut self, update: &[u8], most: usize) -> Vec<u8> {
        let mut runs: Vec<Run> = Vec::new();
        for piece in self.pieces[self.cut..].iter().take(most) {
            let bytes = piece.of(update);
            let of_client = |run: &Run| run.from.client == piece.from.client;
            match runs.iter().rposition(of_client) {
                Some(last) if last + 1 == runs.len() && runs[last].end == piece.from.clock => {
                    runs[last].add(piece.end, &bytes);
                }
                // An update has one run of each client, without a gap.
                Some(_) => break,
                None => runs.push(Run::new(piece.from, piece.end, bytes.into_owned())),
            }
            self.cut += 1;
        }
        let mut slice = Vec::new();
        write_var_uint(&mut slice, runs.len() as u64);
        for run in runs {
            write_var_uint(&mut slice, run.blocks);
            write_var_uint(&mut slice, run.from.client);
            write_var_uint(&mut slice, run.from.clock);
            slice.extend_from_slice(&run.bytes);
        }
        write_var_uint(&mut slice, 0);
        slice
    }

    fn deletions(&mut self, cut: usize, most: usize) -> Vec<u8> {
        let deletions = &self.deletions[cut..];
        let deletions = &deletions[..most.min(deletions.len())];
        self.cut += deletions.len();
        let clients = || deletions.chunk_by(|(one, _), (other, _)| one.client == other.client);
        let mut slice = Vec::new();
        write_var_uint(&mut slice, 0);
        write_var_uint(&mut slice, clients().count() as u64);
        for of_client in clients() {
            write_var_uint(&mut slice, of_client[0].0.client);
            write_var_uint(&mut slice, of_client.len() as u64);
            for (from, length) in of_client {
                write_var_uint(&mut slice, from.clock);
                write_var_uint(&mut slice, *length);
            }
        }
        slice
    }
}

/// Blocks of one client that follow each other.
struct Run {
    from: Id,
    end: u64,
    blocks: u64,
    bytes: Vec<u8>,
}

impl Run {
    fn new(from: Id, end: u64, bytes: Vec<u8>) -> Self {
        Self {
            from,
            end,
            blocks: 1,
            bytes,
        }
    }

    fn add(&mut self, end: u64, bytes: &[u8]) {
        self.end = end;
        self.blocks += 1;
        self.bytes.extend_from_slice(bytes);
    }
}
