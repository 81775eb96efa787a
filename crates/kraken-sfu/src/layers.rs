//! Which layer of each video a receiver is sent.
//!
//! Audio is never held back: what it takes is gone from the room before this is asked. Of the
//! videos, those that may be sent at all are the screens, and then those of who spoke last. They
//! share the room in steps, and each step is taken if there is room for it: first every video gets
//! its lowest layer, the screens before the others, the larger before the smaller; then screens
//! get as much as they are wanted for; then all others get a layer more, in turns.
//!
//! Down goes it at once; up only if some room is left over, and not soon after it went wrong. So a
//! connection that can't carry a layer isn't asked again and again to carry it.

use crate::codec::Size;
use crate::source::SourceId;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Of a hundred parts of the room, so many may be taken when something is to get more.
const MARGIN: u64 = 85;
/// A layer that had to give way isn't sent again for this long.
const LEAST_HOLD: Duration = Duration::from_secs(3);
/// The longest of these times, which double whenever a layer had to give way soon again.
const LONGEST_HOLD: Duration = Duration::from_secs(48);
/// A layer that must give way this soon was too much.
const TRIAL: Duration = Duration::from_secs(10);

/// A video that could be sent.
#[derive(Debug, Clone)]
pub(crate) struct Video {
    pub(crate) source: SourceId,
    pub(crate) is_screen: bool,
    /// How large it is shown, nothing in it if that isn't known. `None` if it isn't wanted.
    pub(crate) shown: Option<Size>,
    /// How many have spoken since its speaker last did.
    pub(crate) silence: usize,
    /// The layers that come from its publisher, the lowest first.
    pub(crate) layers: Vec<Layer>,
}

impl Video {
    /// The layer that it is sent if there is room for everything.
    pub(crate) fn most(&self) -> Option<&Layer> {
        let useful = useful(&self.layers, self.shown?);
        self.layers[..useful].last()
    }
}

/// One encoding of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layer {
    /// Its place among all that are announced.
    pub(crate) place: usize,
    pub(crate) bitrate: u64,
    pub(crate) size: Size,
}

/// What a video is sent, and what became of its layers.
#[derive(Debug, Default)]
struct Choice {
    /// The place of the layer; nothing if it is paused.
    place: Option<usize>,
    /// By their places, those that were sent.
    tries: BTreeMap<usize, Try>,
}

/// What became of sending a layer or one above it.
#[derive(Debug, Default)]
struct Try {
    begun: Option<Instant>,
    hold: Duration,
    held_until: Option<Instant>,
}

/// What was chosen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The place of the layer that each video is sent; nothing for what is paused.
    pub(crate) places: BTreeMap<SourceId, Option<usize>>,
    /// How much room there had to be for the next layer, in bits a second, even if that one is held
    /// back now. `None` if there is nothing more to send.
    pub(crate) needed: Option<u64>,
}

/// Chooses for one receiver, again and again.
#[derive(Debug, Default)]
pub(crate) struct Chooser {
    choices: BTreeMap<SourceId, Choice>,
}

impl Chooser {
    /// Chooses the layer that each video is sent. `room` is in bits a second, and `most` says how
    /// many videos there may be.
    pub(crate) fn choose(
        &mut self,
        now: Instant,
        room: u64,
        most: usize,
        videos: &[Video],
    ) -> Chosen {
        self.choices
            .retain(|source, _| videos.iter().any(|video| video.source == *source));
        let mut shares = self.shares(now, most, videos);
        share(room, &mut shares);
        let mut places = BTreeMap::new();
        for share in &shares {
            places.insert(share.video.source, share.place());
        }
        for video in videos {
            let place = places.entry(video.source).or_insert(None);
            let choice = self.choices.entry(video.source).or_default();
            choice.change(now, *place, video);
        }
        let needed = needed(&shares);
        Chosen { places, needed }
    }

