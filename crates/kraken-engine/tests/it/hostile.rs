//! What strangers send.

use crate::client::{Client, Way};
use crate::rig::{Rig, config, post, until};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

#[test]
fn en30_a_request_is_bounded() {
    let rig = Rig::new(config());
    let huge = format!("{{\"method\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    // The server may break off while the request is still being sent.
    let refused = std::panic::catch_unwind(|| post(rig.http, &huge, &[]).status());
    assert!(refused.is_err() || refused.unwrap() == 400);
    let nested = format!(
        "{{\"params\":[{}{}]}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(post(rig.http, &nested, &[]).status(), 400);
    assert!(rig.call("info", &json!([])).get("data").is_some());
}

#[test]
fn en31_a_flood_of_junk_disturbs_no_call() {
    let rig = Rig::new(config());
    let a = Client::join(rig.http, Way::udp(), "room", "a");
    let b = Client::join(rig.http, Way::udp(), "room", "b");
    until("both talk", Duration::from_secs(10), || a.heard("b") > 10);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let engine = rig.engine.udp()[0];
    for round in 0..20_000_u32 {
        let first = [0, 1, 20, 63, 128, 191, 200, 255][round as usize % 8];
        let mut junk = vec![first; 4 + round as usize % 1_400];
        junk[1..5.min(4 + round as usize % 1_400)].fill(u8::try_from(round % 251).unwrap());
        let _ = socket.send_to(&junk, engine);
    }
    let before = a.heard("b");
    until("they still talk", Duration::from_secs(10), || {
        a.heard("b") > before + 100
    });
    let refused = "kraken_engine_datagrams_refused_total";
    until("it is counted", Duration::from_secs(5), || {
        rig.metric(refused) > 1_000.0
    });
    assert!(b.heard("a") > 0);
}

#[test]
fn en32_a_tcp_connection_says_whose_it_is_or_goes() {
    let rig = Rig::new(config());
    let engine = rig.engine.tcp()[0];
    for first in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0, 4, 1, 2, 3, 4],
        &[0xff, 0xff, 0, 0],
    ] {
        let mut stream = TcpStream::connect(engine).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(first).unwrap();
        // Closed, with or without a reset: nothing is ever said to a stranger.
        let mut answer = [0; 1];
        assert!(!matches!(stream.read(&mut answer), Ok(1)));
    }
}

#[test]
fn en33_a_bomb_in_a_description_is_refused() {
    let rig = Rig::new(config());
    let candidates = "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n".repeat(10_000);
    let sdp = format!("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{candidates}");
    let jsep = json!({ "type": "offer", "sdp": sdp }).to_string();
    let (code, text) = rig.refused("publish", &json!(["room", "a", jsep]));
    assert_eq!(code, 5_001_001);
    assert!(text.contains("maximum is 1000"), "{text}");
}
