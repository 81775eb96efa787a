//! Which updates can be integrated now.
//!
//! An update may refer to history that hasn't come yet. `yrs` has ways to deal with that, but an
//! update made to harm can lead them astray, up to memory that isn't its own. So it is given only
//! updates whose every reference is known and that continue each client's history without a gap;
//! the others wait here, as the bytes they are.

use super::message::write_var_uint;
use super::nesting::{self, Nesting, Standing};
use super::slice::{Piece, Slices};
use super::update::{self, Block, Id, Visitor};
use std::collections::BTreeMap;

/// Updates of one room that may wait for others, and their bytes.
const MAX_WAITING: (usize, usize) = (1_024, 16 << 20);

/// How long a nesting may be before any of it is forgotten.
const SHORT_NESTING: usize = 4_096;

/// The most ranges of history that typing deletes.
const TYPED_OVER: u32 = 16;

/// What has been integrated of each client's history: a prefix of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    clocks: BTreeMap<u64, u64>,
    nesting: Nesting,
    /// What is enough of `nesting` once the snapshot that was taken last is stored.
    shorter: Option<Nesting>,
    /// How long `nesting` was when it was last shortened.
    shortest: usize,
}

/// Whether an update can be integrated.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Everything it refers to is known.
    Ready(Plan),
    /// This isn't known yet.
    Missing(Missing),
    /// It can't be integrated, ever: types would be nested too deeply, or be none.
    Refused,
}

/// The first thing that an update lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    client: u64,
    clock: u64,
}

/// How an update is integrated.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The update to be cut; `None` if it is one of typing, which goes in as it is.
    pub(super) slices: Option<Slices>,
    pub(super) progress: Progress,
}

/// How far the history is once an update is integrated.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// By one block, right behind what is known of its client.
    Next {
        from: Id,
        end: u64,
        standing: Standing,
    },
    /// In any other way.
    Any {
        ends: Vec<(u64, u64)>,
        nesting: Nesting,
    },
}

/// Why an update has no plan.
enum Obstacle {
    Missing(Missing),
    /// A block can't be where it is.
    Misplaced,
}

impl From<Missing> for Obstacle {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl History {
    /// Checks a validated update against the history.
    pub(super) fn readiness(&self, update: &[u8]) -> Readiness {
        match Typing::plan(self, update) {
            Some(plan) => Readiness::Ready(plan),
            None => self.readiness_of_any(update),
        }
    }

    fn readiness_of_any(&self, update: &[u8]) -> Readiness {
        let mut structure = Structure::default();
        if update::walk(update, &mut structure).is_err() {
            // Not validated: nothing can ever be known of it.
            let never = Missing {
                client: u64::MAX,
                clock: u64::MAX,
            };
            return Readiness::Missing(never);
        }
        match structure.integrate(self) {
            Ok(plan) => Readiness::Ready(plan),
            Err(Obstacle::Missing(missing)) => {
                // Else it would be taken from those that wait again and again.
                debug_assert!(!self.knows(missing), "what is missing isn't known");
                Readiness::Missing(missing)
            }
            Err(Obstacle::Misplaced) => Readiness::Refused,
        }
    }

    /// Takes note that an update was integrated.
    pub(super) fn advance(&mut self, progress: Progress) {
        match progress {
            Progress::Next {
                from,
                end,
                standing,
            } => {
                self.clocks.insert(from.client, end);
                for nesting in self.nestings() {
                    nesting.note(from, standing);
                }
            }
            Progress::Any { ends, nesting } => {
                for (client, end) in ends {
                    // Who has no content takes no place.
                    if end > self.clock(client) {
                        self.clocks.insert(client, end);
                    }
                }
                for known in self.nestings() {
                    known.extend(&nesting);
                }
            }
        }
    }

    fn nestings(&mut self) -> impl Iterator<Item = &mut Nesting> {
        std::iter::once(&mut self.nesting).chain(&mut self.shorter)
    }

