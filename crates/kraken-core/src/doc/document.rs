//! The content of one room: a `yrs` document, and the updates that storage has not been given.
//!
//! An update is *recorded* when it comes in, at the cost of a copy, and *integrated* later with its
//! neighbours, bit by bit if that takes long: when somebody joins, or before it is stored. One that
//! refers to what isn't known yet waits, and goes to whoever joins as it is.

use super::allowance::Allowance;
use super::causality::{History, Plan, Progress, Readiness, Waiting};
use super::message::{Malformed, Reader, write_var_bytes};
use super::slice::{SLICE, Slices};
use super::update;
use bytes::Bytes;
use std::collections::VecDeque;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    ClientID, Doc, IdSet, OffsetKind, Options, ReadTxn, StateVector, Transact, TransactionMut,
    Update,
};

/// Distance between the sequence numbers of one stay in memory and the next. A process that died
/// may have left a write under way that comes after its successor has read: its numbers must be
/// nobody else's. No room has as many updates under way.
const GENERATION: u64 = 1 << 24;

/// Updates of typing in one transaction. At its end `yrs` joins neighbours, in time that grows with
/// the square of their number.
const TYPED_TOGETHER: usize = 256;

/// Bytes of typing after which the time is looked at, and those that each update counts for beside
/// its own: after sixteen of them, or one that is large.
const UNTIMED_BYTES: usize = 2_048;
const UPDATE_BYTES: usize = 96;

/// How large the first slice of a document is.
const FIRST_SLICE: usize = 64;

/// How long a slice should take, in microseconds: after a quicker one the next is twice as large,
/// after a slower one half as large.
const SLICE_TIME: std::ops::Range<u64> = 500..2_000;

/// Slices of a document are at most so large that their size times the document's is this. At worst
/// each block is compared with the whole document, and nobody interrupts a slice.
const SLICE_CROSSINGS: u64 = 1 << 20;

/// A document in memory.
pub struct Document {
    doc: Doc,
    history: History,
    waiting: Waiting,
    /// Whether some of those that wait may be ready.
    is_ripe: bool,
    /// Recorded updates, each behind its length.
    fresh: Vec<u8>,
    /// Rows of updates to be integrated before those.
    rows: VecDeque<Row>,
    /// An update of which a part is integrated.
    begun: Option<Begun>,
    /// Bytes of recorded updates that are not integrated.
    fresh_len: usize,
    /// Recorded updates that are integrated, each behind its length.
    segment: Vec<u8>,
    /// How large slices are at the moment.
    pace: usize,
    /// Blocks and deletions that came, of which `doc` has at most as many blocks.
    size: u64,
    /// Sequence number of the last recorded update.
    sequence: u64,
    /// Sequence number of the last update in `doc`.
    integrated_sequence: u64,
    /// `doc` for a client that has nothing, until the next change.
    full_state: Option<Bytes>,
    /// What of `doc` is deleted, until the next change.
    deleted: Option<IdSet>,
    /// Whether some stored bytes did not integrate, so that `doc` is not all there is.
    damaged: bool,
}

/// Updates, each behind its length.
struct Row {
    bytes: Bytes,
    /// Where the next one begins.
    at: usize,
    origin: Origin,
}

/// Where an update comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Storage,
    Client,
    /// It waited for others.
    Waiting,
}

/// An update that is integrated in slices.
struct Begun {
    update: Bytes,
    origin: Origin,
    slices: Slices,
    progress: Progress,
    has_changes: bool,
}

/// Updates that follow each other in one room, as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number of its last update.
    pub sequence: u64,
    /// Each update behind its length as a `varUint`.
    pub data: Bytes,
}

/// A whole document, as it is stored: like a segment, but in place of all before it. Its first
/// update is the state, the others wait for what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Sequence number of the last update in it.
    pub sequence: u64,
    /// Each update behind its length as a `varUint`.
    pub data: Bytes,
}

impl Document {
    /// A document of what is stored, all of which is to be integrated. `client` names this process
    /// as a writer, which it never is.
    pub fn open(client: ClientID, snapshot: Option<&Snapshot>, segments: &[Segment]) -> Self {
        let snapshot = snapshot.map(|snapshot| (snapshot.sequence, &snapshot.data));
        let segments = segments
            .iter()
            .map(|segment| (segment.sequence, &segment.data));
        let stored = || snapshot.into_iter().chain(segments.clone());
        let last = stored().map(|(sequence, _)| sequence).max().unwrap_or(0);
        let sequence = (last / GENERATION + 1) * GENERATION;
        let rows = stored().map(|(_, data)| Row {
            bytes: data.clone(),
            at: 0,
            origin: Origin::Storage,
        });
        let rows = rows.filter(|row| !row.is_empty());
        Self {
            doc: Doc::with_options(Options {
                offset_kind: OffsetKind::Utf16,
                cleanup_formatting: false,
                ..Options::with_client_id(client)
            }),
            history: History::default(),
            waiting: Waiting::default(),
            is_ripe: false,
            fresh: Vec::new(),
            rows: rows.collect(),
            begun: None,
            fresh_len: 0,
            segment: Vec::new(),
            pace: FIRST_SLICE,
            size: 0,
            sequence,
            integrated_sequence: sequence,
            full_state: None,
            deleted: None,
            damaged: false,
        }
    }