    /// What may be sent, most important first.
    fn shares<'a>(&self, now: Instant, most: usize, videos: &'a [Video]) -> Vec<Share<'a>> {
        let mut wanted: Vec<(&Video, Size)> = videos
            .iter()
            .filter_map(|video| Some((video, video.shown?)))
            .filter(|(video, _)| !video.layers.is_empty())
            .collect();
        wanted.sort_by_key(|(video, _)| (!video.is_screen, video.silence, video.source));
        wanted.truncate(most);
        wanted.sort_by_key(|(video, shown)| {
            (
                !video.is_screen,
                Reverse(area(*shown)),
                video.silence,
                video.source,
            )
        });
        let shares = wanted.into_iter().map(|(video, shown)| {
            let choice = self.choices.get(&video.source);
            let place = choice.and_then(|choice| choice.place);
            let has = video
                .layers
                .iter()
                .position(|layer| Some(layer.place) == place);
            Share {
                video,
                useful: useful(&video.layers, shown),
                had: has.map_or(0, |index| index + 1),
                free: choice.map_or(video.layers.len(), |choice| choice.free(now, &video.layers)),
                level: 0,
                is_full: false,
            }
        });
        shares.collect()
    }
}

impl Choice {
    /// How many layers there are below those that are held back.
    fn free(&self, now: Instant, layers: &[Layer]) -> usize {
        let is_held = |layer: &Layer| {
            let tried = self.tries.get(&layer.place);
            tried.is_some_and(|tried| tried.is_held(now))
        };
        layers.iter().position(is_held).unwrap_or(layers.len())
    }

    fn change(&mut self, now: Instant, place: Option<usize>, video: &Video) {
        let between = |low: Option<usize>, high: Option<usize>| {
            let places = video.layers.iter().map(|layer| layer.place);
            places.filter(move |place| Some(*place) > low && Some(*place) <= high)
        };
        if place > self.place {
            for place in between(self.place, place) {
                self.tries.entry(place).or_default().begun = Some(now);
            }
        } else if place < self.place && self.gives_way(video) {
            for lost in between(place, self.place) {
                let is_highest = Some(lost) == self.place;
                self.tries.entry(lost).or_default().fail(now, is_highest);
            }
        }
        self.place = place;
    }

    /// Whether the layer it had is still there and wanted, so that only the room is too small.
    fn gives_way(&self, video: &Video) -> bool {
        let Some(shown) = video.shown else {
            return false;
        };
        let useful = video.layers.iter().take(useful(&video.layers, shown));
        useful
            .into_iter()
            .any(|layer| Some(layer.place) == self.place)
    }
}

impl Try {
    fn is_held(&self, now: Instant) -> bool {
        self.held_until.is_some_and(|until| now < until)
    }

    /// The layer had to give way. If it was the highest one, it was perhaps too much.
    fn fail(&mut self, now: Instant, is_highest: bool) {
        let is_soon = |begun: Instant| now.saturating_duration_since(begun) < TRIAL;
        self.hold = match self.begun {
            Some(begun) if is_highest && is_soon(begun) => {
                (self.hold * 2).clamp(LEAST_HOLD, LONGEST_HOLD)
            }
            Some(_) | None => LEAST_HOLD,
        };
        self.held_until = Some(now + self.hold);
    }
}

/// What a video has got while the room is shared.
struct Share<'a> {
    video: &'a Video,
    /// How many layers are of use.
    useful: usize,
    /// Up to which layer it was sent before, counted from one; zero if it was paused.
    had: usize,
    /// Of how many layers, from the lowest, none is held back.
    free: usize,
    /// Up to which layer it is sent now.
    level: usize,
    /// A step didn't fit.
    is_full: bool,
}

