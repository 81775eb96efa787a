//! What a client of a call can be sent: what its connection holds, and what the client wants.

use crate::codec::Size;
use crate::layers::{Chooser, Chosen, Video};
use crate::messages::TrackWish;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::bwe::{Bitrate, BweKind};

/// What a client could want of a video whose packets say less, in bits a second for each pixel:
/// about 1.5 Mbit/s for 1280×720. A screen that stands still needs next to nothing, and all of
/// that a moment later.
const BITS_PER_PIXEL: f64 = 1.6;
/// The estimate follows what is wanted, and probes cost room: smaller changes are none.
const NOTABLE: f64 = 1.25;
/// A connection that is estimated too narrow for what is wanted is looked at again after this long.
const PATIENCE: Duration = Duration::from_secs(2);
/// An estimate that stands still at too little for this long is begun anew.
const STALL: Duration = Duration::from_secs(6);
/// How long a client is sent more than its connection is estimated to hold.
const TRIAL: Duration = Duration::from_secs(3);

/// What is known of one client's connection.
#[derive(Default)]
pub(crate) struct Bandwidth {
    /// Bits a second that it holds. `None` as long as it says nothing of that.
    estimate: Option<u64>,
    /// How large tracks are shown, by their names. Nothing, if one isn't shown at all.
    wishes: BTreeMap<String, Option<Size>>,
    chooser: Chooser,
    trial: Option<Trial>,
    /// What the client was told of its tracks, by their names.
    told: BTreeMap<String, Option<usize>>,
    search: Search,
    searched: Option<Instant>,
    stall: Option<Stall>,
}

/// What the estimator was told last, in bits a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Search {
    /// What it keeps up.
    needed: u64,
    /// What it looks for.
    desired: u64,
}

/// An estimate that is too little for the next layer, and doesn't change.
///
/// On a free connection it would grow with each search. But str0m doesn't search at all while it
/// takes a connection for congested, and may never learn that it isn't any longer.
struct Stall {
    estimate: u64,
    since: Instant,
}

/// A client that is sent nothing, not even audio, gives nothing to estimate by: its estimate would
/// stay as it is. So it is sent something for a while; if that was too much, the chooser waits
/// longer each time.
struct Trial {
    until: Instant,
    room: u64,
}

impl Bandwidth {
    /// The connection says what it holds.
    pub(crate) fn estimated(&mut self, kind: &BweKind) {
        let estimate = match kind {
            BweKind::Twcc { estimate, .. } | BweKind::Remb { estimate, .. } => estimate,
            _ => return,
        };
        self.estimate = Some(estimate.as_u64());
    }

    /// Bits a second that the connection is estimated to hold.
    pub(crate) fn estimate(&self) -> Option<u64> {
        self.estimate
    }

    /// The client says how it wants to receive tracks; only those that there are count.
    pub(crate) fn wish(&mut self, wishes: Vec<TrackWish>, tracks: &BTreeSet<&str>) {
        for wish in wishes {
            let size = Size {
                width: wish.width,
                height: wish.height,
            };
            self.wishes
                .insert(wish.track, wish.is_enabled.then_some(size));
        }
        self.wishes
            .retain(|track, _| tracks.contains(track.as_str()));
    }

    /// How large a track is shown. What the client says nothing of may be shown in full.
    pub(crate) fn shown(&self, track: &str) -> Option<Size> {
        let wish = self.wishes.get(track);
        wish.copied().unwrap_or(Some(Size::default()))
    }

    /// Chooses the layer that each video is sent. `audio` and `bound` are in bits a second; there
    /// are at most `most` videos.
    pub(crate) fn choose(
        &mut self,
        now: Instant,
        audio: u64,
        bound: u64,
        most: usize,
        videos: &[Video],
    ) -> Chosen {
        let estimate = self.estimate.unwrap_or(u64::MAX).saturating_sub(audio);
        let trial = self.trial.as_ref().filter(|trial| now < trial.until);
        let room = trial.map_or(estimate, |trial| trial.room.max(estimate));
        let room = room.min(bound.saturating_sub(audio));
        let chosen = self.chooser.choose(now, room, most, videos);
        if audio == 0 && chosen.places.values().all(Option::is_none) {
            let until = now + TRIAL;
            self.trial = chosen.needed.map(|room| Trial { until, room });
        }
        chosen
    }