    /// The same, integrated.
    pub fn load(client: ClientID, snapshot: Option<&Snapshot>, segments: &[Segment]) -> Self {
        let mut document = Self::open(client, snapshot, segments);
        document.integrate(&mut Allowance::endless());
        document
    }

    /// Records a validated update.
    pub fn record(&mut self, update: &[u8]) {
        write_var_bytes(&mut self.fresh, update);
        self.fresh_len += update.len();
        self.sequence += 1;
    }

    /// Records a validated update unless it is known to change nothing; whether it did. It is for
    /// step 2, which mostly repeats what is known.
    pub fn record_if_news(&mut self, update: &[u8]) -> bool {
        let is_news = !self.is_integrated() || self.is_news(update);
        if is_news {
            self.record(update);
        }
        is_news
    }

    /// Whether a validated update would change anything, as far as the document is integrated.
    pub fn is_news(&mut self, update: &[u8]) -> bool {
        match self.history.readiness(update) {
            Readiness::Missing(_) => !self.waiting.contains(update),
            Readiness::Ready(plan) => {
                self.history.is_behind(&plan.progress) || self.deletes_more(update)
            }
            Readiness::Refused => false,
        }
    }

    /// Whether an update deletes what is there.
    fn deletes_more(&mut self, update: &[u8]) -> bool {
        let Ok(update) = Update::decode_v1(update) else {
            return false;
        };
        let Self { doc, deleted, .. } = self;
        let deleted = deleted.get_or_insert_with(|| doc.transact().snapshot().delete_set);
        !update.delete_set().diff(deleted).is_empty()
    }

    /// Whether all that was recorded or stored is in the document.
    pub fn is_integrated(&self) -> bool {
        self.fresh.is_empty() && self.rows.is_empty() && self.begun.is_none() && !self.is_ripe
    }

    /// Goes on bringing all there is into the document as long as it is allowed to, but by one step
    /// at least; whether all is integrated. The rare update that passes validation but does not
    /// integrate is never stored.
    pub fn integrate(&mut self, allowance: &mut Allowance) -> bool {
        if self.is_integrated() {
            return true;
        }
        if !self.fresh.is_empty() {
            self.rows.push_back(Row {
                bytes: std::mem::take(&mut self.fresh).into(),
                at: 0,
                origin: Origin::Client,
            });
        }
        let doc = self.doc.clone();
        let integration = Integration {
            doc: &doc,
            document: self,
            typing: None,
            typed: 0,
        };
        integration.run(allowance);
        self.is_integrated()
    }

    /// Gives all that is integrated and was not given before, if there is anything.
    pub fn take_segment(&mut self) -> Option<Segment> {
        let data = std::mem::take(&mut self.segment);
        (!data.is_empty()).then(|| Segment {
            sequence: self.integrated_sequence,
            data: data.into(),
        })
    }

    /// Bytes that the next segment will have.
    pub fn segment_len(&self) -> usize {
        self.segment.len()
    }

    /// Bytes of recorded updates that are not integrated.
    pub fn fresh_len(&self) -> usize {
        self.fresh_len
    }

    /// Sequence number of the last recorded update.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Sequence number of the last update that is integrated.
    pub fn integrated_sequence(&self) -> u64 {
        self.integrated_sequence
    }

    /// The encoded state vector of what is integrated.
    pub fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// All that a client with `state_vector` may lack: blocks, the whole delete set, and what
    /// waits for others. One update, or several in the rare case that they can't be merged.
    pub fn diff(&mut self, state_vector: &[u8]) -> Result<Vec<Bytes>, Malformed> {
        let state_vector =
            StateVector::decode_v1(state_vector).map_err(|_| Malformed::StateVector)?;
        let diff = match state_vector.is_empty() {
            true => self.full_state(),
            false => {
                let transaction = self.doc.transact();
                transaction.encode_state_as_update_v1(&state_vector).into()
            }
        };
        if self.waiting.is_empty() {
            return Ok(vec![diff]);
        }
        let all = || std::iter::once(&diff[..]).chain(self.waiting.iter());
        Ok(match yrs::merge_updates_v1(all()) {
            Ok(merged) if update::validate(&merged).is_ok() => vec![merged.into()],
            _ => all().map(Bytes::copy_from_slice).collect(),
        })
    }

