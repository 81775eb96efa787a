//! What a document takes of memory, and gives back. A binary of its own, since nothing else may
//! allocate meanwhile.
#![allow(clippy::unwrap_used, unsafe_code, reason = "counts what is allocated")]

use kraken_core::doc::{Allowance, Document, Segment, message, update};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use yrs::{
    Any, Array, ArrayPrelim, ClientID, Doc, Map, MapPrelim, ReadTxn, StateVector, Text, Transact,
};

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

/// Lets one test at a time allocate.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes that are in use after some updates, and a snapshot, beyond those before.
fn kept_of(document: &mut Document, updates: &[Vec<u8>]) -> isize {
    let before = IN_USE.load(Ordering::Relaxed);
    for update in updates {
        assert_eq!(update::validate(update), Ok(true));
        document.record(update);
        assert!(document.integrate(&mut Allowance::endless()));
    }
    document.take_segment().unwrap();
    document.snapshot().unwrap();
    document.snapshot_settled(true);
    IN_USE.load(Ordering::Relaxed) - before
}

#[test]
fn bi14_blocks_without_content_leave_nothing() {
    let _alone = alone();
    let mut document = Document::load(ClientID::new(5), None, &[]);
    kept_of(
        &mut document,
        &[vec![1, 1, 1, 0, 4, 1, 1, b't', 1, b'a', 0]],
    );
    let kinds = [EMPTY_TEXT, NOTHING_DELETED];
    let of_one = (0..10_000).flat_map(|_| kinds.map(|content| beside_the_first(1, 1, content)));
    let kept = kept_of(&mut document, &of_one.collect::<Vec<_>>());
    assert!(kept < 10_000, "{kept} bytes for one client");
    let of_many = (100..10_100).map(|client| beside_the_first(client, 0, EMPTY_TEXT));
    let kept = kept_of(&mut document, &of_many.collect::<Vec<_>>());
    assert!(kept < 10_000, "{kept} bytes for many clients");
}

const EMPTY_TEXT: [u8; 2] = [4, 0];
const NOTHING_DELETED: [u8; 2] = [1, 0];

/// An update of one block, left of the first one of client 1.
fn beside_the_first(client: u64, clock: u64, [kind, length]: [u8; 2]) -> Vec<u8> {
    const HAS_RIGHT_ORIGIN: u8 = 0x40;
    let mut update = vec![1, 1];
    message::write_var_uint(&mut update, client);
    message::write_var_uint(&mut update, clock);
    update.extend([kind | HAS_RIGHT_ORIGIN, 1, 0, length, 0]);
    update
}

#[test]
fn bi14_what_was_deleted_takes_no_memory_after_a_snapshot() {
    let _alone = alone();
    let author = Doc::with_client_id(7);
    let array = author.get_or_insert_array("array");
    let round = || {
        let mut transaction = author.transact_mut();
        let list = array.insert(&mut transaction, 0, ArrayPrelim::default());
        for index in 0..500 {
            list.insert(&mut transaction, index, Any::from(1));
            list.insert(&mut transaction, index, ArrayPrelim::default());
        }
        array.remove(&mut transaction, 0);
        transaction.encode_update_v1()
    };
    let mut document = Document::load(ClientID::new(5), None, &[]);
    kept_of(&mut document, &[round()]);
    let rounds: Vec<_> = (0..100).map(|_| round()).collect();
    let kept = kept_of(&mut document, &rounds);
    assert!(kept < 100_000, "{kept} bytes of what was deleted");
}

#[test]
fn st12_a_document_with_subdocuments_gives_its_memory_back() {
    let _alone = alone();
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
