//! Document updates.

use crate::doc::message::Reader;
use crate::doc::{Allowance, Document, update};
use std::cell::Cell;
use yrs::updates::decoder::Decode;
use yrs::{ClientID, StateVector};

/// Each look at it takes so long that slices become as small as they can be, and are few in a turn.
fn stopwatch() -> u64 {
    thread_local! {
        static SHOWN: Cell<u64> = const { Cell::new(0) };
    }
    SHOWN.set(SHOWN.get() + 3_000);
    SHOWN.get()
}

/// Records a row of updates, each behind its length, and integrates them bit by bit. Whatever is
/// stored of them makes the same document again.
pub fn updates(data: &[u8]) {
    let mut document = Document::load(ClientID::new(1), None, &[]);
    let mut reader = Reader::new(data);
    let mut turn = 0;
    while let Ok(bytes) = reader.var_bytes() {
        if update::validate(bytes).is_ok() {
            turn += 1;
            match turn % 3 {
                0 => {
                    document.integrate(&mut Allowance::new(stopwatch));
                    document.record_if_news(bytes);
                }
                _ => document.record(bytes),
            }
        }
        if reader.remaining() == 0 {
            break;
        }
    }
    while !document.integrate(&mut Allowance::new(stopwatch)) {}
    let segments: Vec<_> = document.take_segment().into_iter().collect();
    let known = document.state_vector();
    let _ = document.diff(&known);
    let snapshot = document.snapshot();
    for (snapshot, segments) in [
        (None, segments.as_slice()),
        (snapshot.as_ref(), &[]),
        (snapshot.as_ref(), &segments),
    ] {
        let mut loaded = Document::load(ClientID::new(2), snapshot, segments);
        let state = |bytes: &[u8]| StateVector::decode_v1(bytes).ok();
        assert_eq!(state(&loaded.state_vector()), state(&known));
        let _ = loaded.diff(&[0]);
    }
}