    /// All that is integrated; `None` if storage holds bytes that would be lost, as they are not
    /// understood, or not integrated yet. [`Document::snapshot_settled`] says whether it is stored.
    pub fn snapshot(&mut self) -> Option<Snapshot> {
        let is_stored = |origin: Origin| origin != Origin::Client;
        let is_under_way = self.begun.iter().any(|begun| is_stored(begun.origin))
            || self.rows.iter().any(|row| is_stored(row.origin));
        if self.damaged || is_under_way {
            return None;
        }
        if self.history.is_long() {
            self.prepare_to_forget();
        }
        let mut data = Vec::new();
        write_var_bytes(&mut data, &self.full_state());
        for update in self.waiting.iter() {
            write_var_bytes(&mut data, update);
        }
        Some(Snapshot {
            sequence: self.integrated_sequence,
            data: data.into(),
        })
    }

    /// Takes note whether the last snapshot was stored.
    pub fn snapshot_settled(&mut self, is_stored: bool) {
        self.history.forget(is_stored);
    }

    /// Makes that forget, once a snapshot is stored, blocks of which nothing is left.
    pub(crate) fn prepare_to_forget(&mut self) {
        if self.begun.is_none() {
            let state = self.full_state();
            self.history.prepare_to_forget(&state);
        }
    }

    /// Bytes of all that is integrated or waits.
    pub fn encoded_len(&mut self) -> usize {
        let waiting: usize = self.waiting.iter().map(<[u8]>::len).sum();
        self.full_state().len() + waiting
    }

    /// Whether storage held bytes that did not integrate.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    fn full_state(&mut self) -> Bytes {
        let Self {
            doc, full_state, ..
        } = self;
        full_state
            .get_or_insert_with(|| {
                let empty = StateVector::default();
                doc.transact().encode_state_as_update_v1(&empty).into()
            })
            .clone()
    }
}

impl Document {
    /// The next update, and where it comes from.
    fn next(&mut self) -> Option<(Bytes, Origin)> {
        if self.is_ripe {
            if let Some(update) = self.waiting.take(&self.history) {
                return Some((update.into(), Origin::Waiting));
            }
            self.is_ripe = false;
        }
        while let Some(mut row) = self.rows.pop_front() {
            let update = row.next();
            let origin = row.origin;
            if !row.is_empty() {
                self.rows.push_front(row);
            }
            match update {
                Ok(update) => return Some((update, origin)),
                Err(_) => self.damaged = true,
            }
        }
        self.rows = VecDeque::new();
        None
    }

    /// How many blocks and deletions the next slice may have.
    fn slice_size(&self) -> usize {
        let most = SLICE_CROSSINGS / self.size.max(1);
        usize::try_from(most).map_or(self.pace, |most| self.pace.min(most.max(1)))
    }

    /// Learns from the time that a slice took, in microseconds.
    fn keep_pace(&mut self, size: usize, time: u64) {
        if time > SLICE_TIME.end {
            self.pace = (self.pace / 2).max(1);
        } else if time < SLICE_TIME.start && size >= self.pace {
            self.pace = (self.pace * 2).min(SLICE);
        }
    }

    /// Takes note of blocks and deletions that `doc` was given.
    fn has_grown(&mut self, size: usize, has_changes: bool) {
        self.size += size as u64;
        if has_changes {
            self.full_state = None;
            self.deleted = None;
        }
    }

    fn advance(&mut self, progress: Progress, has_changes: bool) {
        self.history.advance(progress);
        self.is_ripe |= has_changes && !self.waiting.is_empty();
    }

    /// Takes note that an update is done with, and whether it is kept.
    fn settle(&mut self, update: &[u8], origin: Origin, is_kept: bool) {
        match origin {
            Origin::Client => {
                self.integrated_sequence += 1;
                self.fresh_len -= update.len();
                if is_kept {
                    write_var_bytes(&mut self.segment, update);
                }
            }
            Origin::Storage => self.damaged |= !is_kept,
            Origin::Waiting => {}
        }
    }
}

impl Row {
    fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn next(&mut self) -> Result<Bytes, Malformed> {
        let mut reader = Reader::new(&self.bytes[self.at..]);
        let update = reader.var_bytes();
        let end = self.bytes.len() - reader.remaining();
        self.at = match update.is_ok() {
            true => end,
            // What comes behind can't be read either.
            false => self.bytes.len(),
        };
        update.map(|update| self.bytes.slice(end - update.len()..end))
    }
}