    /// Whether much of it may be about blocks of which nothing is left.
    pub(super) fn is_long(&self) -> bool {
        self.nesting.len() >= SHORT_NESTING.max(2 * self.shortest)
    }

    /// Prepares to forget blocks of which nothing is left in `state`: all that is integrated, as
    /// one update.
    pub(super) fn prepare_to_forget(&mut self, state: &[u8]) {
        if let Readiness::Ready(plan) = Self::default().readiness_of_any(state) {
            let mut history = Self::default();
            history.advance(plan.progress);
            debug_assert_eq!(history.clocks, self.clocks);
            self.shorter = Some(history.nesting);
        }
    }

    /// Forgets them if that state `is_stored`. Before, it might be told again from what was stored
    /// earlier, and that be refused which was let in since.
    pub(super) fn forget(&mut self, is_stored: bool) {
        if let Some(nesting) = self.shorter.take()
            && is_stored
        {
            self.shortest = nesting.len();
            self.nesting = nesting;
        }
    }

    /// Whether an update leads further than what is integrated.
    pub(super) fn is_behind(&self, progress: &Progress) -> bool {
        match progress {
            Progress::Next { from, end, .. } => *end > self.clock(from.client),
            Progress::Any { ends, .. } => {
                ends.iter().any(|&(client, end)| end > self.clock(client))
            }
        }
    }

    /// An update that deletes everything.
    pub(super) fn deletion(&self) -> Vec<u8> {
        let mut update = vec![0];
        write_var_uint(&mut update, self.clocks.len() as u64);
        for (&client, &clock) in &self.clocks {
            for number in [client, 1, 0, clock] {
                write_var_uint(&mut update, number);
            }
        }
        update
    }

    fn clock(&self, client: u64) -> u64 {
        self.clocks.get(&client).copied().unwrap_or(0)
    }

    fn knows(&self, missing: Missing) -> bool {
        self.clock(missing.client) > missing.clock
    }
}

/// Updates that wait for others, by their bytes, so that one is found among large ones that begin
/// alike.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    updates: BTreeMap<Box<[u8]>, Missing>,
    bytes: usize,
}

impl Waiting {
    /// Lets an update wait, as it may do already. `false` if there is no room for it.
    pub(super) fn add(&mut self, missing: Missing, update: &[u8]) -> bool {
        if self.contains(update) {
            return true;
        }
        let (count, bytes) = MAX_WAITING;
        let fits = self.updates.len() < count && self.bytes + update.len() <= bytes;
        if fits {
            self.bytes += update.len();
            self.updates.insert(update.into(), missing);
        }
        fits
    }

    /// Whether an update waits.
    pub(super) fn contains(&self, update: &[u8]) -> bool {
        self.updates.contains_key(update)
    }

    /// Takes an update that may be ready now.
    pub(super) fn take(&mut self, history: &History) -> Option<Box<[u8]>> {
        let (update, _) = self
            .updates
            .extract_if(.., |_, missing| history.knows(*missing))
            .next()?;
        self.bytes -= update.len();
        Some(update)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.updates.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.updates.keys().map(|update| &**update)
    }
}

/// Sees whether an update is what typing makes: one block behind the known history of its client,
/// and few deletions of what is known. Nearly all are, and for them nothing has to be gathered.
struct Typing<'a> {
    history: &'a History,
    client: Option<Id>,
    block: Option<Progress>,
    deletions: u32,
    is_other: bool,
}

impl<'a> Typing<'a> {
    fn plan(history: &'a History, update: &[u8]) -> Option<Plan> {
        const ONE_BLOCK_OF_ONE_CLIENT: [u8; 2] = [1, 1];
        if !update.starts_with(&ONE_BLOCK_OF_ONE_CLIENT) {
            return None;
        }
        let mut typing = Self {
            history,
            client: None,
            block: None,
            deletions: 0,
            is_other: false,
        };
        update::walk(update, &mut typing).ok()?;
        let progress = typing.block.filter(|_| !typing.is_other)?;
        Some(Plan {
            slices: None,
            progress,
        })
    }

