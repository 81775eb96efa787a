//! What is counted.

use crate::client::{Client, Way};
use crate::rig::{Rig, config, get, until};
use std::time::Duration;

#[test]
fn en40_metrics_are_for_this_machine_and_the_key() {
    let rig = Rig::new(config());
    let status = |headers: &[(&str, &str)]| get(rig.http, "/metrics", headers).status().as_u16();
    assert_eq!(status(&[]), 200);
    let proxied = ("X-Forwarded-For", "203.0.113.7");
    assert_eq!(status(&[proxied]), 404);
    assert_eq!(status(&[proxied, ("Authorization", "Bearer wrong")]), 404);
    assert_eq!(
        status(&[proxied, ("Authorization", "Bearer engine-key")]),
        200
    );
}

#[test]
fn en41_a_call_is_counted() {
    let rig = Rig::new(config());
    let a = Client::join(rig.http, Way::udp(), "room", "a");
    let b = Client::join(rig.http, Way::udp(), "room", "b");
    until("both talk", Duration::from_secs(10), || {
        a.heard("b") > 50 && b.heard("a") > 50
    });
    let metric = |name: &str| rig.metric(&format!("kraken_engine_{name}"));
    until("it is counted", Duration::from_secs(5), || {
        metric("packets_out_total") > 100.0
    });
    assert_eq!(metric("rooms"), 1.0);
    assert_eq!(metric("peers"), 2.0);
    assert_eq!(metric("tracks"), 2.0);
    assert!(metric("bytes_in_total") >= 100.0 * metric("packets_in_total"));
    assert!(metric("forwarding_delay_seconds_count") > 100.0);
    until("receivers report", Duration::from_secs(25), || {
        metric("loss_ratio_count") > 0.0
    });
    assert!(metric("worker_busy_seconds_total{worker=\"0\"}") >= 0.0);
    drop((a, b));
    until("all is freed", Duration::from_secs(25), || {
        metric("peers") == 0.0
    });
    assert_eq!(metric("peers_closed_total"), 2.0);
    assert_eq!(metric("rooms_closed_total"), 1.0);
}