/// Updates on their way into a document.
struct Integration<'a> {
    doc: &'a Doc,
    document: &'a mut Document,
    /// What typing makes shares a transaction, of which ending costs more than such an update.
    typing: Option<TransactionMut<'a>>,
    /// How many share it.
    typed: usize,
}

/// What was done in one step.
enum Step {
    /// An update of so many bytes was looked at, and integrated if it is one of typing.
    Update(usize),
    /// A slice, as large as slices are at the moment or smaller.
    Slice(usize),
}

impl Integration<'_> {
    fn run(mut self, allowance: &mut Allowance) {
        allowance.begin();
        let mut untimed = 0;
        while let Some(step) = self.step() {
            match step {
                Step::Update(bytes) => {
                    untimed += bytes + UPDATE_BYTES;
                    if untimed < UNTIMED_BYTES {
                        continue;
                    }
                    allowance.spend();
                }
                Step::Slice(size) => self.document.keep_pace(size, allowance.spend()),
            }
            untimed = 0;
            if allowance.is_spent() {
                return;
            }
        }
        allowance.spend();
    }

    /// Goes on with the update that is begun, or with one that has waited, or with the next.
    fn step(&mut self) -> Option<Step> {
        if let Some(begun) = self.document.begun.take() {
            return Some(self.slice(begun));
        }
        let (update, origin) = self.document.next()?;
        Some(self.begin(update, origin))
    }

    fn begin(&mut self, update: Bytes, origin: Origin) -> Step {
        let document = &mut *self.document;
        let is_kept = match document.history.readiness(&update) {
            Readiness::Ready(Plan {
                slices: None,
                progress,
            }) => {
                let is_applied = self.apply_typing(&update);
                if is_applied {
                    self.document.has_grown(1, true);
                    self.document.advance(progress, true);
                }
                is_applied
            }
            Readiness::Ready(Plan {
                slices: Some(slices),
                progress,
            }) => {
                return self.slice(Begun {
                    update,
                    origin,
                    slices,
                    progress,
                    has_changes: false,
                });
            }
            Readiness::Missing(missing) => document.waiting.add(missing, &update),
            Readiness::Refused => false,
        };
        self.document.settle(&update, origin, is_kept);
        Step::Update(update.len())
    }

    /// Hands over an update of one new block; whether it could be integrated.
    fn apply_typing(&mut self, update: &[u8]) -> bool {
        if self.typed == TYPED_TOGETHER {
            self.end_typing();
        }
        self.typed += 1;
        let doc = self.doc;
        let transaction = self.typing.get_or_insert_with(|| doc.transact_mut());
        apply_ready(transaction, update)
    }

    fn end_typing(&mut self) {
        self.typing = None;
        self.typed = 0;
    }

    /// Hands over the next slice of an update, or all of it if it is small enough, in a transaction
    /// of its own.
    fn slice(&mut self, mut begun: Begun) -> Step {
        self.end_typing();
        let most = self.document.slice_size();
        let before = begun.slices.len();
        let (is_applied, has_changes) = match before {
            0 => (true, false),
            _ if begun.slices.is_whole(most) => {
                begun.slices = Slices::default();
                self.apply(&begun.update)
            }
            _ => self.apply(&begun.slices.next(&begun.update, most)),
        };
        let size = before - begun.slices.len();
        self.document.has_grown(size, has_changes);
        begun.has_changes |= has_changes;
        match is_applied {
            true if !begun.slices.is_empty() => self.document.begun = Some(begun),
            true => {
                self.document.advance(begun.progress, begun.has_changes);
                self.document.settle(&begun.update, begun.origin, true);
            }
            false => self.document.settle(&begun.update, begun.origin, false),
        }
        Step::Slice(size)
    }

    /// Hands over an update in a transaction of its own: whether it could be integrated, and whether
    /// it changed anything.
    fn apply(&self, update: &[u8]) -> (bool, bool) {
        let mut transaction = self.doc.transact_mut();
        let is_applied = apply_ready(&mut transaction, update);
        (is_applied, transaction.has_changes())
    }
}

/// Hands an update to `yrs`; whether it could be integrated.
fn apply_ready(transaction: &mut TransactionMut<'_>, update: &[u8]) -> bool {
    Update::decode_v1(update).is_ok_and(|update| transaction.apply_update(update).is_ok())
}

/// A subdocument holds its document, which holds it: neither would ever be freed. Deleting
/// everything lets go of them.
impl Drop for Document {
    fn drop(&mut self) {
        let has_subdocuments = self.doc.transact().subdocs().next().is_some();
        if has_subdocuments {
            let deletion = self.history.deletion();
            apply_ready(&mut self.doc.transact_mut(), &deletion);
        }
    }
}