    fn next(&self, block: &Block) -> Option<Progress> {
        let from = self.client?;
        let mut known = block.refers_to.iter().flatten();
        let is_empty = block.is_gap || block.length == 0;
        if is_empty || !known.all(|id| id.clock < self.history.clock(id.client)) {
            return None;
        }
        Some(Progress::Next {
            from,
            end: from.clock + block.length,
            standing: nesting::standing(block, |id| self.history.nesting.of(id))?,
        })
    }
}

impl Visitor for Typing<'_> {
    fn section(&mut self, first: Id) {
        self.is_other |= first.clock != self.history.clock(first.client);
        self.client = Some(first);
    }

    fn block(&mut self, block: Block) {
        self.block = self.next(&block);
    }

    fn deletion(&mut self, from: Id, length: u64) {
        self.deletions += 1;
        self.is_other |=
            self.deletions > TYPED_OVER || from.clock + length > self.history.clock(from.client);
    }
}

/// The structure of an update, flat: sections hold blocks, blocks refer to ids.
#[derive(Default)]
struct Structure {
    sections: Vec<Section>,
    /// Where in `sections` a client is.
    by_client: BTreeMap<u64, usize>,
    blocks: Vec<Block>,
    deletions: Vec<(Id, u64)>,
    /// The blocks as they are integrated.
    order: Vec<Piece>,
    /// How those stand that aren't known yet.
    nesting: Nesting,
}

struct Section {
    client: u64,
    /// Where its history is taken up.
    first: u64,
    /// The clock behind what has been integrated of it.
    clock: u64,
    next_block: usize,
    end_block: usize,
    is_begun: bool,
    /// Whether blocks before it are to be integrated first.
    is_waiting: bool,
}

impl Visitor for Structure {
    fn section(&mut self, first: Id) {
        self.by_client.insert(first.client, self.sections.len());
        self.sections.push(Section {
            client: first.client,
            first: first.clock,
            clock: first.clock,
            next_block: self.blocks.len(),
            end_block: self.blocks.len(),
            is_begun: false,
            is_waiting: false,
        });
    }

    fn block(&mut self, block: Block) {
        self.blocks.push(block);
        if let Some(section) = self.sections.last_mut() {
            section.end_block += 1;
        }
    }

    fn deletion(&mut self, from: Id, length: u64) {
        self.deletions.push((from, length));
    }
}

impl Structure {
    /// Goes through the blocks as their integration will, each after what it refers to.
    fn integrate(mut self, history: &History) -> Result<Plan, Obstacle> {
        for index in 0..self.sections.len() {
            self.integrate_section(index, history)?;
        }
        for (from, length) in &self.deletions {
            let last = Missing {
                client: from.client,
                clock: from.clock + length - 1,
            };
            if self.clock(last.client, history) <= last.clock {
                return Err(last.into());
            }
        }
        let ends = self
            .sections
            .iter()
            .map(|section| (section.client, section.clock));
        let progress = Progress::Any {
            ends: ends.collect(),
            nesting: self.nesting,
        };
        Ok(Plan {
            slices: Some(Slices::new(self.blocks.len(), self.order, self.deletions)),
            progress,
        })
    }

    /// Integrates a section, and before each block as much of the others as it refers to.
    fn integrate_section(&mut self, index: usize, history: &History) -> Result<(), Obstacle> {
        let mut stack = vec![(index, u64::MAX)];
        self.sections[index].is_waiting = true;
        while let Some(&(top, goal)) = stack.last() {
            match self.next_step(top, goal, history)? {
                Step::Done => {
                    self.sections[top].is_waiting = false;
                    stack.pop();
                }
                Step::Needs(other, clock) => {
                    let needed = &mut self.sections[other];
                    // All below wait for the top: what it needs of them won't come.
                    if needed.is_waiting {
                        let client = needed.client;
                        return Err(Missing { client, clock }.into());
                    }
                    needed.is_waiting = true;
                    stack.push((other, clock));
                }
            }
        }
        Ok(())
    }

