//! Parts of an update of very many blocks.
//!
//! At the end of a transaction `yrs` joins neighbouring blocks, in time and memory that grow with
//! the square of their number. So a large update is integrated in slices, each an update itself.

use super::message::write_var_uint;
use super::update::Id;

/// Blocks of one slice.
pub(super) const SLICE: usize = 1_000;

/// Some of an update's blocks, in runs that each belong to one section.
#[derive(Default)]
pub(super) struct Slice {
    runs: Vec<Run>,
    blocks: usize,
}

struct Run {
    section: usize,
    from: Id,
    blocks: u64,
    bytes: Vec<u8>,
}

impl Slice {
    /// Whether a block of this section may come next: an update has one run of each client.
    pub(super) fn takes(&self, section: usize) -> bool {
        let (last, earlier) = match self.runs.split_last() {
            Some((last, earlier)) => (Some(last.section), earlier),
            None => (None, &[][..]),
        };
        let comes_again = || earlier.iter().any(|run| run.section == section);
        self.blocks < SLICE && (last == Some(section) || !comes_again())
    }

    pub(super) fn add(&mut self, section: usize, from: Id, bytes: &[u8]) {
        self.blocks += 1;
        match self.runs.last_mut() {
            Some(run) if run.section == section => {
                run.blocks += 1;
                run.bytes.extend_from_slice(bytes);
            }
            _ => self.runs.push(Run {
                section,
                from,
                blocks: 1,
                bytes: bytes.to_vec(),
            }),
        }
    }

    /// The slice as an update that deletes nothing.
    pub(super) fn encode(self) -> Vec<u8> {
        let mut update = Vec::new();
        write_var_uint(&mut update, self.runs.len() as u64);
        for run in self.runs {
            write_var_uint(&mut update, run.blocks);
            write_var_uint(&mut update, run.from.client);
            write_var_uint(&mut update, run.from.clock);
            update.extend_from_slice(&run.bytes);
        }
        write_var_uint(&mut update, 0);
        update
    }
}
