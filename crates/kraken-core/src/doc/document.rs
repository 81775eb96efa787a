//! The content of one room: a `yrs` document, and the updates that storage has not been given.
//!
//! An update is *recorded* when it comes in, at the cost of a copy into the open segment, and
//! *integrated* later with its neighbours, when somebody joins or the segment is taken. One that
//! refers to what isn't known yet waits, and goes to whoever joins as it is.

use super::causality::{History, Plan, Readiness, Waiting};
use super::message::{Malformed, Reader, write_var_bytes};
use super::update;
use bytes::Bytes;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    ClientID, Doc, OffsetKind, Options, ReadTxn, StateVector, Transact, TransactionMut, Update,
};

/// Distance between the sequence numbers of one stay in memory and the next. A process that died
/// may have left a write under way that comes after its successor has read: its numbers must be
/// nobody else's. No room has as many updates under way.
const GENERATION: u64 = 1 << 24;

/// Updates of typing in one transaction. At its end `yrs` joins neighbours, in time that grows with
/// the square of their number.
const TYPED_TOGETHER: usize = 256;

/// A document in memory.
pub struct Document {
    doc: Doc,
    history: History,
    waiting: Waiting,
    /// Recorded updates, each behind its length.
    segment: Vec<u8>,
    /// How much of the segment is in `doc`.
    integrated: usize,
    /// Sequence number of the last recorded update.
    sequence: u64,
    /// Sequence number of the last update in `doc`.
    integrated_sequence: u64,
    /// `doc` for a client that has nothing, until the next change.
    full_state: Option<Bytes>,
    /// Whether some stored bytes did not integrate, so that `doc` is not all there is.
    damaged: bool,
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

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applied {
    /// The document is another now.
    Changed,
    /// All of it was known.
    Known,
    /// It waits for others.
    Waits,
    /// It can't be integrated, ever.
    Refused,
}

impl Document {
    /// Builds the document from what is stored. `client` names this process as a writer, which
    /// it never is.
    pub fn load(client: ClientID, snapshot: Option<&Snapshot>, segments: &[Segment]) -> Self {
        let mut document = Self {
            doc: Doc::with_options(Options {
                offset_kind: OffsetKind::Utf16,
                cleanup_formatting: false,
                ..Options::with_client_id(client)
            }),
            history: History::default(),
            waiting: Waiting::default(),
            segment: Vec::new(),
            integrated: 0,
            sequence: 0,
            integrated_sequence: 0,
            full_state: None,
            damaged: false,
        };
        let snapshot = snapshot.map(|snapshot| (snapshot.sequence, &snapshot.data));
        let segments = segments
            .iter()
            .map(|segment| (segment.sequence, &segment.data));
        for (sequence, data) in snapshot.into_iter().chain(segments) {
            document.sequence = document.sequence.max(sequence);
            document.damaged |= document.apply_all(data, |_| ()) > 0;
        }
        document.sequence = (document.sequence / GENERATION + 1) * GENERATION;
        document.integrated_sequence = document.sequence;
        document
    }

    /// Adds a validated update to the open segment.
    pub fn record(&mut self, update: &[u8]) {
        write_var_bytes(&mut self.segment, update);
        self.sequence += 1;
    }

    /// Adds a validated update if it changes anything; whether it did. Costs an integration, so
    /// it is for step 2, which mostly repeats what is known.
    pub fn record_if_news(&mut self, update: &[u8]) -> bool {
        self.integrate();
        match self.apply(update) {
            Applied::Changed | Applied::Waits => {}
            Applied::Known | Applied::Refused => return false,
        }
        self.record(update);
        self.integrated = self.segment.len();
        self.integrated_sequence = self.sequence;
        true
    }

    /// Whether a validated update would change anything. Costs an integration of what is
    /// recorded, and a look at all deletions.
    pub fn is_news(&mut self, update: &[u8]) -> bool {
        self.integrate();
        match self.history.readiness(update) {
            Readiness::Missing(_) => !self.waiting.contains(update),
            Readiness::Ready(plan) => self.history.is_behind(&plan) || self.deletes_more(update),
            Readiness::Refused => false,
        }
    }

    /// Whether an update deletes what is there.
    fn deletes_more(&self, update: &[u8]) -> bool {
        let Ok(update) = Update::decode_v1(update) else {
            return false;
        };
        let deleted = self.doc.transact().snapshot().delete_set;
        !update.delete_set().diff(&deleted).is_empty()
    }

    /// Brings all recorded updates into the document. The rare one that passes validation but
    /// does not integrate leaves the segment, so that it is never stored.
    pub fn integrate(&mut self) {
        if self.integrated == self.segment.len() {
            return;
        }
        let segment = std::mem::take(&mut self.segment);
        let (done, fresh) = segment.split_at(self.integrated);
        let mut kept = Vec::new();
        let refused = self.apply_all(fresh, |update| write_var_bytes(&mut kept, update));
        self.segment = match refused {
            0 => segment,
            _ => [done, &kept].concat(),
        };
        self.integrated = self.segment.len();
        self.integrated_sequence = self.sequence;
    }

