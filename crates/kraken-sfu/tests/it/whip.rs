//! WHIP and WHEP.

use crate::member::{Member, SILENCE};
use crate::network::Weather;
use crate::setup::{BOTH, MICROPHONE, Setup};
use crate::stage::{BOUNDS, Stage, room};
use kraken_sfu::{Attach, CallError, Error, Way};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn ce12_a_whip_client_is_received_by_members() {
    let mut stage = Stage::with(1, &["a"], MICROPHONE);
    stage.attach("whip", Way::Whip).unwrap();
    stage.run(2 * SECOND);
    for source in BOTH {
        let track = stage.track("whip", *source);
        assert!(stage.client_mut("a").heard(&track) > 40, "{source:?}");
    }
    let who = stage.client_mut("whip").who.clone();
    assert_eq!(
        stage.sfu.attached(&room(), &who.session),
        Some(who.user.clone())
    );
    let member = stage.client_mut("a").who.clone();
    assert_eq!(stage.sfu.attached(&room(), &member.session), None);
    let now = stage.now;
    stage.sfu.end(now, &who).unwrap();
    assert_eq!(stage.names(), ["a"]);
}

#[test]
fn ce12_a_fragment_restarts_ice_or_changes_nothing() {
    let mut stage = Stage::with(2, &["a"], MICROPHONE);
    let attached = stage.attach("whip", Way::Whip).unwrap();
    stage.run(SECOND);
    let (now, who) = (stage.now, stage.client_mut("whip").who.clone());
    let candidates = "a=mid:0\r\na=candidate:1 1 UDP 1 10.0.0.1 9 typ host\r\n";
    let taken = stage
        .sfu
        .take_fragment(now, &who, &attached.ice, candidates);
    assert_eq!(taken.unwrap().ice, attached.ice);
    let restart = "a=ice-ufrag:anew\r\na=ice-pwd:0123456789012345678901\r\n";
    let stale = stage.sfu.take_fragment(now, &who, "stale", restart);
    assert_eq!(stale, Err(CallError::OtherIceSession.into()));
    let restarted = stage.sfu.take_fragment(now, &who, "*", restart).unwrap();
    assert_ne!(restarted.ice, attached.ice);
    let fragment = restarted.fragment.unwrap();
    let credentials = format!("a=ice-ufrag:{}\r\n", restarted.ice);
    assert!(fragment.contains(&credentials), "{fragment}");
    assert!(fragment.contains("a=candidate:"), "{fragment}");
    let again = stage.sfu.take_fragment(now, &who, &restarted.ice, restart);
    assert_eq!(again.unwrap().fragment, None);
}

#[test]
fn ce13_a_whep_client_receives_who_speaks() {
    let mut stage = Stage::with(3, &["a", "b"], BOTH);
    for name in ["a", "b"] {
        stage.client_mut(name).level = SILENCE;
    }
    stage.attach("whep", Way::Whep).unwrap();
    stage.run(2 * SECOND);
    for track in ["audio", "video"] {
        assert!(stage.client_mut("whep").heard(track) > 20, "{track}");
    }
    let bytes_of = |stage: &Stage| stage.sfu.stats().packets_out;
    for name in ["b", "a", "b"] {
        stage.client_mut(name).level = -20;
        stage.run(3 * SECOND);
        let before = bytes_of(&stage);
        assert!(stage.hears("whep", "audio", SECOND) > 40, "{name}");
        assert!(stage.hears("whep", "video", SECOND) > 40, "{name}");
        assert!(bytes_of(&stage) > before);
        stage.client_mut(name).level = SILENCE;
    }
    // Nobody is left who publishes.
    for name in ["a", "b"] {
        let (now, who) = (stage.now, stage.client_mut(name).who.clone());
        stage.sfu.end(now, &who).unwrap();
        stage.clients.remove(name);
    }
    stage.run(SECOND);
    assert_eq!(stage.hears("whep", "audio", SECOND), 0);
    // The next one is received without being asked for.
    stage.join("c").unwrap();
    stage.publish("c", BOTH).unwrap();
    stage.run(2 * SECOND);
    assert!(stage.hears("whep", "video", SECOND) > 40);
}

#[test]
fn ce13_a_description_with_nothing_usable_is_refused() {
    let mut stage = Stage::new(4, Weather::FAIR);
    let attach = |stage: &mut Stage, way, offer: &str| {
        let who = Member::new(stage.now, 1, "x", Setup::PLAIN).who;
        let attach = Attach {
            who,
            way,
            offer: offer.to_owned(),
            bounds: BOUNDS,
        };
        stage.sfu.attach(stage.now, attach)
    };
    for way in [Way::Whip, Way::Whep] {
        let nonsense = attach(&mut stage, way, "nonsense");
        assert!(matches!(
            nonsense,
            Err(Error::Call(CallError::NothingUsable))
        ));
        let (data, _) = Member::new(stage.now, 1, "x", Setup::PLAIN).offer(&[]);
        let refused = attach(&mut stage, way, &data);
        assert_eq!(refused, Err(CallError::NothingUsable.into()));
        let (offer, _) = Member::new(stage.now, 1, "x", Setup::PLAIN).offer(MICROPHONE);
        let unknown = offer.replace("opus/48000", "other/48000");
        assert_eq!(
            attach(&mut stage, way, &unknown),
            Err(CallError::NothingUsable.into())
        );
    }
    assert!(stage.sfu.roster(&room()).is_none());
}
