//! Document updates.

use crate::doc::message::Reader;
use crate::doc::{Document, update};
use yrs::updates::decoder::Decode;
use yrs::{ClientID, StateVector};

/// Records and integrates a row of updates, each behind its length. Whatever is stored of them
/// makes the same document again.
pub fn updates(data: &[u8]) {
    let mut document = Document::load(ClientID::new(1), None, &[]);
    let mut reader = Reader::new(data);
    let mut turn = 0;
    while let Ok(bytes) = reader.var_bytes() {
        if update::validate(bytes).is_ok() {
            turn += 1;
            match turn % 3 {
                0 => {
                    document.record_if_news(bytes);
                }
                _ => document.record(bytes),
            }
        }
        if reader.remaining() == 0 {
            break;
        }
    }
    document.integrate();
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
