//! Rooms come and go: what a document took is given back when it is dropped. A binary of its own,
//! since nothing else may allocate meanwhile.
#![allow(clippy::unwrap_used, unsafe_code, reason = "counts what is allocated")]

use kraken_core::doc::{Document, Segment, message};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};
use yrs::{ClientID, Doc, Map, MapPrelim, ReadTxn, StateVector, Text, Transact};

struct Counting;

static IN_USE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: everything is the system's allocator's, the size is only counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn st12_a_document_with_subdocuments_gives_its_memory_back() {
    let author = Doc::with_client_id(7);
    let text = author.get_or_insert_text("text");
    let map = author.get_or_insert_map("map");
    let mut transaction = author.transact_mut();
    text.insert(&mut transaction, 0, &"content ".repeat(100));
    for key in ["one", "two"] {
        map.insert(&mut transaction, key, Doc::new());
    }
    map.insert(
        &mut transaction,
        "nested",
        MapPrelim::from([("key", "value")]),
    );
    drop(transaction);
    let state = author
        .transact()
        .encode_state_as_update_v1(&StateVector::default());
    let mut data = Vec::new();
    message::write_var_bytes(&mut data, &state);
    let segment = Segment {
        sequence: 1,
        data: data.into(),
    };

    let come_and_go = || {
        drop(Document::load(
            ClientID::new(5),
            None,
            std::slice::from_ref(&segment),
        ))
    };
    come_and_go();
    let before = IN_USE.load(Ordering::Relaxed);
    for _ in 0..100 {
        come_and_go();
    }
    let kept = IN_USE.load(Ordering::Relaxed) - before;
    assert!(
        kept < 1_000,
        "{kept} bytes of 100 documents are still in use"
    );
}
