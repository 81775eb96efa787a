//! Members of calls: how they come, publish, come back, and go.

use crate::network::Weather;
use crate::setup::{BOTH, MICROPHONE};
use crate::stage::{BOUNDS, EVERYTHING, Stage, room, user};
use kraken_sfu::{
    Bounds, CallError, Error, Farewell, Join, News, OfferedTrack, Rights, TrackSource,
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn ce1_who_publishes_is_heard_by_all_without_being_asked_for() {
    let mut stage = Stage::with(1, &["a", "b", "c"], BOTH);
    stage.run(3 * SECOND);
    for (listener, speaker) in [("a", "b"), ("b", "c"), ("c", "a")] {
        for source in BOTH {
            let track = stage.track(speaker, *source);
            let heard = stage.client_mut(listener).heard(&track);
            assert!(
                heard > 50,
                "{listener} heard {heard} of {speaker}'s {source:?}"
            );
        }
    }
}

#[test]
fn ce1_who_only_listens_hears() {
    let mut stage = Stage::with(2, &["speaker"], MICROPHONE);
    let rights = Rights::default();
    stage.join_with("listener", rights, BOUNDS).unwrap();
    stage.publish("listener", &[]).unwrap();
    stage.run(2 * SECOND);
    let track = stage.track("speaker", TrackSource::Microphone);
    assert!(stage.client_mut("listener").heard(&track) > 50);
    let refused = stage.publish("listener", MICROPHONE);
    assert_eq!(refused.unwrap_err(), CallError::MayNotPublish.into());
}

#[test]
fn ce2_one_offer_is_out_at_a_time_and_the_next_has_all_that_came_meanwhile() {
    let mut stage = Stage::with(3, &["a"], MICROPHONE);
    stage.run(SECOND);
    stage.client_mut("a").is_hesitant = true;
    for speaker in ["b", "c", "d"] {
        stage.join(speaker).unwrap();
        stage.publish(speaker, MICROPHONE).unwrap();
        stage.run(SECOND);
    }
    assert_eq!(stage.client("a").offers.len(), 1);
    assert!(stage.answer("a"));
    assert_eq!(stage.client("a").offers.len(), 1);
    assert_eq!(stage.client("a").offers[0].tracks.len(), 3);
    assert!(stage.answer("a"));
    assert!(stage.client("a").offers.is_empty());
    for speaker in ["b", "c", "d"] {
        let track = stage.track(speaker, TrackSource::Microphone);
        assert!(stage.hears("a", &track, SECOND) > 40);
    }
}

#[test]
fn ce3_a_members_offer_takes_back_the_one_that_it_has_not_answered() {
    let mut stage = Stage::with(4, &["a"], MICROPHONE);
    stage.run(SECOND);
    // The offer for `b` and the offer of `a` are under way at once.
    stage.client_mut("a").is_hesitant = true;
    stage.join("b").unwrap();
    stage.publish("b", MICROPHONE).unwrap();
    let taken_back = stage.client("a").offers[0].clone();
    stage.client_mut("a").is_hesitant = false;
    stage.client_mut("a").offers.clear();
    stage.publish("a", BOTH).unwrap();
    let (now, who) = (stage.now, stage.client_mut("a").who.clone());
    let late = stage
        .sfu
        .answer_offer(now, &who, taken_back.number, "v=0\r\n");
    assert_eq!(late, Err(CallError::OfferGone(taken_back.number).into()));
    stage.run(SECOND);
    let heard = stage.track("b", TrackSource::Microphone);
    assert!(stage.hears("a", &heard, SECOND) > 40);
    let seen = stage.track("a", TrackSource::Camera);
    // A picture may have to wait until the connection is known to take it.
    assert!(stage.hears("b", &seen, 5 * SECOND) > 40);
}

#[test]
fn ce4_a_track_that_is_left_out_is_gone_for_all() {
    let mut stage = Stage::with(5, &["a", "b"], BOTH);
    stage.run(2 * SECOND);
    let camera = stage.track("a", TrackSource::Camera);
    stage.publish("a", MICROPHONE).unwrap();
    stage.run(SECOND);
    assert_eq!(stage.tracks("a").len(), 1);
    assert_eq!(stage.hears("b", &camera, SECOND), 0);
    // The section is free for the next one, under another name.
    stage.publish("a", BOTH).unwrap();
    stage.run(SECOND);
    let again = stage.track("a", TrackSource::Camera);
    assert_ne!(again, camera);
    assert!(stage.hears("b", &again, 3 * SECOND) > 40);
}

#[test]
fn ce5_media_goes_on_while_a_members_socket_is_gone() {
    let mut stage = Stage::with(6, &["a", "b"], BOTH);
    stage.run(2 * SECOND);
    let (from_a, from_b) = (
        stage.track("a", TrackSource::Camera),
        stage.track("b", TrackSource::Camera),
    );
    stage.part("a");
    assert!(stage.hears("b", &from_a, 20 * SECOND) > 900);
    assert!(stage.hears("a", &from_b, SECOND) > 40);
    // What came meanwhile is offered when it is back.
    stage.join("c").unwrap();
    stage.publish("c", MICROPHONE).unwrap();
    stage.run(SECOND);
    stage.resume("a").unwrap();
    stage.run(SECOND);
    let from_c = stage.track("c", TrackSource::Microphone);
    assert!(stage.hears("a", &from_c, SECOND) > 40);
}

#[test]
fn ce5_an_offer_that_was_not_answered_is_made_again() {
    let mut stage = Stage::with(7, &["a"], MICROPHONE);
    stage.run(SECOND);
    stage.client_mut("a").is_reachable = false;
    stage.join("b").unwrap();
    stage.publish("b", MICROPHONE).unwrap();
    stage.run(SECOND);
    stage.part("a");
    stage.resume("a").unwrap();
    stage.run(SECOND);
    let track = stage.track("b", TrackSource::Microphone);
    assert!(stage.hears("a", &track, SECOND) > 40);
}

#[test]
fn ce5_who_comes_back_with_fewer_rights_no_longer_publishes() {
    let mut stage = Stage::with(16, &["a", "b"], MICROPHONE);
    stage.run(SECOND);
    let track = stage.track("a", TrackSource::Microphone);
    stage.part("a");
    let join = Join {
        who: stage.client_mut("a").who.clone(),
        rights: Rights::default(),
        bounds: BOUNDS,
    };
    stage.sfu.resume(&join).unwrap();
    stage.carry();
    stage.run(SECOND);
    assert_eq!(stage.tracks("a"), []);
    assert_eq!(stage.hears("b", &track, SECOND), 0);
}

#[test]
fn ce6_a_name_is_taken_until_its_owner_is_away() {
    let mut stage = Stage::with(8, &["a", "b"], MICROPHONE);
    stage.run(SECOND);
    let taken = CallError::UserTaken(user("a"));
    assert_eq!(stage.join("a"), Err(taken.into()));
    stage.part("a");
    let old = stage.clients.remove("a").unwrap();
    stage.join("a").unwrap();
    assert_eq!(stage.farewell("a"), Some(Farewell::Replaced));
    stage.publish("a", MICROPHONE).unwrap();
    stage.run(2 * SECOND);
    let track = stage.track("a", TrackSource::Microphone);
    assert!(stage.client_mut("b").heard(&track) > 40);
    // The old session is nobody's.
    stage.clients.insert("old".to_owned(), old);
    assert!(matches!(
        stage.resume("old"),
        Err(Error::SessionMismatch { .. })
    ));
}

#[test]
fn ce7_a_room_is_locked_for_all_but_admins() {
    let mut stage = Stage::with(9, &["a"], MICROPHONE);
    stage.sfu.lock(&room(), true).unwrap();
    stage.carry();
    assert!(stage.was_told(&News::Locked { is_locked: true }));
    let guest = Rights {
        publish: true,
        moderate: false,
    };
    let refused = stage.join_with("b", guest, BOUNDS);
    assert_eq!(refused, Err(CallError::Locked.into()));
    stage.join_with("admin", EVERYTHING, BOUNDS).unwrap();
    stage.sfu.lock(&room(), false).unwrap();
    stage.join_with("b", guest, BOUNDS).unwrap();
    assert_eq!(stage.names(), ["a", "admin", "b"]);
}

#[test]
fn ce7_who_is_removed_stays_out_until_the_room_is_empty() {
    let mut stage = Stage::with(10, &["a", "b"], MICROPHONE);
    stage.run(SECOND);
    let now = stage.now;
    stage.sfu.remove(now, &room(), &user("b")).unwrap();
    stage.carry();
    assert_eq!(stage.farewell("b"), Some(Farewell::Removed));
    stage.run(SECOND);
    assert!(stage.client_mut("b").is_closed);
    assert_eq!(stage.join("b"), Err(CallError::Removed.into()));
    let (now, who) = (stage.now, stage.client_mut("a").who.clone());
    stage.sfu.end(now, &who).unwrap();
    stage.join("b").unwrap();
}

#[test]
fn ce7_a_silenced_track_is_heard_again_when_its_publisher_says_so() {
    let mut stage = Stage::with(11, &["a", "b"], BOTH);
    stage.run(5 * SECOND);
    for source in BOTH {
        let track = stage.track("a", *source);
        stage.sfu.silence(&room(), &track).unwrap();
        stage.carry();
        stage.run(SECOND);
        assert_eq!(stage.hears("b", &track, SECOND), 0);
        let who = stage.client_mut("a").who.clone();
        stage.sfu.mute(&who, &track, true).unwrap();
        assert_eq!(stage.hears("b", &track, SECOND), 0);
        let asked_again = stage.sfu.stats().nacks_in;
        stage.sfu.mute(&who, &track, false).unwrap();
        // Every 5 seconds it is counted what was asked for again.
        assert!(stage.hears("b", &track, 6 * SECOND) > 200, "{source:?}");
        assert_eq!(stage.sfu.stats().nacks_in, asked_again);
    }
    let unknown = stage.sfu.silence(&room(), "t99");
    assert_eq!(unknown, Err(CallError::NoSuchTrack.into()));
}

#[test]
fn ce8_rooms_members_and_publishers_are_bounded() {
    let mut stage = Stage::new(12, Weather::FAIR);
    let bounds = Bounds {
        peers: 3,
        publishers: 1,
        ..BOUNDS
    };
    for name in ["a", "b", "c"] {
        stage.join_with(name, EVERYTHING, bounds).unwrap();
    }
    let full = stage.join_with("d", EVERYTHING, bounds);
    assert_eq!(full, Err(Error::RoomFull(3)));
    stage.publish("a", MICROPHONE).unwrap();
    stage.publish("b", &[]).unwrap();
    let refused = stage.publish("b", MICROPHONE);
    assert_eq!(refused.unwrap_err(), CallError::TooManyPublishers(1).into());
    // Who publishes already may publish something else.
    stage.publish("a", BOTH).unwrap();
}

#[test]
fn ce8_tracks_must_be_in_the_offer_and_few() {
    let mut stage = Stage::with(13, &["a"], MICROPHONE);
    let (now, who) = (stage.now, stage.client_mut("a").who.clone());
    let (offer, tracks) = stage.client_mut("a").offer(BOTH);
    let track = |mid: &str, source| OfferedTrack {
        mid: mid.to_owned(),
        source,
        is_muted: false,
    };
    let microphone = tracks[0].clone();
    for bad in [
        track("nowhere", TrackSource::Camera),
        track(&microphone.mid, TrackSource::Camera),
        microphone.clone(),
    ] {
        let tracks = [microphone.clone(), bad];
        let refused = stage.sfu.offer(now, &who, &offer, &tracks);
        assert!(
            matches!(refused, Err(Error::Call(CallError::BadTrack(_)))),
            "{refused:?}"
        );
    }
    let many = vec![microphone; 5];
    let refused = stage.sfu.offer(now, &who, &offer, &many);
    assert_eq!(refused, Err(CallError::TooManyTracks(5, 4).into()));
    // Nothing has changed.
    assert_eq!(stage.tracks("a").len(), 1);
}

#[test]
fn ce11_who_falls_silent_is_lost() {
    let mut stage = Stage::with(14, &["a", "b"], MICROPHONE);
    stage.run(2 * SECOND);
    stage.clients.remove("a");
    stage.run(16 * SECOND);
    assert_eq!(stage.farewell("a"), Some(Farewell::Lost));
    assert_eq!(stage.names(), ["b"]);
}

#[test]
fn ce11_who_has_nothing_to_connect_for_stays_as_long_as_its_socket() {
    let mut stage = Stage::new(15, Weather::FAIR);
    stage.join("a").unwrap();
    stage.run(60 * SECOND);
    assert_eq!(stage.names(), ["a"]);
    stage.part("a");
    stage.run(16 * SECOND);
    assert_eq!(stage.farewell("a"), Some(Farewell::Lost));
    assert!(stage.sfu.roster(&room()).is_none());
}
