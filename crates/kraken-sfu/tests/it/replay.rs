//! Layers of video over networks that were recorded: see `traces/README.md`.

use crate::bottleneck::Width;
use crate::client::Client;
use crate::network::Weather;
use crate::setup::{BOTH, Setup};
use crate::stage::{Stage, room};
use kraken_sfu::TrackSource;
use std::time::Duration;
use str0m::format::Codec;

/// The SFU looks at its calls this often.
const LOOK: Duration = Duration::from_millis(250);
/// How long the first second of a trace lasts before it, until the call has got used to it.
const WARM_UP: Duration = Duration::from_secs(20);
/// The same call begins this much later each time.
const SHIFT: Duration = Duration::from_millis(137);
const SHIFTS: u32 = 4;
/// How long a packet may wait before people begin to talk over each other.
const LATE: Duration = Duration::from_millis(300);
/// One way over 3G, and over 4G or a cable.
const SLOW: Duration = Duration::from_millis(50);
const FAST: Duration = Duration::from_millis(10);
/// Bytes that wait before the narrow place.
const QUEUE: usize = 64_000;
/// Bits a second of each layer, the lowest first, and of the audio with all that goes with it.
const LAYERS: [u64; 3] = [120_000, 400_000, 1_200_000];
const AUDIO: u64 = 60_000;

/// What is asked of calls over any network: a layer for which there is no room isn't sent for
/// longer than it takes to find out; one for which there is room is sent again after a while.
const TOO_MUCH: Duration = Duration::from_secs(6);
const TOO_LITTLE: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(1);
/// In hundredths of the time.
const OVERESTIMATED: usize = 20;
const SWITCHES: usize = 16;

/// What was at one look.
#[derive(Debug)]
struct Look {
    /// Bits a second that went through since the one before.
    width: u64,
    estimate: u64,
    /// The layer that is sent.
    layer: Option<usize>,
    /// How long a packet waits.
    wait: Duration,
    /// Packets of audio that came.
    heard: usize,
}

impl Look {
    /// The highest layer for which there is room, with as much to spare as is asked for before
    /// more is sent.
    fn fitting(&self) -> Option<usize> {
        let fits = |bitrate: &u64| (bitrate + AUDIO) * 100 / 85 <= self.width;
        LAYERS.iter().rposition(fits)
    }

    /// Whether more is sent than goes through. While nothing does, nobody can know.
    fn is_too_much(&self) -> bool {
        let sent = self.layer.map_or(0, |layer| LAYERS[layer]);
        (AUDIO..sent + AUDIO).contains(&self.width)
    }
}

/// What one call was like.
struct Replay(Vec<Look>);

impl Replay {
    fn of(trace: &str, delay: Duration, shift: Duration) -> Self {
        let fair = Weather::FAIR;
        let mut stage = Stage::new(1, Weather { delay, ..fair });
        let setup = Setup::filming(Codec::Vp8);
        let sources = BOTH;
        stage.enter("filmer", Setup { sources, ..setup });
        stage.enter("viewer", Setup::watching(Codec::Vp8));
        let width = Width::read(trace);
        let length = width.length();
        let address = stage.client("viewer").connection().address;
        let warm_up = WARM_UP + shift;
        let narrow = width.clone().after(warm_up);
        stage.network.narrow(address, narrow, QUEUE, stage.now);
        stage.run(warm_up);
        let begun = stage.now;
        let mut looks = Vec::new();
        while stage.now - begun < length {
            let width = width.at(stage.now - begun);
            looks.push(look(&mut stage, width));
        }
        Self(looks)
    }

    fn share(&self, is_so: impl Fn(&Look) -> bool) -> usize {
        self.0.iter().filter(|look| is_so(look)).count() * 100 / self.0.len()
    }

    /// The longest time for which something was so without a break.
    fn longest(&self, is_so: impl Fn(&Look) -> bool) -> Duration {
        let runs = self.0.chunk_by(|one, other| is_so(one) == is_so(other));
        let longest = runs.filter(|run| is_so(&run[0])).map(<[Look]>::len).max();
        LOOK * u32::try_from(longest.unwrap_or(0)).unwrap()
    }

    fn switches(&self) -> usize {
        let pairs = self.0.windows(2);
        pairs.filter(|pair| pair[0].layer != pair[1].layer).count()
    }