impl Share<'_> {
    fn place(&self) -> Option<usize> {
        let index = self.level.checked_sub(1)?;
        Some(self.video.layers[index].place)
    }

    fn bitrate(&self) -> u64 {
        let index = self.level.checked_sub(1);
        index.map_or(0, |index| self.video.layers[index].bitrate)
    }

    /// What it would take with one layer more. `None` if there is none of use.
    fn above(&self) -> Option<u64> {
        (self.level < self.useful).then(|| self.video.layers[self.level].bitrate)
    }

    /// The same, unless it shall not have that layer now.
    fn next(&self) -> Option<u64> {
        let is_held = self.level >= self.had && self.level >= self.free;
        self.above().filter(|_| !is_held)
    }

    /// Gets one layer more if there is room. True if it has got it.
    fn step(&mut self, room: u64, taken: &mut u64) -> bool {
        let Some(bitrate) = self.next().filter(|_| !self.is_full) else {
            return false;
        };
        let is_more = self.level >= self.had;
        let room = if is_more { percent(room, MARGIN) } else { room };
        let after = (*taken - self.bitrate()).saturating_add(bitrate);
        if after > room {
            self.is_full = true;
            return false;
        }
        *taken = after;
        self.level += 1;
        true
    }
}

/// Shares the room in steps.
fn share(room: u64, shares: &mut [Share<'_>]) {
    let mut taken = 0;
    for share in &mut *shares {
        share.step(room, &mut taken);
    }
    for screen in shares.iter_mut().filter(|share| share.video.is_screen) {
        while screen.step(room, &mut taken) {}
    }
    let mut goes_on = true;
    while goes_on {
        goes_on = false;
        for share in &mut *shares {
            goes_on |= share.step(room, &mut taken);
        }
    }
}

/// The room in which one of those who had too little would get a layer more, were none held back.
fn needed(shares: &[Share<'_>]) -> Option<u64> {
    let taken: u64 = shares.iter().map(Share::bitrate).sum();
    let next = shares.iter().filter_map(|share| {
        let more = share.above()?.saturating_sub(share.bitrate());
        Some(taken.saturating_add(more))
    });
    Some(next.min()?.saturating_mul(100) / MARGIN + 100)
}

/// How many layers are of use for a picture that is shown so large: none above the first that
/// needs no stretching by more than an eighth.
fn useful(layers: &[Layer], shown: Size) -> usize {
    if area(shown) == 0 {
        return layers.len();
    }
    let fills = |size: Size| {
        size.width * 9 >= shown.width.saturating_mul(8)
            || size.height * 9 >= shown.height.saturating_mul(8)
    };
    let enough = layers.iter().position(|layer| fills(layer.size));
    enough.map_or(layers.len(), |index| index + 1)
}

fn area(size: Size) -> u64 {
    u64::from(size.width) * u64::from(size.height)
}

fn percent(whole: u64, percent: u64) -> u64 {
    whole / 100 * percent
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOOK: Duration = Duration::from_millis(250);
    const LARGE: Size = Size {
        width: 1_280,
        height: 720,
    };
    const PLENTY: u64 = 1_000_000_000;

    fn source(peer: usize) -> SourceId {
        SourceId {
            peer,
            mid: "v".into(),
        }
    }

    fn layers(bitrates: &[u64]) -> Vec<Layer> {
        let count = bitrates.len();
        let layers = bitrates.iter().enumerate().map(|(place, bitrate)| Layer {
            place,
            bitrate: *bitrate,
            size: Size {
                width: LARGE.width >> (count - 1 - place),
                height: LARGE.height >> (count - 1 - place),
            },
        });
        layers.collect()
    }

    /// A camera with the layers that browsers send.
    fn camera(peer: usize) -> Video {
        Video {
            source: source(peer),
            is_screen: false,
            shown: Some(LARGE),
            silence: peer,
            layers: layers(&[150_000, 500_000, 1_700_000]),
        }
    }

    fn screen(peer: usize) -> Video {
        Video {
            is_screen: true,
            layers: layers(&[400_000, 2_000_000]),
            ..camera(peer)
        }
    }

    fn choose_once(room: u64, most: usize, videos: &[Video]) -> Vec<Option<usize>> {
        let chosen = Chooser::default().choose(Instant::now(), room, most, videos);
        let places = videos.iter().map(|video| chosen.places[&video.source]);
        places.collect()
    }

    #[test]
    fn la6_every_video_gets_its_lowest_layer_before_any_gets_more() {
        let videos = [camera(1), camera(2), camera(3)];
        assert_eq!(
            choose_once(540_000, 9, &videos),
            [Some(0), Some(0), Some(0)]
        );
        assert_eq!(choose_once(360_000, 9, &videos), [Some(0), Some(0), None]);
        assert_eq!(
            choose_once(1_000_000, 9, &videos),
            [Some(1), Some(0), Some(0)]
        );
        assert_eq!(
            choose_once(1_800_000, 9, &videos),
            [Some(1), Some(1), Some(1)]
        );
        assert_eq!(choose_once(PLENTY, 9, &videos), [Some(2), Some(2), Some(2)]);
        assert_eq!(choose_once(0, 9, &videos), [None, None, None]);
    }

    #[test]
    fn la6_a_screen_goes_before_cameras() {
        let videos = [camera(1), screen(2), camera(3)];
        assert_eq!(choose_once(500_000, 9, &videos), [None, Some(0), None]);
        assert_eq!(
            choose_once(2_800_000, 9, &videos),
            [Some(0), Some(1), Some(0)]
        );
        assert_eq!(
            choose_once(3_300_000, 9, &videos),
            [Some(1), Some(1), Some(0)]
        );
    }

    #[test]
    fn la7_a_small_picture_gets_no_more_than_it_shows() {
        let mut videos = [camera(1), camera(2), camera(3), camera(4)];
        let shown = |width, height| Some(Size { width, height });
        videos[0].shown = shown(320, 180);
        videos[1].shown = shown(360, 700);
        videos[2].shown = shown(0, 0);
        videos[3].shown = None;
        let chosen = choose_once(PLENTY, 9, &videos);
        assert_eq!(chosen, [Some(0), Some(0), Some(2), None]);
        videos[1].shown = shown(361, 204);
        assert_eq!(choose_once(PLENTY, 9, &videos)[1], Some(1));
    }

    #[test]
    fn la8_of_too_many_videos_the_latest_speakers_are_sent() {
        let mut videos: Vec<Video> = (1..=5).map(camera).collect();
        for (video, silence) in videos.iter_mut().zip([4, 0, 3, 1, 2]) {
            video.silence = silence;
        }
        assert_eq!(
            choose_once(PLENTY, 2, &videos),
            [None, Some(2), None, Some(2), None]
        );
        videos[0].is_screen = true;
        videos[1].shown = None;
        assert_eq!(
            choose_once(PLENTY, 2, &videos),
            [Some(2), None, None, Some(2), None]
        );
    }

    /// One receiver of one camera, whose room changes with time.
    struct Trace {
        chooser: Chooser,
        now: Instant,
        video: Video,
        changes: Vec<(Duration, Option<usize>)>,
        time: Duration,
    }

    impl Trace {
        fn new() -> Self {
            Self {
                chooser: Chooser::default(),
                now: Instant::now(),
                video: camera(1),
                changes: Vec::new(),
                time: Duration::ZERO,
            }
        }

        fn run(&mut self, time: Duration, room: impl Fn(Duration) -> u64) -> &mut Self {
            let start = self.time;
            while self.time < start + time {
                let room = room(self.time - start);
                let videos = [self.video.clone()];
                let chosen = self.chooser.choose(self.now, room, 9, &videos);
                let chosen = chosen.places[&self.video.source];
                if self.changes.last().map(|(_, before)| *before) != Some(chosen) {
                    self.changes.push((self.time, chosen));
                }
                self.time += LOOK;
                self.now += LOOK;
            }
            self
        }

        fn places(&self) -> Vec<Option<usize>> {
            self.changes.iter().map(|(_, place)| *place).collect()
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn la9_a_drop_is_followed_at_once_and_a_recovery_after_a_while() {
        let mut trace = Trace::new();
        trace.run(seconds(10), |_| 3_000_000);
        trace.run(seconds(1), |_| 600_000);
        trace.run(seconds(10), |_| 3_000_000);
        assert_eq!(trace.places(), [Some(2), Some(1), Some(2)]);
        assert_eq!(trace.changes[1].0, seconds(10));
        assert_eq!(trace.changes[2].0, seconds(10) + LEAST_HOLD);
    }

    #[test]
    fn la9_a_ramp_is_climbed_once_each_step_with_room_to_spare() {
        let mut trace = Trace::new();
        let ramp = |time: Duration| u64::try_from(time.as_millis()).unwrap() * 50;
        trace.run(seconds(60), ramp);
        assert_eq!(trace.places(), [None, Some(0), Some(1), Some(2)]);
        for (time, place) in &trace.changes[1..] {
            let bitrate = trace.video.layers[place.unwrap()].bitrate;
            let room = ramp(*time);
            assert!(percent(room, MARGIN) >= bitrate, "{place:?} with {room}");
        }
    }

    #[test]
    fn la9_a_room_that_trembles_does_not_make_the_layers_tremble() {
        let mut trace = Trace::new();
        trace.run(seconds(120), |time| {
            // Around the rate of the highest layer, by a tenth.
            if time.as_millis() / 500 % 2 == 0 {
                1_550_000
            } else {
                1_850_000
            }
        });
        assert_eq!(trace.places(), [Some(1)]);
    }

    #[test]
    fn la10_after_each_failure_the_next_try_waits_longer() {
        let mut trace = Trace::new();
        // Whenever it is sent the highest layer, the estimate breaks down half a second later.
        for _ in 0..1_200 {
            let tries = trace
                .changes
                .last()
                .is_some_and(|(since, place)| *place == Some(2) && trace.time - *since >= LOOK * 2);
            trace.run(LOOK, |_| if tries { 700_000 } else { 2_500_000 });
        }
        let raised = trace.changes.iter().filter(|(_, place)| *place == Some(2));
        let times: Vec<Duration> = raised.map(|(time, _)| *time).collect();
        let pauses: Vec<u64> = times
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs())
            .collect();
        assert_eq!(pauses, [3, 6, 12, 24, 48, 48, 48, 48, 48]);
    }

    #[test]
    fn la10_a_layer_is_not_held_back_for_one_above_it() {
        let mut trace = Trace::new();
        trace.run(seconds(20), |_| 1_000_000);
        // The highest layer fails at once and again, the last time with all the others.
        for (high, low) in [(2, 1_000_000), (5, 1_000_000), (8, 0)] {
            trace.run(seconds(high), |_| 2_500_000);
            trace.run(seconds(1), |_| low);
        }
        trace.run(seconds(8), |_| 2_500_000);
        let last = &trace.changes[trace.changes.len() - 2..];
        assert_eq!((last[0].1, last[1].1), (None, Some(1)));
        assert_eq!((last[1].0 - last[0].0).as_secs(), 3);
    }

    #[test]
    fn la10_a_burst_of_others_ends_and_all_is_as_before() {
        let mut trace = Trace::new();
        trace.run(seconds(30), |_| 2_500_000);
        for _ in 0..5 {
            trace.run(seconds(2), |_| 100_000);
            trace.run(seconds(20), |_| 2_500_000);
        }
        let expected = [Some(2)].into_iter().chain([None, Some(2)].repeat(5));
        assert_eq!(trace.places(), expected.collect::<Vec<_>>());
    }

    fn any_video(peer: usize) -> impl Strategy<Value = Video> {
        let bitrates = proptest::collection::vec(1..3_000_000_u64, 0..4);
        let shown = proptest::option::of((0..2_000_u32, 0..2_000_u32));
        (bitrates, shown, any::<bool>(), 0..6_usize).prop_map(
            move |(bitrates, shown, is_screen, silence)| Video {
                source: source(peer),
                is_screen,
                shown: shown.map(|(width, height)| Size { width, height }),
                silence,
                layers: layers(&bitrates),
            },
        )
    }

    fn any_videos() -> impl Strategy<Value = Vec<Video>> {
        (0..6_usize).prop_flat_map(|count| (0..count).map(any_video).collect::<Vec<_>>())
    }

    fn taken(videos: &[Video], chosen: &Chosen) -> u64 {
        let rates = videos.iter().filter_map(|video| {
            let place = chosen.places[&video.source]?;
            Some(video.layers[place].bitrate)
        });
        rates.sum()
    }

    proptest! {
        #[test]
        fn la6_no_more_is_sent_than_there_is_room_nor_than_is_wanted(
            looks in proptest::collection::vec((0..5_000_000_u64, any_videos(), 0..6_usize), 1..20)
        ) {
            let mut chooser = Chooser::default();
            let mut now = Instant::now();
            for (room, videos, most) in looks {
                let chosen = chooser.choose(now, room, most, &videos);
                prop_assert_eq!(chosen.places.len(), videos.len());
                prop_assert!(taken(&videos, &chosen) <= room);
                prop_assert!(chosen.places.values().flatten().count() <= most);
                for video in &videos {
                    let Some(place) = chosen.places[&video.source] else { continue };
                    prop_assert!(place < useful(&video.layers, video.shown.unwrap()));
                }
                now += LOOK;
            }
        }

        #[test]
        fn la6_more_room_never_means_less(
            bitrates in proptest::collection::vec(1..3_000_000_u64, 1..4),
            rooms in (0..5_000_000_u64, 0..5_000_000_u64),
        ) {
            let mut bitrates = bitrates;
            bitrates.sort_unstable();
            let video = Video { layers: layers(&bitrates), ..camera(1) };
            let less = rooms.0.min(rooms.1);
            let more = rooms.0.max(rooms.1);
            let videos = [video];
            prop_assert!(choose_once(less, 9, &videos) <= choose_once(more, 9, &videos));
        }

        #[test]
        fn la6_what_is_needed_is_enough_for_more(videos in any_videos(), room in 0..3_000_000_u64) {
            let videos = videos.into_iter().map(|mut video| {
                let mut bitrates: Vec<u64> = video.layers.iter().map(|it| it.bitrate).collect();
                bitrates.sort_unstable();
                video.layers = layers(&bitrates);
                video
            });
            let videos: Vec<Video> = videos.collect();
            let now = Instant::now();
            let chosen = Chooser::default().choose(now, room, 9, &videos);
            if let Some(needed) = chosen.needed {
                prop_assert!(needed > room);
                let more = Chooser::default().choose(now, needed, 9, &videos);
                prop_assert_ne!(more.places, chosen.places);
            }
        }

        #[test]
        fn la6_what_more_room_changes_first_is_for_the_better(
            videos in any_videos(),
            rooms in (0..5_000_000_u64, 0..5_000_000_u64),
        ) {
            let less = rooms.0.min(rooms.1);
            let more = rooms.0.max(rooms.1);
            // The lowest layers of all are shared first, in one order for both rooms.
            let chooser = Chooser::default();
            let shares = |room: u64| {
                let mut shares = chooser.shares(Instant::now(), 9, &videos);
                share(room, &mut shares);
                shares.iter().map(|share| share.level > 0).collect::<Vec<_>>()
            };
            prop_assert!(shares(less) <= shares(more));
        }

        #[test]
        fn la9_in_a_room_that_stays_the_choice_stays(
            room in 0..5_000_000_u64,
            before in 0..5_000_000_u64,
            videos in any_videos(),
        ) {
            let mut chooser = Chooser::default();
            let mut now = Instant::now();
            chooser.choose(now, before, 9, &videos);
            // Longer than anything is held.
            for _ in 0..8 {
                now += LONGEST_HOLD;
                chooser.choose(now, room, 9, &videos);
            }
            let chosen = chooser.choose(now, room, 9, &videos);
            for _ in 0..8 {
                now += LONGEST_HOLD;
                prop_assert_eq!(&chooser.choose(now, room, 9, &videos), &chosen);
            }
        }
    }
}
