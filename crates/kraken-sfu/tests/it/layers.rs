//! Layers of video: everybody is sent what their connection holds and their page shows.

use crate::member::SILENCE;
use crate::network::{Packet, Weather};
use crate::setup::{BOTH, Setup};
use crate::stage::{BOUNDS, Stage, room};
use kraken_sfu::{Bounds, Limits, Tap, TapPacket, TapTrack, TrackSource};
use std::time::Duration;
use str0m::format::Codec;

const SECOND: Duration = Duration::from_secs(1);
const FULL: Option<(u32, u32)> = Some((1_280, 720));
const SMALL: Option<(u32, u32)> = Some((320, 180));

/// One who films and two who watch.
fn filmed(seed: u64, codec: Codec) -> Stage {
    let mut stage = Stage::new(seed, Weather::FAIR);
    stage.enter("filmer", Setup::filming(codec));
    for viewer in ["one", "two"] {
        stage.enter(viewer, Setup::watching(codec));
    }
    stage
}

#[test]
fn la11_each_receiver_is_sent_the_layer_that_it_shows() {
    let mut stage = filmed(1, Codec::Vp8);
    stage.show("one", "filmer", SMALL);
    stage.await_layer("two", "filmer", 2);
    stage.run(3 * SECOND);
    assert_eq!(stage.layer("one", "filmer"), Some(0));
    stage.show("one", "filmer", FULL);
    stage.show("two", "filmer", None);
    stage.await_layer("one", "filmer", 2);
    stage.run(SECOND);
    assert_eq!(stage.layer("two", "filmer"), None);
    stage.show("two", "filmer", SMALL);
    stage.run(2 * SECOND);
    assert_eq!(stage.layer("two", "filmer"), Some(0));
    for viewer in ["one", "two"] {
        let screening = stage.screening(viewer, "filmer");
        assert_eq!((screening.gaps, screening.late), (0, 0), "{viewer}");
    }
}

#[test]
fn la12_every_codec_is_agreed_on_and_sent_in_layers() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let mut stage = filmed(2, codec);
        stage.show("one", "filmer", SMALL);
        stage.await_layer("two", "filmer", 2);
        stage.run(4 * SECOND);
        assert_eq!(stage.layer("one", "filmer"), Some(0), "{codec:?}");
        stage.show("two", "filmer", SMALL);
        stage.run(2 * SECOND);
        assert_eq!(stage.layer("two", "filmer"), Some(0), "{codec:?}");
        for viewer in ["one", "two"] {
            let screening = stage.screening(viewer, "filmer");
            assert_eq!((screening.gaps, screening.late), (0, 0), "{codec:?}");
            assert!(screening.frames > 150, "{codec:?}: {screening:?}");
        }
    }
}

#[test]
fn la12_a_video_without_layers_is_sent_as_it_is() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let mut stage = Stage::new(3, Weather::FAIR);
        let setup = Setup::filming(codec);
        let layers = &[("", 2_000)];
        stage.enter("filmer", Setup { layers, ..setup });
        stage.enter("viewer", Setup::watching(codec));
        stage.run(5 * SECOND);
        let screening = stage.screening("viewer", "filmer");
        assert_eq!((screening.gaps, screening.late), (0, 0), "{codec:?}");
        assert!(screening.frames > 100, "{codec:?}: {screening:?}");
        let layer = stage.client("viewer").layers.values().next().unwrap();
        assert_eq!((&layer.rid, layer.is_paused), (&None, false));
    }
}

#[test]
fn la13_a_connection_that_gets_narrow_is_sent_less_and_others_are_not() {
    let mut stage = filmed(4, Codec::Vp8);
    stage.await_layer("one", "filmer", 2);
    stage.await_layer("two", "filmer", 2);
    stage.run(10 * SECOND);
    stage.cap("one", Some(600_000));
    stage.run(5 * SECOND);
    for _ in 0..10 {
        stage.run(SECOND);
        let layer = stage.layer("one", "filmer");
        assert!(layer.is_some_and(|layer| layer < 2), "{layer:?}");
        assert_eq!(stage.layer("two", "filmer"), Some(2));
    }
    stage.cap("one", None);
    stage.await_layer("one", "filmer", 2);
    // What the queue before the narrow place lost in the first seconds is sent again.
    let screening = stage.screening("one", "filmer");
    assert!(screening.gaps < 20, "{screening:?}");
    assert!(screening.frames > 600, "{screening:?}");
    let screening = stage.screening("two", "filmer");
    assert_eq!((screening.gaps, screening.late), (0, 0));
}