    /// Integrates a section's blocks until it is past `goal`, at its end, or needs another section.
    fn next_step(&mut self, index: usize, goal: u64, history: &History) -> Result<Step, Obstacle> {
        let section = &mut self.sections[index];
        let client = section.client;
        if !section.is_begun {
            section.is_begun = true;
            let known = history.clock(client);
            if section.first > known {
                return Err(Obstacle::Missing(Missing {
                    client,
                    clock: section.first - 1,
                }));
            }
        }
        loop {
            let section = &self.sections[index];
            if section.next_block == section.end_block || section.clock > goal {
                return Ok(Step::Done);
            }
            let clock = section.clock;
            let known = history.clock(client);
            let block = &self.blocks[section.next_block];
            if block.is_gap {
                let end = clock + block.length;
                if end > known {
                    let clock = end - 1;
                    return Err(Missing { client, clock }.into());
                }
                // What isn't in this update has come by another.
                let section = &mut self.sections[index];
                section.clock = end;
                section.next_block += 1;
                continue;
            }
            for id in block.refers_to.into_iter().flatten() {
                let reached = match id.client == client {
                    true => clock.max(known),
                    false => self.clock(id.client, history),
                };
                if id.clock < reached {
                    continue;
                }
                let missing = Missing {
                    client: id.client,
                    clock: id.clock,
                };
                return match self.section_with(id) {
                    Some(other) if other != index => Ok(Step::Needs(other, id.clock)),
                    _ => Err(missing.into()),
                };
            }
            let length = block.length;
            if (clock + 1..clock + length).contains(&known) {
                let last = Id {
                    client,
                    clock: known - 1,
                };
                self.blocks[section.next_block].continue_behind(last);
            }
            let block = &self.blocks[section.next_block];
            let standing = nesting::standing(block, |id| self.standing(id, history));
            let standing = standing.ok_or(Obstacle::Misplaced)?;
            if clock + length > known {
                let from = Id {
                    client,
                    clock: clock.max(known),
                };
                self.nesting.note(from, standing);
                self.order.push(Piece {
                    from,
                    known: known.saturating_sub(clock),
                    end: clock + length,
                    bytes: block.bytes.clone(),
                });
            }
            let section = &mut self.sections[index];
            section.clock += length;
            section.next_block += 1;
        }
    }

    /// How a block stands that is known, or that has been integrated of this update.
    fn standing(&self, id: Id, history: &History) -> Standing {
        match id.clock < history.clock(id.client) {
            true => history.nesting.of(id),
            false => self.nesting.of(id),
        }
    }

    /// How far a client's history is, with what has been integrated of this update.
    fn clock(&self, client: u64, history: &History) -> u64 {
        let known = history.clock(client);
        let section = self
            .by_client
            .get(&client)
            .map(|&index| &self.sections[index]);
        let begun = section.filter(|section| section.is_begun);
        begun.map_or(known, |section| known.max(section.clock))
    }

    /// The section that may reach an id.
    fn section_with(&self, id: Id) -> Option<usize> {
        let index = *self.by_client.get(&id.client)?;
        let section = &self.sections[index];
        (section.next_block < section.end_block).then_some(index)
    }
}

