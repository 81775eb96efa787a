//! How deep a document's blocks are: in how many shared types, one in the other.
//!
//! `yrs` deletes what a deleted type holds by recursion, one call for each type on the way. So
//! that no document can be built on which the stack ends, nothing is integrated deeper than
//! [`MOST`].

use super::update::{Block, Id};
use std::collections::BTreeMap;

/// The most types in which a block may be. The stack of the component ends above 2,000; nested
/// lists in an editor take two for each of their levels.
pub(super) const MOST: u32 = 512;

/// Where each client's blocks are, as runs of equal depth: the clock at which each begins.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Nesting {
    clients: BTreeMap<u64, Vec<(u64, u32)>>,
}

impl Nesting {
    /// The depth of what is known of a client.
    pub(super) fn of(&self, id: Id) -> u32 {
        let Some(runs) = self.clients.get(&id.client) else {
            return 0;
        };
        let behind = runs.partition_point(|&(clock, _)| clock <= id.clock);
        behind.checked_sub(1).map_or(0, |index| runs[index].1)
    }

    /// Notes the depth of a client's blocks from `first` on, which is behind all that was noted.
    pub(super) fn note(&mut self, first: Id, depth: u32) {
        let runs = self.clients.entry(first.client).or_default();
        if runs.last().is_none_or(|&(_, last)| last != depth) {
            runs.push((first.clock, depth));
        }
    }

    /// Takes over what was noted of blocks that come behind these.
    pub(super) fn extend(&mut self, later: Self) {
        for (client, runs) in later.clients {
            for (clock, depth) in runs {
                self.note(Id { client, clock }, depth);
            }
        }
    }
}

/// The depth of a block, by the depth of what it refers to. A block is where its neighbours are;
/// of two that are not in one place, which only a hostile update names, the deeper one counts.
pub(super) fn depth(block: &Block, of: impl Fn(Id) -> u32) -> u32 {
    match block.refers_to {
        [None, None, Some(parent)] => of(parent) + 1,
        [left, right, _] => left.into_iter().chain(right).map(of).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(client: u64, clock: u64) -> Id {
        Id { client, clock }
    }

    #[test]
    fn runs_of_equal_depth_are_one() {
        let mut nesting = Nesting::default();
        for clock in 0..100 {
            nesting.note(id(1, clock), 0);
        }
        assert_eq!(nesting.clients[&1], [(0, 0)]);
        for (clock, depth) in [(100, 3), (101, 3), (105, 0), (110, 1)] {
            nesting.note(id(1, clock), depth);
        }
        assert_eq!(nesting.clients[&1], [(0, 0), (100, 3), (105, 0), (110, 1)]);
        let depths = [99, 100, 104, 105, 109, 500].map(|clock| nesting.of(id(1, clock)));
        assert_eq!(depths, [0, 3, 3, 0, 0, 1]);
        assert_eq!(nesting.of(id(2, 0)), 0);
    }

    #[test]
    fn a_block_is_in_its_parent_or_beside_its_neighbours() {
        let block = |refers_to| Block {
            length: 1,
            refers_to,
            is_gap: false,
            bytes: 0..0,
            place: 0..0,
        };
        let of = |id: Id| u32::try_from(id.clock).unwrap();
        for (refers_to, expected) in [
            ([None, None, None], 0),
            ([None, None, Some(id(1, 4))], 5),
            ([Some(id(1, 4)), None, None], 4),
            ([None, Some(id(1, 4)), None], 4),
            ([Some(id(1, 2)), Some(id(1, 4)), None], 4),
        ] {
            assert_eq!(depth(&block(refers_to), of), expected);
        }
    }
}
