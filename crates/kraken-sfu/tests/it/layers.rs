//! Layers of video: everybody is sent what their connection holds and their page shows.

use crate::caller::Setup;
use crate::network::Weather;
use crate::studio::Studio;
use kraken_sfu::{Bounds, Limits, Tap, TapPacket, TapTrack};
use std::time::Duration;
use str0m::format::Codec;

const SECOND: Duration = Duration::from_secs(1);
const FULL: Option<(u32, u32)> = Some((1_280, 720));
const SMALL: Option<(u32, u32)> = Some((320, 180));

/// One who films and two who watch.
fn filmed(seed: u64, codec: Codec) -> Studio {
    let mut studio = Studio::new(seed, Weather::FAIR);
    studio.join("filmer", Setup::filming(codec));
    for viewer in ["one", "two"] {
        let setup = Setup::filming(codec);
        studio.join(
            viewer,
            Setup {
                layers: &[],
                ..setup
            },
        );
    }
    studio
}

#[test]
fn la11_each_receiver_is_sent_the_layer_that_it_shows() {
    let mut studio = filmed(1, Codec::Vp8);
    studio.show("one", "filmer", SMALL);
    studio.await_layer("two", "filmer", 2);
    studio.run(3 * SECOND);
    assert_eq!(studio.layer("one", "filmer"), Some(0));
    studio.show("one", "filmer", FULL);
    studio.show("two", "filmer", None);
    studio.await_layer("one", "filmer", 2);
    studio.run(SECOND);
    assert_eq!(studio.layer("two", "filmer"), None);
    studio.show("two", "filmer", SMALL);
    studio.run(2 * SECOND);
    assert_eq!(studio.layer("two", "filmer"), Some(0));
    for viewer in ["one", "two"] {
        let screening = studio.screening(viewer, "filmer");
        assert_eq!((screening.gaps, screening.late), (0, 0), "{viewer}");
    }
}

#[test]
fn la12_every_codec_is_agreed_on_and_sent_in_layers() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let mut studio = filmed(2, codec);
        studio.show("one", "filmer", SMALL);
        studio.await_layer("two", "filmer", 2);
        studio.run(4 * SECOND);
        assert_eq!(studio.layer("one", "filmer"), Some(0), "{codec:?}");
        studio.show("two", "filmer", SMALL);
        studio.run(2 * SECOND);
        assert_eq!(studio.layer("two", "filmer"), Some(0), "{codec:?}");
        for viewer in ["one", "two"] {
            let screening = studio.screening(viewer, "filmer");
            assert_eq!((screening.gaps, screening.late), (0, 0), "{codec:?}");
            assert!(screening.frames > 150, "{codec:?}: {screening:?}");
        }
    }
}

#[test]
fn la12_a_video_without_layers_is_sent_as_it_is() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let mut studio = Studio::new(3, Weather::FAIR);
        let setup = Setup::filming(codec);
        let layers = &[("", 2_000)];
        studio.join("filmer", Setup { layers, ..setup });
        studio.join(
            "viewer",
            Setup {
                layers: &[],
                ..setup
            },
        );
        studio.run(5 * SECOND);
        let screening = studio.screening("viewer", "filmer");
        assert_eq!((screening.gaps, screening.late), (0, 0), "{codec:?}");
        assert!(screening.frames > 100, "{codec:?}: {screening:?}");
        let layer = studio.caller("viewer").layers.values().next().unwrap();
        assert_eq!((&layer.rid, layer.is_paused), (&None, false));
    }
}

#[test]
fn la13_a_connection_that_gets_narrow_is_sent_less_and_others_are_not() {
    let mut studio = filmed(4, Codec::Vp8);
    studio.await_layer("one", "filmer", 2);
    studio.await_layer("two", "filmer", 2);
    studio.run(10 * SECOND);
    studio.cap("one", Some(600_000));
    studio.run(5 * SECOND);
    for _ in 0..10 {
        studio.run(SECOND);
        let layer = studio.layer("one", "filmer");
        assert!(layer.is_some_and(|layer| layer < 2), "{layer:?}");
        assert_eq!(studio.layer("two", "filmer"), Some(2));
    }
    studio.cap("one", None);
    studio.await_layer("one", "filmer", 2);
    // What the queue before the narrow place lost in the first seconds is sent again.
    let screening = studio.screening("one", "filmer");
    assert!(screening.gaps < 20, "{screening:?}");
    assert!(screening.frames > 600, "{screening:?}");
    let screening = studio.screening("two", "filmer");
    assert_eq!((screening.gaps, screening.late), (0, 0));
}