    /// Lets the estimator look for as much as could be sent, and lets padding show that there is
    /// room for the next layer, as only what was sent can be known to arrive.
    pub(crate) fn desire(&mut self, now: Instant, rtc: &mut Rtc, needed: u64, desired: u64) {
        if let Some(estimate) = self.stalled(now, needed) {
            rtc.bwe().reset(Bitrate::bps(estimate));
        }
        if let Some(Search { needed, desired }) = self.search(now, needed, desired) {
            rtc.bwe()
                .set_bitrate(Bitrate::bps(needed), Bitrate::bps(desired));
        }
    }

    /// From what on the estimator has to begin anew, if it has to.
    fn stalled(&mut self, now: Instant, needed: u64) -> Option<u64> {
        let short = self.estimate.filter(|estimate| *estimate < needed);
        let stall = self.stall.take();
        let stall = stall.filter(|stall| Some(stall.estimate) == short);
        let since = stall.map_or(now, |stall| stall.since);
        let is_over = now.saturating_duration_since(since) >= STALL;
        self.stall = short.map(|estimate| Stall {
            estimate,
            since: if is_over { now } else { since },
        });
        short.filter(|_| is_over)
    }

    /// What the estimator has to be told. It looks when more is desired than before; so if that
    /// came to nothing, less is desired for a moment.
    fn search(&mut self, now: Instant, needed: u64, desired: u64) -> Option<Search> {
        let is_short = self.estimate.is_some_and(|estimate| estimate < needed);
        let is_over = |begun: Instant| now.saturating_duration_since(begun) >= PATIENCE;
        let is_new =
            is_notable(self.search.desired, desired) || is_notable(self.search.needed, needed);
        let desired = match self.searched {
            _ if is_new => desired,
            Some(begun) if is_short && is_over(begun) => desired / 2,
            Some(_) | None => return None,
        };
        self.search = Search { needed, desired };
        self.searched = Some(now);
        Some(self.search)
    }

    /// Whether the client has to be told that it is sent this layer of a track now, or nothing.
    pub(crate) fn tell(&mut self, track: &str, place: Option<usize>) -> bool {
        if self.told.get(track) == Some(&place) {
            return false;
        }
        self.told.insert(track.to_owned(), place);
        true
    }

    /// How many videos the client knows to be paused.
    pub(crate) fn paused(&self) -> u64 {
        self.told.values().filter(|place| place.is_none()).count() as u64
    }

    /// Only these tracks are received any more.
    pub(crate) fn keep_told(&mut self, tracks: &BTreeSet<&str>) {
        self.told.retain(|track, _| tracks.contains(track.as_str()));
    }
}