enum Step {
    Done,
    /// This section has to be past this clock first.
    Needs(usize, u64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use yrs::updates::decoder::Decode;
    use yrs::{Doc, Map, MapPrelim, MapRef, ReadTxn, StateVector, Text, Transact, Update};

    fn edits(client: u64, count: u32) -> Vec<Vec<u8>> {
        let doc = Doc::with_client_id(client);
        let text = doc.get_or_insert_text("t");
        let edit = |index| {
            let mut transaction = doc.transact_mut();
            text.insert(&mut transaction, index, "a");
            transaction.encode_update_v1()
        };
        (0..count).map(edit).collect()
    }

    #[test]
    fn an_update_is_ready_once_its_predecessor_is_known() {
        let edits = edits(7, 2);
        let mut history = History::default();
        assert!(matches!(
            history.readiness(&edits[1]),
            Readiness::Missing(_)
        ));
        let Readiness::Ready(plan) = history.readiness(&edits[0]) else {
            panic!("the first is ready");
        };
        history.advance(plan.progress);
        assert!(matches!(history.readiness(&edits[1]), Readiness::Ready(_)));
        assert!(matches!(history.readiness(&edits[0]), Readiness::Ready(_)));
    }

    /// What two people make who type, delete, and nest shared types in each other.
    fn session(turns: u64) -> Vec<Vec<u8>> {
        let docs = [1, 2].map(Doc::with_client_id);
        let mut updates = Vec::new();
        for turn in 0..turns {
            let (doc, other) = match turn % 3 {
                0 => (&docs[0], &docs[1]),
                _ => (&docs[1], &docs[0]),
            };
            let (text, map) = (doc.get_or_insert_text("t"), doc.get_or_insert_map("m"));
            let mut transaction = doc.transact_mut();
            let length = text.len(&transaction);
            match turn % 7 {
                0..3 => text.insert(&mut transaction, (turn * 5) as u32 % (length + 1), "ab"),
                3 if length > 3 => text.remove_range(&mut transaction, length / 2, 2),
                4 => {
                    map.insert(&mut transaction, "k", MapPrelim::from([("n", turn as i64)]));
                }
                5 => {
                    let inner = map.get(&transaction, "k");
                    if let Some(inner) = inner.and_then(|inner| inner.cast::<MapRef>().ok()) {
                        inner.insert(&mut transaction, "n", turn as i64);
                    }
                }
                _ => {
                    map.insert(&mut transaction, "v", turn as i64);
                }
            }
            let update = transaction.encode_update_v1();
            drop(transaction);
            let mut transaction = other.transact_mut();
            let copy = Update::decode_v1(&update).unwrap();
            transaction.apply_update(copy).unwrap();
            updates.push(update);
        }
        updates
    }

    #[test]
    fn an_update_of_typing_is_planned_as_any_other_would_be() {
        let (mut history, mut plain) = (History::default(), History::default());
        let mut typed = 0;
        for update in session(200) {
            let (plan, any) = (history.readiness(&update), plain.readiness_of_any(&update));
            let (Readiness::Ready(plan), Readiness::Ready(any)) = (plan, any) else {
                panic!("it is in order");
            };
            typed += u32::from(plan.slices.is_none());
            history.advance(plan.progress);
            plain.advance(any.progress);
            assert_eq!(history, plain);
        }
        assert!(typed > 100, "{typed}");
    }

    #[test]
    fn an_update_of_typing_that_comes_too_early_is_not_ready() {
        let updates = session(60);
        for skipped in 0..updates.len() {
            let (mut history, mut plain) = (History::default(), History::default());
            for (index, update) in updates.iter().enumerate() {
                if index == skipped {
                    continue;
                }
                match (history.readiness(update), plain.readiness_of_any(update)) {
                    (Readiness::Ready(plan), Readiness::Ready(any)) => {
                        history.advance(plan.progress);
                        plain.advance(any.progress);
                    }
                    (fast, slow) => assert_eq!(fast, slow),
                }
                assert_eq!(history, plain);
            }
        }
    }

    #[test]
    fn two_sections_that_refer_to_each_other_are_never_ready() {
        // Two clients, one block each; each block's left origin is the other's first.
        let update = [
            2, 1, 2, 0, 0x84, 1, 0, 1, b'a', 1, 1, 0, 0x84, 2, 0, 1, b'b', 0,
        ];
        assert_eq!(update::validate(&update), Ok(true));
        assert!(matches!(
            History::default().readiness(&update),
            Readiness::Missing(_)
        ));
    }

    #[test]
    fn sections_that_refer_to_each_other_in_turn_are_ready() {
        let (one, other) = (Doc::with_client_id(1), Doc::with_client_id(2));
        for turn in 0..6 {
            let (author, reader) = if turn % 2 == 0 {
                (&one, &other)
            } else {
                (&other, &one)
            };
            let text = author.get_or_insert_text("t");
            let mut transaction = author.transact_mut();
            let middle = text.len(&transaction) / 2;
            text.insert(&mut transaction, middle, "ab");
            let update = Update::decode_v1(&transaction.encode_update_v1()).unwrap();
            reader.transact_mut().apply_update(update).unwrap();
        }
        let state = one
            .transact()
            .encode_state_as_update_v1(&StateVector::default());
        assert!(matches!(
            History::default().readiness(&state),
            Readiness::Ready(_)
        ));
    }

    #[test]
    fn a_large_update_is_cut_into_slices_that_are_ready_one_after_the_other() {
        let (one, other) = (Doc::with_client_id(1), Doc::with_client_id(2));
        for turn in 0..3_000 {
            let (author, reader) = match turn % 300 < 150 {
                true => (&one, &other),
                false => (&other, &one),
            };
            let text = author.get_or_insert_text("t");
            let mut transaction = author.transact_mut();
            text.insert(&mut transaction, 0, "a");
            if turn % 7 == 0 {
                text.remove_range(&mut transaction, 0, 1);
            }
            let update = Update::decode_v1(&transaction.encode_update_v1()).unwrap();
            reader.transact_mut().apply_update(update).unwrap();
        }
        let state = one
            .transact()
            .encode_state_as_update_v1(&StateVector::default());
        let mut history = History::default();
        let Readiness::Ready(plan) = history.readiness(&state) else {
            panic!("a whole state is ready");
        };
        let mut slices = plan.slices.expect("it is large");
        assert!(slices.len() > 3_000, "{} pieces", slices.len());
        let copy = Doc::with_client_id(3);
        for most in (1..).step_by(7) {
            if slices.is_empty() {
                break;
            }
            let before = slices.len();
            let slice = slices.next(&state, most);
            assert!((1..=most).contains(&(before - slices.len())));
            assert_eq!(update::validate(&slice), Ok(true));
            let Readiness::Ready(of_slice) = history.readiness(&slice) else {
                panic!("a slice is ready after those before it");
            };
            history.advance(of_slice.progress);
            let update = Update::decode_v1(&slice).unwrap();
            copy.transact_mut().apply_update(update).unwrap();
        }
        let copied = copy
            .transact()
            .encode_state_as_update_v1(&StateVector::default());
        assert_eq!(copied, state);
    }

    #[test]
    fn an_update_with_a_gap_is_ready_once_others_have_filled_it() {
        let edits = edits(7, 3);
        let with_gap = yrs::merge_updates_v1([&edits[0], &edits[2]]).unwrap();
        let mut history = History::default();
        let mut waiting = Waiting::default();
        let Readiness::Missing(missing) = history.readiness(&with_gap) else {
            panic!("the second edit is missing");
        };
        assert!(waiting.add(missing, &with_gap));
        for edit in &edits[..2] {
            assert_eq!(waiting.take(&history), None);
            let Readiness::Ready(plan) = history.readiness(edit) else {
                panic!("it is in order");
            };
            history.advance(plan.progress);
        }
        let update = waiting.take(&history).unwrap();
        let Readiness::Ready(plan) = history.readiness(&update) else {
            panic!("nothing is missing");
        };
        let mut slices = plan.slices.expect("it is no typing");
        assert_eq!(slices.next(&update, 10), edits[2]);
        assert!(slices.is_empty());
    }

    #[test]
    fn what_waits_is_taken_when_it_may_be_ready_and_waits_once() {
        let edits = edits(7, 2);
        let mut history = History::default();
        let mut waiting = Waiting::default();
        let Readiness::Missing(missing) = history.readiness(&edits[1]) else {
            panic!("the second waits");
        };
        assert!(waiting.add(missing, &edits[1]));
        assert!(waiting.add(missing, &edits[1]));
        assert_eq!(waiting.take(&history), None);
        if let Readiness::Ready(plan) = history.readiness(&edits[0]) {
            history.advance(plan.progress);
        }
        assert_eq!(waiting.take(&history).as_deref(), Some(&edits[1][..]));
        assert_eq!(waiting.take(&history), None);
    }
}