#[test]
fn la13_through_loss_all_goes_on() {
    let weather = Weather {
        jitter: Duration::ZERO,
        ..Weather::FOUL
    };
    let mut studio = Studio::new(5, weather);
    studio.join("filmer", Setup::filming(Codec::Vp8));
    studio.join("one", Setup::watching());
    studio.join("two", Setup::watching());
    studio.run(30 * SECOND);
    for viewer in ["one", "two"] {
        assert!(studio.layer(viewer, "filmer").is_some());
        let screening = studio.screening(viewer, "filmer");
        assert!(screening.gaps < 20, "{screening:?}");
        assert!(screening.frames > 600, "{screening:?}");
    }
}

#[test]
fn la13_where_there_is_no_room_for_video_audio_goes_on() {
    let mut studio = Studio::new(6, Weather::FAIR);
    let setup = Setup::filming(Codec::Vp8);
    let has_microphone = true;
    studio.join(
        "filmer",
        Setup {
            has_microphone,
            ..setup
        },
    );
    studio.join("viewer", Setup::watching());
    studio.run(5 * SECOND);
    studio.cap("viewer", Some(90_000));
    studio.run(10 * SECOND);
    assert_eq!(studio.layer("viewer", "filmer"), None);
    let layer = studio.caller("viewer").layers.values().next().unwrap();
    assert!(layer.is_paused, "{layer:?}");
    assert_eq!(studio.sfu.stats().videos_paused, 1);
    let sound = studio.caller("filmer").tracks[0].clone();
    let before = studio.caller("viewer").sounds[&sound];
    studio.run(10 * SECOND);
    let heard = studio.caller("viewer").sounds[&sound] - before;
    assert!(heard > 240, "{heard} packets of 250");
    studio.cap("viewer", None);
    studio.run(30 * SECOND);
    assert!(studio.layer("viewer", "filmer").is_some());
}

#[test]
fn la13_a_room_bounds_what_each_is_sent() {
    let mut studio = Studio::new(7, Weather::FAIR);
    studio.join("filmer", Setup::filming(Codec::Vp8));
    let setup = Setup::watching();
    let bounds = Bounds {
        bitrate: 600_000,
        ..setup.bounds
    };
    studio.join("viewer", Setup { bounds, ..setup });
    studio.await_layer("viewer", "filmer", 1);
    studio.run(10 * SECOND);
    assert!(studio.layer("viewer", "filmer") < Some(2));
}

#[test]
fn la14_of_many_cameras_those_of_the_latest_speakers_are_sent() {
    let limits = Limits {
        videos_per_peer: 2,
        ..Limits::default()
    };
    let mut studio = Studio::limited(8, Weather::FAIR, limits);
    let filmers = ["a", "b", "c", "d"];
    for filmer in filmers {
        let setup = Setup {
            layers: &[("", 600)],
            has_microphone: true,
            ..Setup::filming(Codec::Vp8)
        };
        studio.join(filmer, setup);
    }
    studio.join("viewer", Setup::watching());
    for speaker in filmers {
        studio.caller_mut(speaker).level = -20;
        studio.run(3 * SECOND);
        studio.caller_mut(speaker).level = -90;
        studio.run(3 * SECOND);
        assert!(studio.layer("viewer", speaker).is_some());
    }
    let seen = filmers.map(|filmer| studio.layer("viewer", filmer).is_some());
    assert_eq!(seen, [false, false, true, true]);
    let (_, _, order) = studio.speakers.last().unwrap();
    assert_eq!(*order, ["d", "c", "b", "a"]);
    let mut news = studio.speakers.windows(2);
    assert!(news.all(|pair| pair[1].0 - pair[0].0 >= SECOND / 3));
}