/// What a video could take, in bits a second.
pub(crate) fn desired(video: &Video) -> u64 {
    let layer = video.most();
    layer.map_or(0, |layer| layer.bitrate.max(usual(layer.size)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is positive and small"
)]
fn usual(size: Size) -> u64 {
    (f64::from(size.width) * f64::from(size.height) * BITS_PER_PIXEL) as u64
}

#[expect(clippy::cast_precision_loss, reason = "only the magnitude matters")]
fn is_notable(before: u64, after: u64) -> bool {
    let (before, after) = (before as f64, after as f64);
    after > before * NOTABLE || after * NOTABLE < before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Layer;
    use crate::source::SourceId;

    const LOOK: Duration = Duration::from_millis(250);
    const BITRATE: u64 = 1_200_000;

    /// A video in one piece.
    fn video() -> Video {
        Video {
            source: SourceId {
                peer: 1,
                mid: "v".into(),
            },
            is_screen: false,
            shown: Some(Size::default()),
            silence: 0,
            layers: vec![Layer {
                place: 0,
                bitrate: BITRATE,
                size: Size::default(),
            }],
        }
    }

    /// In which looks of so many seconds the video is sent; `estimate` follows what is sent.
    fn looks(seconds: u32, bound: u64, audio: u64, estimate: impl Fn(bool) -> u64) -> Vec<bool> {
        let mut bandwidth = Bandwidth::default();
        let mut now = Instant::now();
        let mut is_sent = false;
        let looks = (0..seconds * 4).map(|_| {
            bandwidth.estimate = Some(estimate(is_sent));
            let chosen = bandwidth.choose(now, audio, bound, 9, &[video()]);
            is_sent = chosen.places.values().any(Option::is_some);
            now += LOOK;
            is_sent
        });
        looks.collect()
    }

    #[test]
    fn la20_who_is_sent_nothing_is_tried_and_goes_on_if_it_holds() {
        let sent = looks(
            20,
            u64::MAX,
            0,
            |is_sent| if is_sent { 2_000_000 } else { 300_000 },
        );
        assert_eq!(sent.iter().position(|sent| *sent), Some(1));
        assert!(sent[1..].iter().all(|sent| *sent));
    }

    #[test]
    fn la20_who_is_too_narrow_is_tried_less_and_less_often() {
        let sent = looks(200, u64::MAX, 0, |_| 300_000);
        let runs: Vec<_> = sent.chunk_by(|one, other| one == other).collect();
        let tries = runs.iter().filter(|run| run[0]);
        assert!(tries.clone().all(|run| run.len() <= 12), "3 seconds each");
        let pauses: Vec<usize> = runs[1..]
            .iter()
            .filter(|run| !run[0])
            .map(|run| run.len() / 4)
            .collect();
        assert!(pauses.starts_with(&[3, 6, 12, 24, 48]), "{pauses:?}");
    }

    #[test]
    fn la20_where_there_is_audio_it_is_left_alone() {
        let sent = looks(20, u64::MAX, 40_000, |_| 300_000);
        assert!(sent.iter().all(|sent| !sent));
    }

    /// What the estimator is told at each look of so many seconds while it says the same.
    fn searches(seconds: u32, estimate: u64) -> Vec<Option<Search>> {
        let mut bandwidth = Bandwidth {
            estimate: Some(estimate),
            ..Bandwidth::default()
        };
        let mut now = Instant::now();
        let searches = (0..seconds * 4).map(|_| {
            now += LOOK;
            bandwidth.search(now, 500_000, 1_500_000)
        });
        searches.collect()
    }

    #[test]
    fn la21_what_came_to_nothing_is_looked_for_again() {
        let searches = searches(10, 499_999);
        let desired = searches.iter().map(|search| search.map(|it| it.desired));
        let desired: Vec<_> = desired.collect();
        let mut expected = vec![None; 40];
        expected[0] = Some(1_500_000);
        for again in [8, 17, 26, 35] {
            expected[again] = Some(750_000);
            expected[again + 1] = Some(1_500_000);
        }
        assert_eq!(desired, expected);
    }

    #[test]
    fn la21_who_has_room_for_the_next_layer_is_not_looked_at_again() {
        let searches = searches(10, 500_000);
        assert_eq!(searches.iter().flatten().count(), 1);
    }

    #[test]
    fn la21_an_estimate_that_stands_still_is_begun_anew() {
        let mut bandwidth = Bandwidth::default();
        let mut now = Instant::now();
        // It moves for two seconds, stands still at too little for 20, then is enough.
        let begun = (0..120).filter_map(|look: u64| {
            now += LOOK;
            bandwidth.estimate = Some(match look {
                0..8 => 200_000 + look,
                8..88 => 300_000,
                _ => 500_000,
            });
            let begun = bandwidth.stalled(now, 500_000);
            begun.map(|estimate| (look / 4, estimate))
        });
        let begun: Vec<_> = begun.collect();
        assert_eq!(begun, [(8, 300_000), (14, 300_000), (20, 300_000)]);
    }

    #[test]
    fn la20_no_trial_breaks_the_bound_of_a_room() {
        let sent = looks(20, BITRATE - 1, 0, |_| 300_000);
        assert!(sent.iter().all(|sent| !sent));
    }
}