#[test]
fn la13_through_loss_all_goes_on() {
    let weather = Weather {
        jitter: Duration::ZERO,
        ..Weather::FOUL
    };
    let mut stage = Stage::new(5, weather);
    stage.enter("filmer", Setup::filming(Codec::Vp8));
    stage.enter("one", Setup::watching(Codec::Vp8));
    stage.enter("two", Setup::watching(Codec::Vp8));
    stage.run(30 * SECOND);
    for viewer in ["one", "two"] {
        assert!(stage.layer(viewer, "filmer").is_some());
        let screening = stage.screening(viewer, "filmer");
        assert!(screening.gaps < 20, "{screening:?}");
        assert!(screening.frames > 600, "{screening:?}");
    }
}

#[test]
fn la13_where_there_is_no_room_for_video_audio_goes_on() {
    let mut stage = Stage::new(6, Weather::FAIR);
    let sources = BOTH;
    let setup = Setup::filming(Codec::Vp8);
    stage.enter("filmer", Setup { sources, ..setup });
    stage.enter("viewer", Setup::watching(Codec::Vp8));
    stage.run(5 * SECOND);
    stage.cap("viewer", Some(90_000));
    stage.run(10 * SECOND);
    assert_eq!(stage.layer("viewer", "filmer"), None);
    let layer = stage.client("viewer").layers.values().next().unwrap();
    assert!(layer.is_paused, "{layer:?}");
    assert_eq!(stage.sfu.stats().videos_paused, 1);
    let sound = stage.track("filmer", TrackSource::Microphone);
    let heard = stage.hears("viewer", &sound, 10 * SECOND);
    assert!(heard > 240, "{heard} packets of 250");
    stage.cap("viewer", None);
    stage.run(30 * SECOND);
    assert!(stage.layer("viewer", "filmer").is_some());
}

#[test]
fn la13_a_room_bounds_what_each_is_sent() {
    let mut stage = Stage::new(7, Weather::FAIR);
    stage.enter("filmer", Setup::filming(Codec::Vp8));
    let bounds = Bounds {
        bitrate: 600_000,
        ..BOUNDS
    };
    stage.enter_bounded("viewer", Setup::watching(Codec::Vp8), bounds);
    stage.await_layer("viewer", "filmer", 1);
    stage.run(10 * SECOND);
    assert!(stage.layer("viewer", "filmer") < Some(2));
}

#[test]
fn la14_of_many_cameras_those_of_the_latest_speakers_are_sent() {
    let limits = Limits {
        videos_per_peer: 2,
        ..Limits::default()
    };
    let mut stage = Stage::limited(8, Weather::FAIR, limits);
    let filmers = ["a", "b", "c", "d"];
    for filmer in filmers {
        let setup = Setup {
            layers: &[("", 600)],
            sources: BOTH,
            ..Setup::filming(Codec::Vp8)
        };
        stage.enter(filmer, setup);
        stage.client_mut(filmer).level = SILENCE;
    }
    stage.enter("viewer", Setup::watching(Codec::Vp8));
    for speaker in filmers {
        stage.client_mut(speaker).level = -20;
        stage.run(3 * SECOND);
        stage.client_mut(speaker).level = SILENCE;
        stage.run(3 * SECOND);
        assert!(stage.layer("viewer", speaker).is_some());
    }
    let seen = filmers.map(|filmer| stage.layer("viewer", filmer).is_some());
    assert_eq!(seen, [false, false, true, true]);
    let speakers = stage.speakers();
    assert_eq!(speakers.last().unwrap().1, ["d", "c", "b", "a"]);
    let mut news = speakers.windows(2);
    assert!(news.all(|pair| pair[1].0 - pair[0].0 >= SECOND / 3));
}

#[test]
fn la15_a_layer_that_its_publisher_stops_is_replaced_at_once() {
    let mut stage = filmed(9, Codec::Vp8);
    stage.await_layer("one", "filmer", 2);
    stage.run(3 * SECOND);
    let before = stage.screening("one", "filmer").frames;
    stage.client_mut("filmer").off = vec![2];
    stage.run(2 * SECOND);
    assert_eq!(stage.layer("one", "filmer"), Some(1));
    let screening = stage.screening("one", "filmer");
    assert_eq!((screening.gaps, screening.late), (0, 0));
    // Of 50 frames, those that came while the highest layer was waited for are missing.
    assert!(screening.frames - before > 25, "{screening:?}");
    stage.client_mut("filmer").off.clear();
    stage.await_layer("one", "filmer", 2);
}

