use bytes::Bytes;
use kraken_link::{Endpoint, Handshake, Record, ToProcess, ToSidecar, VERSION};

#[test]
fn records_to_the_process_have_these_bytes() {
    for (record, bytes) in to_process() {
        check(&record, bytes);
    }
}

#[test]
fn records_to_the_sidecar_have_these_bytes() {
    for (record, bytes) in to_sidecar() {
        check(&record, bytes);
    }
}

#[test]
fn a_frame_has_these_bytes() {
    let mut process = Endpoint::process();
    process.queue(&ToSidecar::Welcome { version: 4 });
    process.queue(&ToSidecar::Drained);
    assert_eq!(
        hex(&process.poll_frame().unwrap()),
        "c1 01000000 00000000 41020400 4b00".replace(' ', "")
    );
}

#[test]
fn a_part_has_these_bytes() {
    let mut process = Endpoint::process();
    let payload = Bytes::from(vec![0xAB; 1024 * 1024]);
    process.queue(&ToSidecar::Binary {
        connection: 9,
        payload,
    });
    let first = process.poll_frame().unwrap();
    assert_eq!(first.len(), 9 + 5 + 1024 * 1024);
    assert_eq!(
        hex(&first[..24]),
        "c1 01000000 00000000 7f818040 00 45848040 09000000 abab".replace(' ', "")
    );
    let last = process.poll_frame().unwrap();
    assert_eq!(
        hex(&last),
        "c1 02000000 00000000 7f09 01 abababababababab".replace(' ', "")
    );
}

#[test]
fn lk9_the_version_changes_with_these_bytes() {
    assert_eq!(VERSION, 4);
}

fn to_process() -> Vec<(ToProcess, &'static str)> {
    vec![
        (
            ToProcess::Hello {
                version: 4,
                key: Bytes::from_static(b"key"),
            },
            "01 05 0400 6b6579",
        ),
        (
            ToProcess::Open {
                connection: 0x0102_0304,
                handshake: Handshake {
                    path: "/doc/a".to_owned(),
                    query: Some("t=1".to_owned()),
                    origin: Some("https://x".to_owned()),
                    bearer: Some("b".to_owned()),
                    user_agent: Some("ü".to_owned()),
                    remote: "1.2.3.4".to_owned(),
                },
            },
            "02 2a 04030201 06 2f646f632f61 01 03 743d31 01 09 68747470733a2f2f78 01 01 62 01 02 c3bc 07 312e322e332e34",
        ),
        (
            ToProcess::Open {
                connection: 1,
                handshake: Handshake::default(),
            },
            "02 0a 01000000 00 00 00 00 00 00",
        ),
        (
            ToProcess::Binary {
                connection: 7,
                payload: Bytes::from_static(&[0, 2, 255]),
            },
            "03 07 07000000 0002ff",
        ),
        (
            ToProcess::Text {
                connection: 7,
                payload: Bytes::from_static(b"{}"),
            },
            "04 06 07000000 7b7d",
        ),
        (
            ToProcess::Closed {
                connection: 7,
                code: 4401,
            },
            "05 06 07000000 3111",
        ),
        (
            ToProcess::Request {
                id: 3,
                method: "POST".to_owned(),
                path: "/api".to_owned(),
                query: None,
                headers: vec![
                    ("a".to_owned(), "b".to_owned()),
                    ("c".to_owned(), String::new()),
                ],
                remote: "::1".to_owned(),
                body: Bytes::from_static(b"xyz"),
            },
            "06 1e 03000000 04 504f5354 04 2f617069 00 02 0161 0162 0163 00 03 3a3a31 78797a",
        ),
        (ToProcess::Drain, "07 00"),
        (ToProcess::Marked { connection: 7 }, "08 04 07000000"),
        (ToProcess::EngineUp { is_up: true }, "09 01 01"),
        (
            ToProcess::Engine {
                payload: Bytes::from_static(b"{}"),
            },
            "0a 02 7b7d",
        ),
    ]
}

fn to_sidecar() -> Vec<(ToSidecar, &'static str)> {
    vec![
        (ToSidecar::Welcome { version: 4 }, "41 02 0400"),
        (
            ToSidecar::Accept {
                connection: 7,
                max_message: 16 << 20,
                too_large: 4413,
                overflow: 4500,
                messages_per_second: 2000,
                bytes_per_second: 8 << 20,
                too_fast: 4429,
            },
            "42 16 07000000 00000001 3d11 9411 d0070000 00008000 4d11",
        ),
        (
            ToSidecar::Refuse {
                connection: 7,
                status: 401,
                code: "who".to_owned(),
                reason: "no".to_owned(),
            },
            "43 0d 07000000 9101 03 77686f 02 6e6f",
        ),
        (
            ToSidecar::Close {
                connection: 7,
                code: 1012,
                reason: String::new(),
            },
            "44 07 07000000 f403 00",
        ),
        (
            ToSidecar::Binary {
                connection: 7,
                payload: Bytes::new(),
            },
            "45 04 07000000",
        ),
        (
            ToSidecar::Text {
                connection: 7,
                payload: Bytes::from_static(b"[]"),
            },
            "46 06 07000000 5b5d",
        ),
        (
            ToSidecar::Subscribe {
                connection: 7,
                topic: 5,
            },
            "47 08 07000000 05000000",
        ),
        (
            ToSidecar::Unsubscribe {
                connection: 7,
                topic: 5,
            },
            "48 08 07000000 05000000",
        ),
        (
            ToSidecar::PublishText {
                topic: 5,
                except: 7,
                payload: "hi".into(),
            },
            "4d 0a 05000000 07000000 6869",
        ),
        (ToSidecar::Mark { connection: 7 }, "4e 04 07000000"),
        (
            ToSidecar::Publish {
                topic: 5,
                except: 7,
                payload: Bytes::from_static(&[9; 130]),
            },
            concat!(
                "49 8a01 05000000 07000000",
                "0909090909090909090909090909090909090909090909090909090909090909",
                "0909090909090909090909090909090909090909090909090909090909090909",
                "0909090909090909090909090909090909090909090909090909090909090909",
                "0909090909090909090909090909090909090909090909090909090909090909",
                "0909",
            ),
        ),
        (
            ToSidecar::Response {
                id: 3,
                status: 200,
                headers: vec![("a".to_owned(), "b".to_owned())],
                body: Bytes::from_static(b"ok"),
            },
            "4a 0d 03000000 c800 01 0161 0162 6f6b",
        ),
        (ToSidecar::Drained, "4b 00"),
        (
            ToSidecar::Engine {
                payload: Bytes::from_static(b"{}"),
            },
            "4f 02 7b7d",
        ),
        (
            ToSidecar::Reset {
                reason: "x".to_owned(),
            },
            "4c 02 01 78",
        ),
    ]
}

fn check<R: Record + PartialEq + std::fmt::Debug>(record: &R, expected: &str) {
    let expected = expected.replace(' ', "");
    let mut encoded = Vec::new();
    record.encode(&mut encoded);
    assert_eq!(hex(&encoded), expected, "{record:?}");

    let length_size = if encoded[1] < 0x80 { 1 } else { 2 };
    let body = Bytes::from(encoded.clone()).slice(1 + length_size..);
    assert_eq!(&R::decode(encoded[0], body).unwrap(), record);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
