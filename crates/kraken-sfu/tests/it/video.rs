//! Video: nothing is missing, and keyframes are not asked for too often.

use crate::network::Weather;
use crate::pages::{BOTH, Pages};
use std::collections::BTreeSet;
use std::time::Duration;
use str0m::media::MediaKind;

#[test]
fn sf22_lost_video_is_sent_again() {
    for seed in 1..=3 {
        let mut pages = Pages::with(seed, Weather::FOUL, &["a", "b", "c"], BOTH);
        pages.run(Duration::from_secs(15));
        for (listener, speaker) in [("a", "b"), ("b", "c"), ("c", "a")] {
            let heard = &pages.client(listener).heard[&(speaker.to_owned(), MediaKind::Video)];
            let numbers: BTreeSet<u64> = heard.numbers.iter().copied().collect();
            assert_eq!(numbers.len(), heard.numbers.len(), "a packet came twice");
            let (first, last) = (numbers.first().unwrap(), numbers.last().unwrap());
            // The last ones may still be under way.
            let end = last - 50;
            let missing = (*first..end)
                .filter(|number| !numbers.contains(number))
                .count();
            let all = end - first;
            assert!(all > 300, "seed {seed}: only {all} packets");
            // Without retransmission, a tenth would be missing. A sender of which much is asked
            // again at once leaves some out.
            assert!(
                missing as u64 * 25 < all,
                "seed {seed}: {missing} of {all} are missing"
            );
        }
        let stats = pages.sfu.stats();
        assert!(stats.nacks_in > 0 && stats.nacks_out > 0, "{stats:?}");
        assert!(stats.loss_reports > 0 && stats.rtt_sum > 0.0, "{stats:?}");
    }
}

#[test]
fn sf23_a_storm_of_keyframe_requests_becomes_a_few() {
    let mut pages = Pages::with(4, Weather::FAIR, &["a", "b", "c"], BOTH);
    pages.run(Duration::from_secs(6));
    let before = pages.client("a").keyframes_asked.len();
    for _ in 0..100 {
        let now = pages.now;
        pages.client_mut("b").ask_keyframes(now);
        pages.client_mut("c").ask_keyframes(now);
        pages.run(Duration::from_millis(20));
    }
    let asked = &pages.client("a").keyframes_asked[before..];
    assert!(
        (3..=6).contains(&asked.len()),
        "asked {} times in 2 s",
        asked.len()
    );
    let mut pairs = asked.windows(2);
    assert!(pairs.all(|pair| pair[1] - pair[0] >= Duration::from_millis(480)));
    assert!(pages.sfu.stats().keyframes_in > 100);
}

#[test]
fn sf23_who_starts_to_watch_gets_a_keyframe() {
    let mut pages = Pages::with(5, Weather::FAIR, &["a"], BOTH);
    pages.run(Duration::from_secs(3));
    assert!(pages.client("a").keyframes_asked.is_empty());
    pages.join("b", BOTH);
    pages.run(Duration::from_secs(2));
    assert!(!pages.client("a").keyframes_asked.is_empty());
}