#[test]
fn la15_a_layer_that_its_publisher_stops_is_replaced_at_once() {
    let mut studio = filmed(9, Codec::Vp8);
    studio.await_layer("one", "filmer", 2);
    studio.run(3 * SECOND);
    let before = studio.screening("one", "filmer").frames;
    studio.caller_mut("filmer").off = vec![2];
    studio.run(2 * SECOND);
    assert_eq!(studio.layer("one", "filmer"), Some(1));
    let screening = studio.screening("one", "filmer");
    assert_eq!((screening.gaps, screening.late), (0, 0));
    // Of 50 frames, those that came while the highest layer was waited for are missing.
    assert!(screening.frames - before > 25, "{screening:?}");
    studio.caller_mut("filmer").off.clear();
    studio.await_layer("one", "filmer", 2);
}

#[test]
fn la15_a_camera_that_stands_still_goes_on_where_it_was() {
    let mut studio = filmed(10, Codec::Vp8);
    studio.await_layer("one", "filmer", 2);
    studio.await_layer("two", "filmer", 2);
    studio.run(3 * SECOND);
    let asked = studio.caller("filmer").keyframes_asked.len();
    studio.caller_mut("filmer").off = vec![0, 1, 2];
    studio.run(10 * SECOND);
    studio.caller_mut("filmer").off.clear();
    studio.run(SECOND);
    assert_eq!(studio.layer("one", "filmer"), Some(2));
    assert_eq!(studio.caller("filmer").keyframes_asked.len(), asked);
}

#[test]
fn la16_only_the_layer_that_somebody_waits_for_is_asked_for_a_keyframe() {
    let mut studio = filmed(11, Codec::Vp8);
    studio.show("one", "filmer", SMALL);
    studio.show("two", "filmer", SMALL);
    studio.await_layer("one", "filmer", 0);
    studio.await_layer("two", "filmer", 0);
    studio.run(2 * SECOND);
    let before = studio.caller("filmer").keyframes_asked.len();
    studio.show("one", "filmer", Some((640, 360)));
    studio.await_layer("one", "filmer", 1);
    let asked = &studio.caller("filmer").keyframes_asked[before..];
    let rids: Vec<_> = asked.iter().map(|(_, rid)| rid.unwrap()).collect();
    assert_eq!(rids, ["h".into()]);
}

#[test]
fn la17_nothing_of_a_silenced_track_is_sent_until_its_publisher_unmutes_it() {
    let mut studio = filmed(12, Codec::Vp8);
    studio.run(5 * SECOND);
    let track = studio.caller("filmer").tracks[0].clone();
    studio.sfu.silence(&Studio::room(), &track).unwrap();
    studio.run(SECOND);
    assert_eq!(studio.layer("one", "filmer"), None);
    let who = studio.caller("filmer").who.clone();
    studio.sfu.mute(&who, &track, false).unwrap();
    studio.run(3 * SECOND);
    assert!(studio.layer("one", "filmer").is_some());
}

#[test]
fn la19_who_only_reports_what_it_receives_stays() {
    let mut studio = filmed(14, Codec::Vp8);
    studio.run(3 * SECOND);
    studio.unchecked = vec!["one".to_owned()];
    studio.run(40 * SECOND);
    assert!(studio.layer("one", "filmer").is_some());
}

#[test]
fn la18_a_tap_gets_the_highest_layer_and_is_told_when_a_track_ends() {
    let mut studio = Studio::new(13, Weather::FAIR);
    let setup = Setup::filming(Codec::Vp8);
    let has_microphone = true;
    studio.join(
        "filmer",
        Setup {
            has_microphone,
            ..setup
        },
    );
    studio.run(2 * SECOND);
    assert!(studio.sfu.poll_tap().is_none());
    let now = studio.now;
    studio.sfu.tap(now, &Studio::room(), true).unwrap();
    studio.run(3 * SECOND);
    studio.caller_mut("filmer").off = vec![2];
    studio.run(3 * SECOND);
    studio.leave("filmer");
    let taps: Vec<Tap> = std::iter::from_fn(|| studio.sfu.poll_tap()).collect();
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
