//! Document updates.

use crate::doc::message::Reader;
use crate::doc::update::{Block, Id, Visitor};
use crate::doc::{Allowance, Document, update};
use std::cell::Cell;
use yrs::updates::decoder::Decode;
use yrs::{ClientID, ID, IdSet, StateVector, Update};

/// What a walk sees of an update.
#[derive(Default)]
struct Seen {
    client: u64,
    clock: u64,
    inserted: IdSet,
    deleted: IdSet,
}

impl Visitor for Seen {
    fn section(&mut self, first: Id) {
        (self.client, self.clock) = (first.client, first.clock);
    }

    fn block(&mut self, block: Block) {
        // Those without content, which early `yrs` wrote, are left out when an update is read.
        if !block.is_gap && block.length > 0 {
            self.inserted
                .insert(id(self.client, self.clock), block.length as u32);
        }
        self.clock += block.length;
    }

    fn deletion(&mut self, from: Id, length: u64) {
        self.deleted
            .insert(id(from.client, from.clock), length as u32);
    }
}

fn id(client: u64, clock: u64) -> ID {
    ID::new(ClientID::new(client), clock as u32)
}

/// What was validated must be what `yrs` integrates.
///
/// # Panics
/// If `yrs` reads something else in it.
pub fn assert_read_alike(bytes: &[u8]) {
    let mut seen = Seen::default();
    let is_walked = update::walk(bytes, &mut seen).is_ok();
    assert!(is_walked, "it was validated");
    if let Ok(update) = Update::decode_v1(bytes) {
        assert_eq!(update.insertions(true), seen.inserted);
        // Ranges that overlap stay as they are.
        let mut deleted = IdSet::default();
        for (&client, ranges) in update.delete_set().iter() {
            for range in ranges.iter() {
                deleted.insert(ID::new(client, range.start), range.end - range.start);
            }
        }
        assert_eq!(deleted, seen.deleted);
    }
}

/// Each look at it takes so long that slices become as small as they can be, and are few in a turn.
pub fn slow_stopwatch() -> u64 {
    thread_local! {
        static SHOWN: Cell<u64> = const { Cell::new(0) };
    }
    SHOWN.set(SHOWN.get() + 3_000);
    SHOWN.get()
}

/// Records a row of updates, each behind its length, and integrates them bit by bit; now and then a
/// snapshot is stored. Whatever is stored makes the same document again.
pub fn updates(data: &[u8]) {
    let mut document = Document::load(ClientID::new(1), None, &[]);
    let mut stored = None;
    let mut segments = Vec::new();
    let mut reader = Reader::new(data);
    let mut turn = 0;
    while let Ok(bytes) = reader.var_bytes() {
        if update::validate(bytes).is_ok() {
            assert_read_alike(bytes);
            turn += 1;
            match turn % 4 {
                0 => {
                    document.integrate(&mut Allowance::new(slow_stopwatch));
                    document.record_if_news(bytes);
                }
                2 => {
                    document.record(bytes);
                    segments.extend(document.take_segment());
                    if let Some(snapshot) = document.snapshot() {
                        stored = Some(snapshot);
                        segments.clear();
                        document.prepare_to_forget();
                    }
                }
                3 => {
                    document.record(bytes);
                    document.snapshot_settled(true);
                }
                _ => document.record(bytes),
            }
        }
        if reader.remaining() == 0 {
            break;
        }
    }
    while !document.integrate(&mut Allowance::new(slow_stopwatch)) {}
    segments.extend(document.take_segment());
    let known = document.state_vector();
    let _ = document.diff(&known);
    let snapshot = document.snapshot();
    for (snapshot, segments) in [
        (stored.as_ref(), segments.as_slice()),
        (snapshot.as_ref(), &[]),
        (snapshot.as_ref(), &segments),
    ] {
        let mut loaded = Document::load(ClientID::new(2), snapshot, segments);
        let state = |bytes: &[u8]| StateVector::decode_v1(bytes).ok();
        assert_eq!(state(&loaded.state_vector()), state(&known));
        let _ = loaded.diff(&[0]);
    }
}
