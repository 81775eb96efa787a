//! Everybody hears everybody.

use crate::network::Weather;
use crate::pages::{AUDIO, Pages};
use std::time::Duration;
use str0m::media::MediaKind;

const USERS: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

#[test]
fn sf10_from_two_to_ten_peers_hear_each_other() {
    for size in [2, 3, 5, 10] {
        let users = &USERS[..size];
        let mut pages = Pages::with(1, Weather::FAIR, users, AUDIO);
        pages.run(Duration::from_secs(10));
        for listener in users {
            for speaker in users.iter().filter(|speaker| *speaker != listener) {
                let client = pages.client(listener);
                let heard = &client.heard[&((*speaker).to_owned(), MediaKind::Audio)];
                assert!(
                    heard.numbers.len() > 300,
                    "{listener} heard too little of {speaker}"
                );
                let mut pairs = heard.numbers.windows(2);
                assert!(
                    pairs.all(|pair| pair[0] + 1 == pair[1]),
                    "gaps without loss"
                );
                assert_eq!(heard.level, Some(-30));
            }
            assert_eq!(pages.client(listener).heard.len(), size - 1);
        }
    }
}

#[test]
fn sf10_a_call_survives_loss_and_reordering() {
    let users = &USERS[..4];
    for seed in 1..=5 {
        let mut pages = Pages::with(seed, Weather::FOUL, users, AUDIO);
        pages.run(Duration::from_secs(20));
        let heard = |pages: &Pages| -> Vec<usize> {
            let pairs = users.iter().flat_map(|listener| {
                let speakers = users.iter().filter(move |speaker| *speaker != listener);
                speakers.map(move |speaker| (listener, speaker))
            });
            pairs
                .map(|(listener, speaker)| {
                    pages.client(listener).heard_from(speaker, MediaKind::Audio)
                })
                .collect()
        };
        let before = heard(&pages);
        pages.run(Duration::from_secs(10));
        for (before, after) in before.into_iter().zip(heard(&pages)) {
            // Of 500 packets, two legs lose 5 % each, and audio isn't sent again.
            let more = after - before;
            assert!((400..=500).contains(&more), "seed {seed}: {more} packets");
        }
    }
}

#[test]
fn sf11_who_joins_late_is_heard_and_hears() {
    let mut pages = Pages::with(2, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(5));
    pages.join("c", AUDIO);
    pages.run(Duration::from_secs(7));
    for (listener, speaker) in [("a", "c"), ("b", "c"), ("c", "a"), ("c", "b")] {
        assert!(pages.client(listener).heard_from(speaker, MediaKind::Audio) > 150);
    }
}

#[test]
fn sf12_ice_restarts_without_a_gap_of_a_second() {
    let mut pages = Pages::with(3, Weather::FAIR, &["a", "b"], AUDIO);
    pages.run(Duration::from_secs(8));
    let before = pages.client("b").heard_from("a", MediaKind::Audio);
    pages.restart("a");
    pages.run(Duration::from_secs(5));
    let after = pages.client("b").heard_from("a", MediaKind::Audio);
    assert!(after - before > 200, "{before} packets, then {after}");
    assert!(pages.client("a").heard_from("b", MediaKind::Audio) > 400);
}