    /// Ends the open segment and gives it, if it holds anything. It is integrated before: bytes
    /// that would kill the process do so before they are stored.
    pub fn take_segment(&mut self) -> Option<Segment> {
        self.integrate();
        self.integrated = 0;
        let data = std::mem::take(&mut self.segment);
        (!data.is_empty()).then(|| Segment {
            sequence: self.sequence,
            data: data.into(),
        })
    }

    /// Bytes in the open segment.
    pub fn segment_len(&self) -> usize {
        self.segment.len()
    }

    /// Bytes of the open segment that are not integrated.
    pub fn fresh_len(&self) -> usize {
        self.segment.len() - self.integrated
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

    /// All that is integrated; `None` if storage holds bytes that are not understood and would
    /// be lost.
    pub fn snapshot(&mut self) -> Option<Snapshot> {
        if self.damaged {
            return None;
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

    /// Applies the updates of a segment, tells each that was taken, and counts those that were
    /// not.
    fn apply_all(&mut self, segment: &[u8], mut taken: impl FnMut(&[u8])) -> usize {
        self.with_integration(|integration| {
            let mut refused = 0;
            for update in updates(segment) {
                match update.map(|update| (update, integration.apply(update))) {
                    Ok((update, Applied::Changed | Applied::Known | Applied::Waits)) => {
                        taken(update);
                    }
                    Ok((_, Applied::Refused)) | Err(_) => refused += 1,
                }
            }
            refused
        })
    }

    /// Integrates one update if it is ready, and then those that waited for it.
    fn apply(&mut self, update: &[u8]) -> Applied {
        self.with_integration(|integration| integration.apply(update))
    }

    fn with_integration<T>(&mut self, work: impl FnOnce(&mut Integration<'_>) -> T) -> T {
        let mut integration = Integration {
            doc: &self.doc,
            history: &mut self.history,
            waiting: &mut self.waiting,
            typing: None,
            typed: 0,
            has_changed: false,
        };
        let outcome = work(&mut integration);
        if integration.has_changed {
            self.full_state = None;
        }
        outcome
    }
}

/// Updates on their way into a document.
struct Integration<'a> {
    doc: &'a Doc,
    history: &'a mut History,
    waiting: &'a mut Waiting,
    /// What typing makes shares a transaction, of which ending costs more than such an update.
    typing: Option<TransactionMut<'a>>,
    /// How many share it.
    typed: usize,
    has_changed: bool,
}

impl Integration<'_> {
    /// Integrates one update if it is ready, and then those that waited for it.
    fn apply(&mut self, update: &[u8]) -> Applied {
        let applied = self.apply_one(update);
        if applied == Applied::Changed {
            // One after the other: a thousand may wait in a row.
            while let Some(update) = self.waiting.take(self.history) {
                self.apply_one(&update);
            }
        }
        applied
    }

    fn apply_one(&mut self, update: &[u8]) -> Applied {
        let plan = match self.history.readiness(update) {
            Readiness::Ready(plan) => plan,
            Readiness::Refused => return Applied::Refused,
            Readiness::Missing(missing) => {
                return match self.waiting.add(missing, update) {
                    true => Applied::Waits,
                    false if self.waiting.contains(update) => Applied::Known,
                    false => Applied::Refused,
                };
            }
        };
        let changed = match &plan {
            Plan::Next { .. } => self.apply_typing(update).then_some(true),
            Plan::Any { slices, .. } => self.apply_any(update, slices),
        };
        let Some(changed) = changed else {
            return Applied::Refused;
        };
        self.history.advance(plan);
        self.has_changed |= changed;
        match changed {
            true => Applied::Changed,
            false => Applied::Known,
        }
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

    /// Hands over an update, or its slices, each in a transaction of its own; whether anything
    /// changed, `None` if it can't be integrated.
    fn apply_any(&mut self, update: &[u8], slices: &[Vec<u8>]) -> Option<bool> {
        self.end_typing();
        let whole = slices.is_empty().then_some(update);
        let mut changed = false;
        for slice in whole.into_iter().chain(slices.iter().map(Vec::as_slice)) {
            let mut transaction = self.doc.transact_mut();
            if !apply_ready(&mut transaction, slice) {
                return None;
            }
            changed |= transaction.has_changes();
        }
        Some(changed)
    }

    fn end_typing(&mut self) {
        self.typing = None;
        self.typed = 0;
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

fn updates(segment: &[u8]) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    let mut reader = Reader::new(segment);
    std::iter::from_fn(move || {
        (reader.remaining() > 0).then(|| {
            let update = reader.var_bytes();
            if update.is_err() {
                reader = Reader::new(&[]);
            }
            update
        })
    })
}