#[test]
fn la15_a_camera_that_stands_still_goes_on_where_it_was() {
    let mut stage = filmed(10, Codec::Vp8);
    stage.await_layer("one", "filmer", 2);
    stage.await_layer("two", "filmer", 2);
    stage.run(3 * SECOND);
    let asked = stage.client("filmer").keyframes_asked.len();
    stage.client_mut("filmer").off = vec![0, 1, 2];
    stage.run(10 * SECOND);
    stage.client_mut("filmer").off.clear();
    stage.run(SECOND);
    assert_eq!(stage.layer("one", "filmer"), Some(2));
    assert_eq!(stage.client("filmer").keyframes_asked.len(), asked);
}

#[test]
fn la16_only_the_layer_that_somebody_waits_for_is_asked_for_a_keyframe() {
    let mut stage = filmed(11, Codec::Vp8);
    stage.show("one", "filmer", SMALL);
    stage.show("two", "filmer", SMALL);
    stage.await_layer("one", "filmer", 0);
    stage.await_layer("two", "filmer", 0);
    stage.run(2 * SECOND);
    let before = stage.client("filmer").keyframes_asked.len();
    stage.show("one", "filmer", Some((640, 360)));
    stage.await_layer("one", "filmer", 1);
    let asked = &stage.client("filmer").keyframes_asked[before..];
    let rids: Vec<_> = asked.iter().map(|(_, rid)| rid.unwrap()).collect();
    assert_eq!(rids, ["h".into()]);
}

#[test]
fn la17_nothing_of_a_silenced_track_is_sent_until_its_publisher_unmutes_it() {
    let mut stage = filmed(12, Codec::Vp8);
    stage.run(5 * SECOND);
    let track = stage.track("filmer", TrackSource::Camera);
    stage.sfu.silence(&room(), &track).unwrap();
    stage.run(SECOND);
    assert_eq!(stage.layer("one", "filmer"), None);
    let who = stage.client("filmer").who.clone();
    stage.sfu.mute(&who, &track, false).unwrap();
    stage.run(3 * SECOND);
    assert!(stage.layer("one", "filmer").is_some());
}

#[test]
fn la19_who_only_reports_what_it_receives_stays() {
    let mut stage = filmed(14, Codec::Vp8);
    stage.run(3 * SECOND);
    let address = stage.client("one").connection.address;
    stage.network.sink(address, Packet::is_check);
    stage.run(40 * SECOND);
    assert!(stage.layer("one", "filmer").is_some());
}

#[test]
fn la18_a_tap_gets_the_highest_layer_and_is_told_when_a_track_ends() {
    let mut stage = Stage::new(13, Weather::FAIR);
    let sources = BOTH;
    let setup = Setup::filming(Codec::Vp8);
    stage.enter("filmer", Setup { sources, ..setup });
    stage.run(2 * SECOND);
    assert!(stage.sfu.poll_tap().is_none());
    let now = stage.now;
    stage.sfu.tap(now, &room(), true).unwrap();
    stage.run(3 * SECOND);
    stage.client_mut("filmer").off = vec![2];
    stage.run(3 * SECOND);
    stage.leave("filmer");
    let taps: Vec<Tap> = std::iter::from_fn(|| stage.sfu.poll_tap()).collect();
    let tracks = taps.iter().filter_map(|tap| match tap {
        Tap::Track(track) => Some(track),
        Tap::Packet { .. } | Tap::End { .. } => None,
    });
    let tracks: Vec<&TapTrack> = tracks.collect();
    assert_eq!(tracks.len(), 2);
    for track in tracks {
        let packets = taps.iter().filter_map(|tap| match tap {
            Tap::Packet { track: id, packet } if *id == track.id => Some(packet),
            Tap::Packet { .. } | Tap::Track(_) | Tap::End { .. } => None,
        });
        let packets: Vec<&TapPacket> = packets.collect();
        assert!(packets.len() > 130, "{track:?}: {}", packets.len());
        let mut pairs = packets.windows(2);
        assert!(pairs.all(|pair| pair[0].sequence + 1 == pair[1].sequence));
        let mut pairs = packets.windows(2);
        assert!(pairs.all(|pair| pair[0].time <= pair[1].time));
        assert!(packets.iter().any(|packet| packet.sent.is_some()));
        let is_end = |tap: &Tap| matches!(tap, Tap::End { track: id } if *id == track.id);
        assert_eq!(taps.iter().filter(|tap| is_end(tap)).count(), 1);
    }
}
