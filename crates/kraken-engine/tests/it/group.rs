//! Calls of a process's rooms.

use crate::caller::Caller;
use crate::process::{LIMITS, Process, named};
use crate::rig::{Rig, config, until};
use kraken_call::{
    Answer, Ended, FromClient, Join, Moderation, OfferedTrack, Question, Source, ToClient, ToEngine,
};
use kraken_engine::RecordingConfig;
use serde_json::json;
use std::time::Duration;

const ROOM: &str = "app:room";

fn code(told: ToClient) -> String {
    match told {
        ToClient::Error(problem) => problem.code,
        other => panic!("no error: {other:?}"),
    }
}

fn track(mid: &str) -> OfferedTrack {
    OfferedTrack {
        mid: mid.to_owned(),
        source: Source::Camera,
        muted: false,
    }
}

#[test]
fn ce14_members_hear_each_other_and_know_who_is_there() {
    let rig = Rig::new(config());
    let mut process = Process::new(&rig);
    process.call(1, "a");
    process.call(2, "b");
    let seen = process.told(
        1,
        "that b publishes",
        |message| matches!(message, ToClient::Peer(member) if !member.tracks.is_empty()),
    );
    let ToClient::Peer(seen) = seen else {
        panic!("nobody is seen");
    };
    assert_eq!((seen.peer.as_str(), seen.name.as_deref()), ("b", Some("B")));
    assert_eq!(seen.tracks[0].source, Source::Microphone);
    process.hears(1, 50);
    process.hears(2, 50);
    let joined = process.join(3, named("c"));
    let ToClient::Joined {
        peers,
        resumed: false,
        may_moderate: false,
        ..
    } = joined
    else {
        panic!("not joined: {joined:?}");
    };
    let names: Vec<&str> = peers.iter().map(|peer| peer.peer.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    process.say(2, FromClient::Leave {});
    process.told(
        1,
        "that b has left",
        |message| matches!(message, ToClient::PeerLeft { peer } if peer == "b"),
    );
    until("all are counted", Duration::from_secs(5), || {
        rig.metric("kraken_engine_call_joins_total") == 3.0
            && rig.metric("kraken_engine_call_members") == 2.0
    });
}

#[test]
fn ce15_a_member_comes_back_to_its_media() {
    let rig = Rig::new(config());
    let mut process = Process::new(&rig);
    process.call(1, "a");
    let session = process.call(2, "b");
    process.hears(1, 20);
    process.hears(2, 20);
    assert_eq!(code(process.join(3, named("b"))), "peer_taken");
    process.send(&ToEngine::Gone { member: 2 });
    process.hears(1, 50);
    process.hears(2, 50);
    let back = Join {
        session: Some(session.clone()),
        ..named("b")
    };
    let joined = process.join(4, back.clone());
    assert!(matches!(joined, ToClient::Joined { resumed: true, .. }));
    // A socket whose end nobody has noticed yet is overtaken.
    process.join(5, back);
    let reason = Ended::Replaced;
    process.told(4, "that it was replaced", |message| {
        *message == ToClient::Ended { reason }
    });
    process.hears(1, 50);
    until("both are counted", Duration::from_secs(5), || {
        rig.metric("kraken_engine_call_resumptions_total") == 2.0
    });
}

#[test]
fn ce15_a_process_comes_back_to_all_its_calls() {
    let rig = Rig::new(config());
    let mut process = Process::new(&rig);
    let first = process.call(1, "a");
    process.call(2, "b");
    process.hears(1, 20);
    process.reconnect();
    process.hears(1, 50);
    let back = Join {
        session: Some(first),
        ..named("a")
    };
    let joined = process.join(7, back);
    assert!(matches!(joined, ToClient::Joined { resumed: true, .. }));
    // Nobody has come back as b, so that its name is free.
    let joined = process.join(8, named("b"));
    assert!(matches!(joined, ToClient::Joined { resumed: false, .. }));
}

#[test]
fn ce16_only_admins_moderate() {
    let rig = Rig::new(config());
    let mut process = Process::new(&rig);
    process.call(1, "admin");
    process.call(2, "b");
    let lock = FromClient::Moderate(Moderation::Lock { locked: true });
    process.say(2, lock.clone());
    let refused = process.told(2, "that it may not", |message| {
        matches!(message, ToClient::Error(_))
    });
    assert_eq!(code(refused), "not_allowed");
    process.say(1, lock);
    process.told(2, "that the room is locked", |message| {
        *message == ToClient::Locked { locked: true }
    });
    assert_eq!(code(process.join(3, named("c"))), "locked");
    let remove = Moderation::Remove {
        peer: "b".to_owned(),
    };
    let question = Question::Moderate {
        room: ROOM.to_owned(),
        moderation: remove,
    };
    assert_eq!(process.ask(question.clone()), Ok(Answer::Done {}));
    let reason = Ended::Removed;
    process.told(2, "that it has to go", |message| {
        *message == ToClient::Ended { reason }
    });
    assert_eq!(process.ask(question).unwrap_err().code, "no_such_peer");
    assert_eq!(code(process.join(4, named("b"))), "removed");
}

#[test]
fn ce17_whip_and_whep_meet_members() {
    let rig = Rig::new(config());
    let mut process = Process::new(&rig);
    process.call(1, "a");
    let viewer = Caller::new();
    let attached = process.ask(Question::Whep {
        room: ROOM.to_owned(),
        sdp: viewer.ask(),
        limits: LIMITS,
    });
    let Ok(Answer::Session { session, sdp, etag }) = attached else {
        panic!("can't view: {attached:?}");
    };
    viewer.accept(&sdp);
    until("the viewer hears", Duration::from_secs(10), || {
        viewer.heard() > 50
    });
    let publisher = Caller::new();
    let (offer, _) = publisher.offer();
    let attached = process.ask(Question::Whip {
        room: ROOM.to_owned(),
        sdp: offer,
        limits: LIMITS,
    });
    let Ok(Answer::Session { sdp, .. }) = attached else {
        panic!("can't publish: {attached:?}");
    };
    publisher.accept(&sdp);
    process.hears(1, 50);
    let rooms = process.ask(Question::Rooms {}).unwrap();
    let Answer::Rooms { rooms } = rooms else {
        panic!("no rooms: {rooms:?}");
    };
    assert_eq!((rooms.len(), rooms[0].peers.len()), (1, 3));
    let trickle = |if_match: &str| Question::Trickle {
        room: ROOM.to_owned(),
        session: session.clone(),
        if_match: if_match.to_owned(),
        fragment: "a=mid:0\r\n".to_owned(),
    };
    assert!(process.ask(trickle(&etag)).is_ok());
    assert_eq!(process.ask(trickle("old")).unwrap_err().code, "stale");
    let leave = Question::Leave {
        room: ROOM.to_owned(),
        session: session.clone(),
    };
    assert_eq!(process.ask(leave.clone()), Ok(Answer::Done {}));
    assert_eq!(process.ask(leave).unwrap_err().code, "no_such_session");
    let refused = process.ask(Question::Whip {
        room: ROOM.to_owned(),
        sdp: "nonsense".to_owned(),
        limits: LIMITS,
    });
    assert_eq!(refused.unwrap_err().code, "unsupported");
}

#[test]
fn ce18_a_recording_begins_and_ends_with_its_room() {
    let folder = std::env::temp_dir().join(format!("kraken-calls-{}", std::process::id()));
    let mut config = config();
    config.recordings = Some(RecordingConfig::in_folder(&folder));
    let rig = Rig::new(config);
    let mut process = Process::new(&rig);
    let record = Question::Record {
        room: ROOM.to_owned(),
    };
    assert_eq!(
        process.ask(record.clone()).unwrap_err().code,
        "no_such_room"
    );
    process.call(1, "a");
    assert!(process.ask(record.clone()).is_ok());
    process.told(1, "that it is recorded", |message| {
        *message == ToClient::Recorded { recorded: true }
    });
    assert_eq!(process.ask(record).unwrap_err().code, "recording");
    let joined = process.join(2, named("b"));
    assert!(matches!(joined, ToClient::Joined { recorded: true, .. }));
    for member in [1, 2] {
        process.say(member, FromClient::Leave {});
    }
    until("the recording has ended", Duration::from_secs(10), || {
        let listed = process.ask(Question::Recordings {}).unwrap();
        let Answer::Recordings { recordings } = listed else {
            panic!("no recordings: {listed:?}");
        };
        recordings[0].ended.is_some()
    });
    drop(rig);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn ce19_what_makes_no_sense_costs_nothing_but_itself() {
    let rig = Rig::new(config());
    let mut process = Process::new(&rig);
    process.send_bytes("nonsense");
    process.send_bytes(vec![b' '; 3 * 1_024 * 1_024]);
    process.send(&ToEngine::Gone { member: 9 });
    process.say(9, FromClient::Leave {});
    for bad in [
        named(""),
        named(&"x".repeat(129)),
        Join {
            name: Some("x".repeat(257)),
            ..named("a")
        },
        Join {
            metadata: json!("x".repeat(5_000)),
            ..named("a")
        },
    ] {
        assert_eq!(code(process.join(1, bad)), "bad_call");
    }
    // A session of nobody is as good as none.
    let unknown = Join {
        session: Some("guess".to_owned()),
        ..named("a")
    };
    let joined = process.join(1, unknown);
    assert!(matches!(joined, ToClient::Joined { resumed: false, .. }));
    let refusals = [
        (
            FromClient::Publish {
                sdp: "v=0\r\n".repeat(200_000),
                tracks: Vec::new(),
            },
            "bad_sdp",
        ),
        (
            FromClient::Publish {
                sdp: "nonsense".to_owned(),
                tracks: Vec::new(),
            },
            "bad_sdp",
        ),
        (
            FromClient::Publish {
                sdp: String::new(),
                tracks: vec![track("0"); 2_000],
            },
            "bad_call",
        ),
        (
            FromClient::Publish {
                sdp: String::new(),
                tracks: vec![track("0"); 64],
            },
            "too_many_tracks",
        ),
        (
            FromClient::Answer {
                offer: 5,
                sdp: String::new(),
            },
            "no_such_offer",
        ),
        (
            FromClient::Mute {
                track: "t9".to_owned(),
                muted: true,
            },
            "no_such_track",
        ),
        (FromClient::Join(named("a")), "bad_call"),
    ];
    for (message, expected) in refusals {
        let kind = message.kind();
        process.say(1, message);
        let told = process.told(1, "an error", |told| matches!(told, ToClient::Error(_)));
        let ToClient::Error(problem) = told else {
            panic!("no error: {told:?}");
        };
        assert_eq!(
            (problem.code.as_str(), problem.about.as_deref()),
            (expected, Some(kind))
        );
    }
    process.call(2, "b");
    assert_eq!(rig.metric("kraken_engine_peers_failed_total"), 0.0);
}

#[test]
fn ce20_a_process_that_does_not_listen_is_cut_off() {
    let rig = Rig::new(config());
    let mut process = Process::new(&rig);
    for member in 1..=40 {
        let joined = process.join(member, named(&format!("peer-{member}")));
        assert!(matches!(joined, ToClient::Joined { .. }));
    }
    // All 40 hear of each of these.
    for round in 0..400 {
        let locked = round % 2 == 0;
        process.say(1, FromClient::Moderate(Moderation::Lock { locked }));
    }
    assert!(process.is_cut_off());
    process.reconnect();
    let joined = process.join(1, named("peer-1"));
    assert!(matches!(joined, ToClient::Joined { .. }));
}
