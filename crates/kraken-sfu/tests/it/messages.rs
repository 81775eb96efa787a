//! Data channels.

use crate::setup::MICROPHONE;
use crate::stage::Stage;
use kraken_sfu::Farewell;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn send(stage: &mut Stage, user: &str, label: &str, message: &[u8]) -> bool {
    let now = stage.now;
    let sent = stage.client_mut(user).send(now, label, message);
    stage.carry();
    sent
}

#[test]
fn ce9_what_a_member_sends_reaches_the_same_channel_of_the_others() {
    let mut stage = Stage::with(1, &["a", "b", "c"], MICROPHONE);
    stage.run(3 * SECOND);
    for label in ["reliable", "lossy"] {
        assert!(send(&mut stage, "a", label, b"\x00to all"));
        assert!(send(&mut stage, "a", label, b"\x01cto c"));
    }
    // Nobody knows this channel.
    send(&mut stage, "a", "other", b"\x00nothing");
    stage.run(SECOND);
    let both = |message: &[u8]| {
        let labels = ["lossy", "reliable"];
        labels.map(|label| (label.to_owned(), message.to_vec()))
    };
    let received = |stage: &mut Stage, user| {
        let mut messages = stage.client_mut(user).messages.clone();
        messages.sort();
        messages
    };
    assert_eq!(received(&mut stage, "a"), []);
    assert_eq!(received(&mut stage, "b"), both(b"\x01ato all"));
    let mut to_c = [both(b"\x01ato all"), both(b"\x01ato c")].concat();
    to_c.sort();
    assert_eq!(received(&mut stage, "c"), to_c);
}

#[test]
fn ce10_a_flood_on_the_lossy_channel_is_cut() {
    let mut stage = Stage::with(2, &["a", "b"], MICROPHONE);
    stage.run(3 * SECOND);
    let message = [&[0][..], &[7; 1_000]].concat();
    let mut sent = 0;
    for _ in 0..400 {
        for _ in 0..100 {
            sent += usize::from(send(&mut stage, "a", "lossy", &message));
        }
        stage.run(Duration::from_millis(10));
    }
    stage.run(SECOND);
    let received = stage.client_mut("b").messages.len();
    // 1 MiB at once and 512 KiB in each of 5 s, of messages that count 1.5 KiB.
    assert!(sent > 3_000, "only {sent} were sent");
    assert!((700..=2_500).contains(&received), "{received} of {sent}");
    assert!(stage.sfu.stats().messages_lost > 0);
    assert_eq!(stage.farewell("a"), None);
}

#[test]
fn ce10_a_flood_on_the_reliable_channel_ends_its_sender() {
    let mut stage = Stage::with(3, &["a", "b"], MICROPHONE);
    stage.run(3 * SECOND);
    let message = [&[0][..], &[7; 10_000]].concat();
    for _ in 0..400 {
        for _ in 0..20 {
            send(&mut stage, "a", "reliable", &message);
        }
        stage.run(Duration::from_millis(10));
        if stage.farewell("a").is_some() {
            break;
        }
    }
    assert_eq!(stage.farewell("a"), Some(Farewell::Lost));
    assert_eq!(stage.names(), ["b"]);
}

#[test]
fn ce10_a_receiver_for_whom_too_much_waits_is_ended() {
    let mut stage = Stage::with(5, &["a", "b", "c"], MICROPHONE);
    stage.run(3 * SECOND);
    // It takes nothing any more, long before it counts as gone.
    let vanished = stage.clients.remove("b").unwrap();
    let message = [&[0][..], &[7; 8_000]].concat();
    let start = stage.now;
    while stage.farewell("b").is_none() {
        assert!(stage.now < start + 10 * SECOND, "it was kept");
        send(&mut stage, "a", "reliable", &message);
        stage.run(Duration::from_millis(20));
    }
    assert_eq!(stage.farewell("b"), Some(Farewell::Lost));
    assert_eq!(stage.names(), ["a", "c"]);
    assert!(stage.client_mut("c").messages.len() > 100);
    drop(vanished);
}

#[test]
fn ce10_a_message_without_form_is_not_passed_on() {
    let mut stage = Stage::with(4, &["a", "b"], MICROPHONE);
    stage.run(3 * SECOND);
    for bad in [&b""[..], b"\x05b", &[0; 16 * 1_024 + 2]] {
        send(&mut stage, "a", "lossy", bad);
    }
    stage.run(SECOND);
    assert_eq!(stage.client_mut("b").messages, []);
    assert_eq!(stage.names(), ["a", "b"]);
    send(&mut stage, "a", "reliable", b"\x05b");
    stage.run(SECOND);
    assert_eq!(stage.farewell("a"), Some(Farewell::Lost));
}
