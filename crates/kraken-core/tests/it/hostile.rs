//! Mutated updates of every kind of content. In a component a panic takes all rooms down, so what
//! passes validation must never cause one.

use bytes::Bytes;
use fastrand::Rng;
use kraken_core::doc::{Allowance, Document, Segment, message, update};
use kraken_core::fuzz::{assert_read_alike, slow_stopwatch};
use std::sync::Arc;
use yrs::{
    Any, Array, ClientID, Doc, Map, MapPrelim, ReadTxn, StateVector, Text, TextPrelim, Transact,
    XmlElementPrelim, XmlFragment, XmlTextPrelim,
};

/// Updates that hold every kind of content, one by one and as whole states.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for client in [1, 77, (1 << 32) - 5] {
        let doc = Doc::with_client_id(client);
        let text = doc.get_or_insert_text("text");
        let array = doc.get_or_insert_array("array");
        let map = doc.get_or_insert_map("map");
        let xml = doc.get_or_insert_xml_fragment("xml");
        let bold = || yrs::types::Attrs::from([(Arc::from("bold"), Any::Bool(true))]);
        let mut edit = |change: &dyn Fn(&mut yrs::TransactionMut<'_>)| {
            let mut transaction = doc.transact_mut();
            change(&mut transaction);
            seeds.push(transaction.encode_update_v1());
        };
        edit(&|t| text.insert(t, 0, "hello wörld 🐙"));
        edit(&|t| text.format(t, 1, 4, bold()));
        edit(&|t| {
            text.insert_embed(t, 3, Any::from(7));
        });
        edit(&|t| text.remove_range(t, 2, 5));
        edit(&|t| {
            array.insert_range(
                t,
                0,
                [Any::from(1), Any::from("two"), Any::Null, Any::from(4.5)],
            );
        });
        edit(&|t| {
            array.insert(t, 1, TextPrelim::new("nested"));
        });
        edit(&|t| array.remove_range(t, 0, 2));
        edit(&|t| {
            map.insert(t, "key", MapPrelim::from([("inner", Any::from("value"))]));
        });
        edit(&|t| {
            map.insert(t, "key", Any::from(vec![1u8, 2, 3]));
        });
        edit(&|t| {
            map.insert(t, "doc", Doc::new());
        });
        edit(&|t| {
            xml.push_back(t, XmlElementPrelim::empty("p"));
            xml.push_back(t, XmlTextPrelim::new("content"));
        });
        let everything = doc
            .transact()
            .encode_state_as_update_v1(&StateVector::default());
        seeds.push(everything);
    }
    seeds
}

