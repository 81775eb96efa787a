//! Where a document's blocks are: in how many shared types, one in the other, and that these are
//! types.
//!
//! `yrs` deletes what a deleted type holds by recursion, one call for each type on the way. So
//! that no document can be built on which the stack ends, nothing is integrated deeper than
//! [`MOST`]. At a block in a value `yrs` stops, and leaves of the update what came before; so
//! no such update gets there.

use super::update::{Block, Id};
use std::collections::BTreeMap;

/// The most types in which a block may be. The stack of the component ends above 2,000; nested
/// lists in an editor take two for each of their levels.
pub(super) const MOST: u32 = 512;

/// What of a block concerns those that refer to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// In how many types it is.
    pub(super) depth: u32,
    /// Whether it is a value, in which nothing can be.
    pub(super) is_value: bool,
}

/// How each client's blocks stand, as runs of equals: the clock at which each begins.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Nesting {
    clients: BTreeMap<u64, Vec<(u64, Standing)>>,
}

impl Nesting {
    /// The standing of what is known of a client.
    pub(super) fn of(&self, id: Id) -> Standing {
        let Some(runs) = self.clients.get(&id.client) else {
            return Standing::default();
        };
        let behind = runs.partition_point(|&(clock, _)| clock <= id.clock);
        let run = behind.checked_sub(1).map(|index| runs[index].1);
        run.unwrap_or_default()
    }

    /// How many runs there are.
    pub(super) fn len(&self) -> usize {
        self.clients.values().map(Vec::len).sum()
    }

    /// Notes how a client's blocks stand from `first` on, which is behind all that was noted.
    pub(super) fn note(&mut self, first: Id, standing: Standing) {
        let runs = self.clients.entry(first.client).or_default();
        if runs.last().is_none_or(|&(_, last)| last != standing) {
            runs.push((first.clock, standing));
        }
    }

    /// Takes over what was noted of blocks that come behind these.
    pub(super) fn extend(&mut self, later: &Self) {
        for (&client, runs) in &later.clients {
            for &(clock, standing) in runs {
                self.note(Id { client, clock }, standing);
            }
        }
    }
}

/// The standing of a block, by that of what it refers to; `None` if it can't be there. A block is
/// where its neighbours are; of two that are not in one place, which only a hostile update names,
/// the deeper one counts.
pub(super) fn standing(block: &Block, of: impl Fn(Id) -> Standing) -> Option<Standing> {
    let depth = match block.refers_to {
        [None, None, Some(parent)] => {
            let parent = of(parent);
            (!parent.is_value).then_some(parent.depth + 1)?
        }
        [left, right, _] => {
            let neighbours = left.into_iter().chain(right);
            neighbours.map(|id| of(id).depth).max().unwrap_or(0)
        }
    };
    (depth <= MOST).then_some(Standing {
        depth,
        is_value: block.is_value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(client: u64, clock: u64) -> Id {
        Id { client, clock }
    }

    fn text(depth: u32) -> Standing {
        Standing {
            depth,
            is_value: true,
        }
    }

    #[test]
    fn runs_of_equals_are_one() {
        let mut nesting = Nesting::default();
        for clock in 0..100 {
            nesting.note(id(1, clock), text(0));
        }
        assert_eq!(nesting.clients[&1], [(0, text(0))]);
        for (clock, depth) in [(100, 3), (101, 3), (105, 0), (110, 1)] {
            nesting.note(id(1, clock), text(depth));
        }
        let depths = [99, 100, 104, 105, 109, 500].map(|clock| nesting.of(id(1, clock)).depth);
        assert_eq!(depths, [0, 3, 3, 0, 0, 1]);
        assert_eq!(nesting.clients[&1].len(), 4);
        assert_eq!(nesting.of(id(2, 0)), Standing::default());
    }

    #[test]
    fn a_block_is_in_its_parent_or_beside_its_neighbours() {
        let block = |refers_to| Block {
            length: 1,
            refers_to,
            is_gap: false,
            is_value: true,
            bytes: 0..0,
        };
        let of = |id: Id| Standing {
            depth: u32::try_from(id.clock).unwrap(),
            is_value: id.client == 2,
        };
        for (refers_to, expected) in [
            ([None, None, None], Some(0)),
            ([None, None, Some(id(1, 4))], Some(5)),
            ([None, None, Some(id(1, 512))], None),
            ([None, None, Some(id(2, 4))], None),
            ([Some(id(2, 4)), None, None], Some(4)),
            ([None, Some(id(1, 4)), None], Some(4)),
            ([Some(id(1, 2)), Some(id(1, 4)), None], Some(4)),
        ] {
            let standing = standing(&block(refers_to), of);
            assert_eq!(standing, expected.map(text), "{refers_to:?}");
        }
    }
}