    /// In how many of a hundred looks the estimate is more than went through in any of the last
    /// three seconds. If nothing did, nobody can know.
    fn overestimated(&self) -> usize {
        let windows = self.0.windows(12);
        let count = windows.len();
        let is_over = |window: &&[Look]| {
            let most = window.iter().map(|look| look.width).max().unwrap();
            most > AUDIO && window[window.len() - 1].estimate > most
        };
        windows.filter(is_over).count() * 100 / count
    }

    /// Of a hundred bits of video for which there was room, so many were sent.
    fn used(&self) -> u64 {
        let bitrate = |layer: Option<usize>| layer.map_or(0, |layer| LAYERS[layer]);
        let fitting = self.0.iter().map(|look| bitrate(look.fitting()));
        let used = self
            .0
            .iter()
            .map(|look| bitrate(look.layer.min(look.fitting())));
        used.sum::<u64>() * 100 / fitting.sum::<u64>()
    }
}

fn look(stage: &mut Stage, width: u64) -> Look {
    let sound = stage.track("filmer", TrackSource::Microphone);
    let heard = stage.hears("viewer", &sound, LOOK);
    let roster = stage.sfu.roster(&room()).unwrap();
    let mut all = roster.participants.iter();
    let viewer = all.find(|one| one.user.name() == "viewer").unwrap();
    let client = stage.client("viewer");
    let told = client.layers.values().next();
    let rid = told.and_then(|told| told.rid.as_deref());
    Look {
        width,
        estimate: viewer.estimate,
        layer: rid.and_then(|rid| ["q", "h", "f"].iter().position(|name| *name == rid)),
        wait: stage.network.wait(client.connection().address, stage.now),
        heard,
    }
}

/// Replays a trace with a call. In hundredths, at least so much of the room is used, and at most
/// so much of the time a packet comes late.
fn check(trace: &str, delay: Duration, used: u64, late: usize) {
    for shift in 0..SHIFTS {
        let replay = Replay::of(trace, delay, SHIFT * shift);
        let too_much = replay.longest(Look::is_too_much);
        assert!(too_much <= TOO_MUCH, "{too_much:?} of too much");
        let too_little = replay.longest(|look| look.layer < look.fitting());
        assert!(too_little <= TOO_LITTLE, "{too_little:?} of too little");
        let silence = replay.longest(|look| look.heard == 0 && look.width > AUDIO);
        assert!(silence <= SILENCE, "{silence:?} of silence");
        let overestimated = replay.overestimated();
        assert!(overestimated <= OVERESTIMATED, "{overestimated} %");
        let switches = replay.switches();
        assert!(switches <= SWITCHES, "{switches} switches");
        assert!(replay.used() >= used, "{} % used", replay.used());
        let is_late = |look: &Look| look.wait > LATE;
        assert!(replay.share(is_late) <= late, "{} %", replay.share(is_late));
    }
}

/// Made up: for a minute, room for the layer in the middle.
#[test]
fn la22_on_a_line_that_stays_as_it_is() {
    check("\n60000,1000", FAST, 95, 2);
}

/// The network gets narrower for 25 seconds until next to nothing goes through, and stays bad.
#[test]
fn la22_on_a_bus_that_leaves_the_good_reception() {
    check(include_str!("traces/bus.csv"), SLOW, 65, 55);
}

/// Nothing goes through for 13 seconds, and four seconds later next to nothing for 3.
#[test]
fn la22_through_a_tunnel() {
    check(include_str!("traces/tunnel.csv"), SLOW, 45, 50);
}

/// From 40 Mbit/s to nothing and back, and many times between in half a minute.
#[test]
fn la22_on_a_train_with_dropouts_and_bursts() {
    check(include_str!("traces/train.csv"), FAST, 60, 22);
}

/// Some room to spare, but for a second or two in which everything waits and comes at once.
#[test]
fn la22_on_a_mobile_network_that_stalls() {
    check(include_str!("traces/stalls.csv"), SLOW, 60, 10);
}

/// Room for the lowest layer only, for a minute, and then for everything.
#[test]
fn la22_on_a_narrow_line_that_is_mended() {
    check(include_str!("traces/line.csv"), FAST, 65, 3);
}