fn mutate(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[rng.usize(0..seeds.len())].clone();
    for _ in 0..rng.usize(1..5) {
        let at = rng.usize(0..bytes.len());
        match rng.u8(0..6) {
            0 => bytes[at] = rng.u8(..),
            1 => bytes[at] ^= 1 << rng.u8(0..8),
            2 => bytes[at] = bytes[at].wrapping_add(1),
            3 => {
                bytes.insert(at, rng.u8(..));
            }
            4 => {
                bytes.remove(at);
            }
            _ => {
                let other = &seeds[rng.usize(0..seeds.len())];
                let from = rng.usize(0..other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn bi5_every_kind_of_content_is_valid() {
    for seed in seeds() {
        assert_eq!(update::validate(&seed), Ok(true));
    }
}

/// All that was recorded, as it is stored.
fn segment(document: &mut Document) -> Option<Segment> {
    document.integrate(&mut Allowance::endless());
    document.take_segment()
}

#[test]
fn bi6_what_passes_validation_never_panics_and_leaves_the_document_usable() {
    let rounds: u64 = std::env::var("KRAKEN_FUZZ_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(300);
    let seeds = seeds();
    let (mut valid, mut refused) = (0, 0);
    for round in 0..rounds {
        let mut rng = Rng::with_seed(round);
        let mut tried: Vec<Vec<u8>> = Vec::new();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut document = Document::load(ClientID::new(5), None, &[]);
            for _ in 0..40 {
                let bytes = match rng.u8(0..4) {
                    0 => seeds[rng.usize(0..seeds.len())].clone(),
                    _ => mutate(&mut rng, &seeds),
                };
                if update::validate(&bytes).is_err() {
                    refused += 1;
                    continue;
                }
                valid += 1;
                tried.push(bytes.clone());
                assert_read_alike(&bytes);
                match rng.bool() {
                    true => document.record(&bytes),
                    false => {
                        document.record_if_news(&bytes);
                    }
                }
                if rng.u8(0..8) == 0 {
                    document.integrate(&mut Allowance::endless());
                    document.diff(&document.state_vector()).unwrap();
                }
            }
            let segment = segment(&mut document);
            let snapshot = document.snapshot();
            let segments: Vec<_> = segment.into_iter().collect();
            let mut loaded = Document::load(ClientID::new(6), snapshot.as_ref(), &segments);
            loaded.diff(&[0]).unwrap();
        }));
        if outcome.is_err() {
            panic!("round {round} panics with {tried:?}");
        }
    }
    assert!(
        valid > refused / 20,
        "{valid} valid, {refused} refused: mutations are too wild"
    );
}

#[test]
fn bi7_values_nested_too_deeply_are_refused() {
    const ANY: u8 = 8;
    const ARRAY_OF_ONE: [u8; 2] = [117, 1];
    let nested = |depth: usize| {
        let mut update = vec![1, 1, 7, 0, ANY, 1, 1, b'a', 1];
        update.extend(ARRAY_OF_ONE.repeat(depth));
        update.extend([126, 0]);
        update
    };
    assert_eq!(update::validate(&nested(10)), Ok(true));
    assert!(update::validate(&nested(100_000)).is_err());
}

#[test]
fn bi9_an_update_of_very_many_small_blocks_costs_no_more_than_its_size() {
    // Each block is one character behind the one before, as merged updates of a typist are.
    const BLOCKS: u64 = 100_000;
    let mut update = vec![1];
    message::write_var_uint(&mut update, BLOCKS);
    update.extend([7, 0]);
    update.extend([4, 1, 1, b't', 1, b'a']);
    for clock in 1..BLOCKS {
        update.extend([0x84, 7]);
        message::write_var_uint(&mut update, clock - 1);
        update.extend([1, b'a']);
    }
    update.push(0);
    assert_eq!(update::validate(&update), Ok(true));
    let mut document = Document::load(ClientID::new(5), None, &[]);
    document.record(&update);
    let segment = segment(&mut document).unwrap();
    // In memory the blocks are one.
    assert!(document.diff(&[0]).unwrap()[0].len() < 100_100);
    let loaded = Document::load(ClientID::new(6), None, &[segment]);
    assert_eq!(loaded.state_vector(), document.state_vector());
}

#[test]
fn bi8_messages_of_any_bytes_are_parsed_or_refused() {
    let mut rng = Rng::with_seed(8);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..rng.usize(0..60)).map(|_| rng.u8(..)).collect();
        let _ = message::parse_frame(&Bytes::from(bytes), |_, _| Ok::<_, message::Malformed>(()));
    }
}

/// `yrs` finds out that nothing can be in a value when it has integrated what comes before.
#[test]
fn bi6_an_update_with_a_block_in_a_value_is_refused_as_a_whole() {
    let text_in = |parent: [u8; 2]| [&[4, 0][..], &parent, &[1, b'a']].concat();
    let value = [8, 1, 1, b'a', 1, 126];
    let subdocument = [9, 1, 1, b'a', 1, b'd', 118, 0];
    let known = [&[1, 1, 7, 0][..], &value, &[0]].concat();
    let in_known = [&[1, 1, 8, 0][..], &text_in([7, 0]), &[0]].concat();
    let in_another = [&[1, 2, 8, 0][..], &subdocument, &text_in([8, 0]), &[0]].concat();
    let in_deleted = [
        &[1, 2, 8, 0][..],
        &[1, 1, 1, b'a', 1],
        &text_in([8, 0]),
        &[0],
    ]
    .concat();
    let mut document = Document::load(ClientID::new(5), None, &[]);
    for (update, clocks) in [
        (&known, vec![1, 7, 1]),
        (&in_known, vec![1, 7, 1]),
        (&in_another, vec![1, 7, 1]),
        (&in_deleted, vec![2, 8, 2, 7, 1]),
    ] {
        assert_eq!(update::validate(update), Ok(true));
        document.record(update);
        document.integrate(&mut Allowance::endless());
        assert_eq!(document.state_vector(), clocks, "{update:?}");
    }
}

#[test]
fn bi6_a_thousand_updates_that_wait_for_each_other_are_integrated_once_the_first_is_there() {
    const MOST: u64 = 1_024;
    let keystroke = |clock: u64| {
        let mut update = vec![1, 1, 7];
        message::write_var_uint(&mut update, clock);
        match clock.checked_sub(1) {
            None => update.extend([4, 1, 1, b't']),
            Some(before) => {
                update.extend([0x84, 7]);
                message::write_var_uint(&mut update, before);
            }
        }
        update.extend([1, b'x', 0]);
        update
    };
    let mut document = Document::load(ClientID::new(5), None, &[]);
    for clock in (0..MOST).rev() {
        document.record(&keystroke(clock));
    }
    document.integrate(&mut Allowance::endless());
    let mut known = vec![1, 7];
    message::write_var_uint(&mut known, MOST);
    assert_eq!(document.state_vector(), known);
}

/// Maps in maps, from one clock to another; with the last the outermost is deleted.
fn maps_in_maps(clocks: std::ops::Range<u64>, is_last: bool) -> Vec<u8> {
    const TYPE_WITH_KEY: u8 = 0x20 | 7;
    let mut update = vec![1];
    message::write_var_uint(&mut update, clocks.end - clocks.start);
    update.push(7);
    message::write_var_uint(&mut update, clocks.start);
    for clock in clocks {
        update.push(TYPE_WITH_KEY);
        if clock == 0 {
            update.extend([1, 1, b'm']);
        } else {
            update.extend([0, 7]);
            message::write_var_uint(&mut update, clock - 1);
        }
        update.extend([1, b'k', 1]);
    }
    match is_last {
        true => update.extend([1, 7, 1, 0, 1]),
        false => update.push(0),
    }
    update
}

#[test]
fn bi10_types_may_be_nested_512_deep() {
    for depth in [1, 512] {
        let mut document = Document::load(ClientID::new(5), None, &[]);
        document.record(&maps_in_maps(0..depth, true));
        assert!(segment(&mut document).is_some(), "{depth}");
    }
}

#[test]
fn bi10_types_nested_deeper_are_not_integrated() {
    let mut document = Document::load(ClientID::new(5), None, &[]);
    document.record(&maps_in_maps(0..100_000, true));
    assert_eq!(segment(&mut document), None);
}

#[test]
fn bi10_nor_are_those_that_come_bit_by_bit_and_after_a_restart() {
    let mut document = Document::load(ClientID::new(5), None, &[]);
    let mut stored = Vec::new();
    for first in (0..20_000).step_by(200) {
        let is_last = first == 19_800;
        document.record(&maps_in_maps(first..first + 200, is_last));
        stored.extend(segment(&mut document));
        document = Document::load(ClientID::new(6), None, &stored);
    }
    // The first two have 400 types; the third would be too deep, and all others wait for it.
    assert_eq!(document.state_vector(), [1, 7, 0x90, 3]);
}

#[test]
fn bi12_an_xml_hook_whose_name_yrs_would_read_as_blocks_is_refused() {
    // To Yjs: a hook named "p", something deleted, and a text; to `yrs`: a hook, something deleted
    // in what client 135 has at 32, and a text in that.
    let update = [
        &[1, 3, 1, 0, 7, 1, 3][..],
        b"xml",
        &[5, 1, b'p', 135, 1, 0, 4, 4, 0, 1, 1, 7],
        b"content",
        &[0],
    ];
    assert!(update::validate(&update.concat()).is_err());
}

#[test]
fn bi12_deletions_of_a_client_in_two_places_are_refused() {
    // Of which `yrs` would keep those of the second place, Yjs both.
    let deletions =
        |places: &[&[u8]]| [&[0, places.len() as u8], places.concat().as_slice()].concat();
    let [one, other] = [[1, 1, 0, 2].as_slice(), &[1, 1, 4, 1]];
    assert_eq!(update::validate(&deletions(&[one])), Ok(true));
    assert!(update::validate(&deletions(&[one, other])).is_err());
}

#[test]
fn bi12_what_follows_in_a_block_is_where_its_known_part_is() {
    // Nobody but who means harm says of the same letter that it is elsewhere. `yrs` would have the
    // rest in two types, and read of the one what is freed with the other.
    let deepest = maps_in_maps(0..512, false);
    let letter = [&[1, 1, 7, 0x80, 4][..], &[4, 0, 7, 0xff, 3, 1, b'x', 0]];
    let elsewhere = [
        &[1, 3, 7, 0x80, 4][..],
        &[4, 1, 1, b't', 2, b'x', b'y'],
        &[0x80 | 7, 7, 0x81, 4, 1],
        &[4, 0, 7, 0x82, 4, 1, b'z', 0],
    ];
    let mut document = Document::load(ClientID::new(5), None, &[]);
    for update in [deepest, letter.concat()] {
        document.record(&update);
        assert!(segment(&mut document).is_some());
    }
    assert_eq!(update::validate(&elsewhere.concat()), Ok(true));
    document.record(&elsewhere.concat());
    assert_eq!(segment(&mut document), None, "the last letter is too deep");
}

#[test]
fn bi14_what_is_let_in_is_let_in_again_after_a_restart() {
    // Much that is deleted, of which the first was a value. A text in it is refused as long as that
    // may have to be said again.
    let author = Doc::with_client_id(7);
    let array = author.get_or_insert_array("array");
    let mut history = Vec::new();
    for _ in 0..3_000 {
        let mut transaction = author.transact_mut();
        array.insert(&mut transaction, 0, Any::Null);
        array.insert(&mut transaction, 0, TextPrelim::new(""));
        message::write_var_bytes(&mut history, &transaction.encode_update_v1());
        drop(transaction);
        let mut transaction = author.transact_mut();
        array.remove_range(&mut transaction, 0, 2);
        message::write_var_bytes(&mut history, &transaction.encode_update_v1());
    }
    let history = Segment {
        sequence: 1,
        data: history.into(),
    };
    let in_a_deleted_value = [1, 1, 8, 0, 4, 0, 7, 0, 1, b'a', 0];
    for is_stored in [false, true] {
        let mut document = Document::load(ClientID::new(5), None, std::slice::from_ref(&history));
        let snapshot = document.snapshot();
        document.record(&in_a_deleted_value);
        assert_eq!(segment(&mut document), None);
        document.snapshot_settled(is_stored);
        document.record(&in_a_deleted_value);
        let later = segment(&mut document);
        assert_eq!(later.is_some(), is_stored);
        let later: Vec<_> = later.into_iter().collect();
        let mut loaded = Document::load(ClientID::new(6), snapshot.as_ref(), &later);
        assert_eq!(content(&mut loaded), content(&mut document));
    }
}

/// All bytes of a document, sorted: the options of a subdocument come in any order.
fn content(document: &mut Document) -> Vec<u8> {
    let mut bytes = document.diff(&[0]).unwrap().concat();
    bytes.sort_unstable();
    bytes
}

#[test]
fn bi6_an_update_with_a_gap_that_others_fill_is_integrated_once() {
    let doc = yrs::Doc::with_client_id(7);
    let text = doc.get_or_insert_text("t");
    let edits = [0, 1, 2].map(|at| {
        let mut transaction = doc.transact_mut();
        text.insert(&mut transaction, at, "a");
        transaction.encode_update_v1()
    });
    let with_gap = yrs::merge_updates_v1([&edits[0], &edits[2]]).unwrap();
    let mut document = Document::load(ClientID::new(5), None, &[]);
    for update in [&with_gap, &edits[0], &edits[1]] {
        document.record(update);
        assert!(document.integrate(&mut Allowance::endless()));
    }
    assert_eq!(document.state_vector(), [1, 7, 3]);
}

#[test]
fn bi11_what_is_integrated_bit_by_bit_is_the_same_in_the_end() {
    let seeds = seeds();
    let mut turns = 0;
    for round in 0..200 {
        let mut rng = Rng::with_seed(round);
        let mut at_once = Document::load(ClientID::new(5), None, &[]);
        let mut by_bits = Document::load(ClientID::new(5), None, &[]);
        let mut stored = (Vec::new(), Vec::new());
        for _ in 0..60 {
            let bytes = match rng.u8(0..4) {
                0 => mutate(&mut rng, &seeds),
                _ => seeds[rng.usize(0..seeds.len())].clone(),
            };
            if update::validate(&bytes).is_ok() {
                at_once.record(&bytes);
                by_bits.record(&bytes);
            }
            if rng.u8(0..4) == 0 {
                by_bits.integrate(&mut Allowance::new(slow_stopwatch));
                stored.1.extend(by_bits.take_segment());
            }
        }
        stored.0.extend(segment(&mut at_once));
        while !by_bits.integrate(&mut Allowance::new(slow_stopwatch)) {
            turns += 1;
        }
        stored.1.extend(by_bits.take_segment());
        let expected = content(&mut at_once);
        assert_eq!(content(&mut by_bits), expected, "round {round}");
        let bytes = |segments: &[Segment]| -> Vec<u8> {
            segments
                .iter()
                .flat_map(|segment| segment.data.to_vec())
                .collect()
        };
        assert_eq!(bytes(&stored.0), bytes(&stored.1), "round {round}");
        let mut loaded = Document::open(ClientID::new(6), None, &stored.1);
        while !loaded.integrate(&mut Allowance::new(slow_stopwatch)) {
            turns += 1;
        }
        assert_eq!(content(&mut loaded), expected, "round {round}");
    }
    assert!(turns > 1_000, "{turns} turns");
}
