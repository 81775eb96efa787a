//! Everybody hears everybody, whichever way the packets go.

use crate::client::{Client, Way};
use crate::rig::{Rig, config, until};
use kraken_engine::Address;
use serde_json::json;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn en10_three_clients_hear_each_other_on_any_worker() {
    let rig = Rig::new(config());
    // Several rooms, so that both workers have some, and senders land on the other one's socket.
    let rooms = ["one", "two", "three", "four"];
    let calls: Vec<(&str, Vec<Client>)> = rooms
        .iter()
        .map(|room| {
            let join = |user| Client::join(rig.http, Way::udp(), room, user);
            (*room, vec![join("a"), join("b"), join("c")])
        })
        .collect();
    for (room, clients) in &calls {
        for (client, others) in clients.iter().zip([["b", "c"], ["a", "c"], ["a", "b"]]) {
            for other in others {
                until(&format!("{other} is heard in {room}"), PATIENCE, || {
                    client.heard(other) > 50
                });
            }
        }
    }
}

#[test]
fn en11_a_client_without_udp_comes_by_tcp() {
    let rig = Rig::new(config());
    let tcp = Client::join(rig.http, Way::tcp(rig.engine.tcp()[0]), "room", "tcp");
    let udp = Client::join(rig.http, Way::udp(), "room", "udp");
    until("udp is heard by tcp", PATIENCE, || tcp.heard("udp") > 50);
    until("tcp is heard by udp", PATIENCE, || udp.heard("tcp") > 50);
}

#[test]
fn en12_ipv6_and_ipv4_meet() {
    let mut config = config();
    let loopback = "::1".parse().unwrap();
    if std::net::UdpSocket::bind((loopback, 0)).is_err() {
        return;
    }
    config.addresses.push(Address {
        bind: loopback,
        announced: loopback,
    });
    let rig = Rig::new(config);
    assert_eq!(rig.engine.udp().len(), 2);
    let socket = std::net::UdpSocket::bind("[::1]:0").unwrap();
    let v6 = Client::join(rig.http, Way::Udp(socket), "room", "v6");
    let v4 = Client::join(rig.http, Way::udp(), "room", "v4");
    until("v4 is heard by v6", PATIENCE, || v6.heard("v4") > 50);
    until("v6 is heard by v4", PATIENCE, || v4.heard("v6") > 50);
}

#[test]
fn en1_clients_reach_an_engine_behind_a_nat_at_its_announced_address() {
    let mut config = config();
    let address = Address {
        announced: "203.0.113.7".parse().unwrap(),
        ..config.addresses[0]
    };
    config.addresses = vec![address];
    let rig = Rig::new(config);
    assert_eq!(rig.engine.udp()[0].ip(), address.announced);
    assert_eq!(rig.engine.tcp()[0].ip(), address.announced);
    let a = Client::join(rig.http, Way::nat(address), "room", "a");
    let b = Client::join(rig.http, Way::nat(address), "room", "b");
    until("a is heard by b", PATIENCE, || b.heard("a") > 50);
    until("b is heard by a", PATIENCE, || a.heard("b") > 50);
}

#[test]
fn en15_rooms_are_spread_over_the_workers_and_rejoined_where_they_are() {
    let rig = Rig::new(config());
    let join = |room, user| Client::join(rig.http, Way::udp(), room, user);
    let _first = ["one", "two", "three", "four"].map(|room| join(room, "a"));
    let late = ["one", "two", "three", "four"].map(|room| join(room, "b"));
    for client in &late {
        until("a is heard by b", PATIENCE, || client.heard("a") > 10);
    }
    until("both workers work", PATIENCE, || {
        let [a, b] = [0, 1].map(|worker| {
            rig.metric(&format!(
                "kraken_engine_worker_busy_seconds_total{{worker=\"{worker}\"}}"
            ))
        });
        a.min(b) > 0.2 * (a + b)
    });
}

#[test]
fn en13_who_vanishes_is_gone_within_seven_seconds() {
    let rig = Rig::new(config());
    let stays = Client::join(rig.http, Way::udp(), "room", "stays");
    let vanishes = Client::join(rig.http, Way::udp(), "room", "vanishes");
    until("both talk", PATIENCE, || stays.heard("vanishes") > 50);
    drop(vanishes);
    // The client polls five times a second; those of the original poll every three seconds.
    let gone = until("it is gone", PATIENCE, || !stays.sees("vanishes"));
    assert!(gone < Duration::from_secs(4), "after {gone:?}");
}

#[test]
fn en14_end_takes_effect_at_once() {
    let rig = Rig::new(config());
    let stays = Client::join(rig.http, Way::udp(), "room", "stays");
    let ends = Client::join(rig.http, Way::udp(), "room", "ends");
    until("both talk", PATIENCE, || stays.heard("ends") > 10);
    let ended = rig.call("end", &json!(["room", "ends", ends.session]));
    assert_eq!(ended["data"], json!({}));
    let gone = until("it is gone", PATIENCE, || !stays.sees("ends"));
    assert!(gone < Duration::from_secs(1), "after {gone:?}");
    until("it is told", PATIENCE, || {
        ends.seen.lock().unwrap().is_closed
    });
}
