use bytes::Bytes;
use kraken_link::{
    Endpoint, LinkError, MAX_ENGINE_MESSAGE, MAX_FRAME, Record, ToProcess, ToSidecar,
};

/// The error of a process that gets these records in its first frame.
fn error_of(records: &[u8]) -> LinkError {
    let mut process = Endpoint::process();
    process.receive(frame(1, 0, records)).unwrap();
    loop {
        match process.next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error"),
            Err(error) => return error,
        }
    }
}

fn frame(number: u32, ack: u32, records: &[u8]) -> Bytes {
    let mut frame = vec![0xC1];
    frame.extend(number.to_le_bytes());
    frame.extend(ack.to_le_bytes());
    frame.extend(records);
    frame.into()
}

const DRAIN: &[u8] = &[0x07, 0];

fn receive(frame: Bytes) -> Result<(), LinkError> {
    Endpoint::process().receive(frame)
}

#[test]
fn lk1_a_frame_has_to_begin_with_the_mark() {
    assert_eq!(receive(Bytes::new()), Err(LinkError::ShortHeader(0)));
    assert_eq!(
        receive(Bytes::from_static(&[0xC0; 20])),
        Err(LinkError::NotAFrame)
    );
    assert_eq!(
        receive(Bytes::from_static(&[0xC1; 8])),
        Err(LinkError::ShortHeader(8))
    );
}

#[test]
fn a_frame_has_a_largest_size() {
    assert_eq!(receive(frame(1, 0, &vec![0; MAX_FRAME - 9])), Ok(()));
    let error = LinkError::FrameTooLarge(MAX_FRAME + 1);
    assert_eq!(receive(frame(1, 0, &vec![0; MAX_FRAME - 8])), Err(error));
}

#[test]
fn lk2_frames_come_without_gap_or_repetition() {
    let gap = |expected, got| Err(LinkError::Gap { expected, got });
    assert_eq!(receive(frame(2, 0, DRAIN)), gap(1, 2));
    let mut process = Endpoint::process();
    process.receive(frame(1, 0, DRAIN)).unwrap();
    assert_eq!(process.receive(frame(1, 0, DRAIN)), gap(2, 1));
    assert_eq!(process.receive(frame(3, 0, DRAIN)), gap(2, 3));
    assert_eq!(process.receive(frame(u32::MAX, 0, DRAIN)), gap(2, u32::MAX));
}

#[test]
fn only_a_frame_with_records_has_a_number() {
    assert_eq!(receive(frame(0, 0, DRAIN)), Err(LinkError::Content(0)));
    assert_eq!(receive(frame(1, 0, &[])), Err(LinkError::Content(1)));
    assert_eq!(receive(frame(0, 0, &[])), Ok(()));
}

#[test]
fn lk3_a_peer_that_ignores_the_window_is_refused() {
    let mut process = Endpoint::process();
    for number in 1..=4 {
        process.receive(frame(number, 0, DRAIN)).unwrap();
        process.next().unwrap();
    }
    assert_eq!(
        process.receive(frame(5, 0, DRAIN)),
        Err(LinkError::WindowOverrun(5)),
        "consumed, but not acknowledged"
    );

    let mut process = Endpoint::process();
    let large = vec![0; MAX_FRAME - 9];
    process.receive(frame(1, 0, &large)).unwrap();
    process.receive(frame(2, 0, &large)).unwrap();
    assert_eq!(
        process.receive(frame(3, 0, DRAIN)),
        Err(LinkError::WindowOverrun(3))
    );
}

#[test]
fn only_frames_in_flight_are_acknowledged() {
    assert_eq!(receive(frame(0, 1, &[])), Err(LinkError::AckOfUnsent(1)));

    let mut process = Endpoint::process();
    for _ in 0..3 {
        process.queue(&ToSidecar::Drained);
        process.poll_frame().unwrap();
    }
    process.receive(frame(0, 2, &[])).unwrap();
    process.receive(frame(0, 2, &[])).unwrap();
    assert_eq!(
        process.receive(frame(0, 1, &[])),
        Err(LinkError::AckOfUnsent(1))
    );
    assert_eq!(
        process.receive(frame(0, 4, &[])),
        Err(LinkError::AckOfUnsent(4))
    );
    process.receive(frame(0, 3, &[])).unwrap();
}

#[test]
fn records_of_the_other_direction_are_unknown() {
    assert_eq!(error_of(&[0x41, 2, 1, 0]), LinkError::UnknownKind(0x41));
    assert_eq!(error_of(&[0x00, 0]), LinkError::UnknownKind(0));
    assert_eq!(
        ToSidecar::decode(0x07, Bytes::new()),
        Err(LinkError::UnknownKind(0x07))
    );
}

#[test]
fn a_record_ends_where_it_says() {
    assert_eq!(error_of(&[0x07]), LinkError::Truncated);
    assert_eq!(
        error_of(&[0x05, 7, 0]),
        LinkError::Truncated,
        "less than its length"
    );
    assert_eq!(
        error_of(&[0x05, 5, 1, 0, 0, 0, 1]),
        LinkError::Truncated,
        "less than its fields"
    );
    assert_eq!(
        error_of(&[0x05, 7, 1, 0, 0, 0, 1, 0, 9]),
        LinkError::TrailingBytes(0x05)
    );
    assert_eq!(error_of(&[0x07, 1, 0]), LinkError::TrailingBytes(0x07));
}

#[test]
fn a_varint_has_one_form() {
    assert_eq!(
        error_of(&[0x07, 0x80, 0x00]),
        LinkError::Varint,
        "not the shortest"
    );
    assert_eq!(
        error_of(&[0x07, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F]),
        LinkError::Varint,
        "over 32 bits"
    );
    assert_eq!(
        error_of(&[0x07, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
        LinkError::Varint,
        "too long"
    );
    assert_eq!(
        error_of(&[0x07, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]),
        LinkError::Truncated
    );
}

#[test]
fn fields_are_checked() {
    let reset = |body: &'static [u8]| ToSidecar::decode(0x4C, Bytes::from_static(body));
    assert_eq!(reset(&[1, 0xFF]), Err(LinkError::Utf8));
    assert_eq!(reset(&[2, b'a']), Err(LinkError::Truncated));
    let open = ToProcess::decode(0x02, Bytes::from_static(&[1, 0, 0, 0, 0, 2]));
    assert_eq!(open, Err(LinkError::Flag(2)));
}

#[test]
fn a_false_count_of_headers_reserves_no_memory() {
    let body = [&[1, 0, 0, 0, 200, 0][..], &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]].concat();
    assert_eq!(
        ToSidecar::decode(0x4A, body.into()),
        Err(LinkError::Truncated)
    );
}

#[test]
fn parts_stand_alone_and_together() {
    let part = [0x7F, 3, 0, 0x07, 0];
    assert_eq!(
        error_of(&[&part, DRAIN].concat()),
        LinkError::PartOutOfPlace
    );
    assert_eq!(
        error_of(&[DRAIN, &part].concat()),
        LinkError::PartOutOfPlace
    );
    assert_eq!(error_of(&[0x7F, 3, 2, 0x07, 0]), LinkError::Flag(2));
    assert_eq!(
        error_of(&[0x7F, 1, 1]),
        LinkError::Truncated,
        "an empty part"
    );
    assert_eq!(
        error_of(&[0x7F, 4, 1, 0x07, 0, 0]),
        LinkError::TrailingBytes(0x07)
    );
    assert_eq!(
        error_of(&[0x7F, 4, 1, 0x7F, 1, 1]),
        LinkError::PartOutOfPlace,
        "nested"
    );

    let mut process = Endpoint::process();
    process.receive(frame(1, 0, &part)).unwrap();
    process.receive(frame(2, 0, DRAIN)).unwrap();
    assert_eq!(
        process.next(),
        Err(LinkError::PartOutOfPlace),
        "interrupted"
    );
}

#[test]
fn lk8_parts_add_up_to_a_bounded_record() {
    let mut process = Endpoint::process();
    let mut part = vec![0x7F, 0x81, 0x80, 0x40, 0];
    part.extend([0x03, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
    part.resize(5 + 1024 * 1024, 0);
    for number in 1..=200 {
        process.receive(frame(number, 0, &part)).unwrap();
        match process.next() {
            Ok(record) => assert_eq!(record, None),
            Err(error) => {
                assert_eq!(error, LinkError::RecordTooLarge(101 * 1024 * 1024));
                assert_eq!(number, 101);
                return;
            }
        }
        process.poll_frame().unwrap();
    }
    panic!("no error");
}

#[test]
fn lk12_a_message_of_or_for_the_engine_has_a_largest_size() {
    let largest = Bytes::from(vec![0; MAX_ENGINE_MESSAGE]);
    assert!(ToProcess::decode(0x0A, largest.clone()).is_ok());
    assert!(ToSidecar::decode(0x4F, largest).is_ok());
    let larger = Bytes::from(vec![0; MAX_ENGINE_MESSAGE + 1]);
    let error = LinkError::EngineMessage(MAX_ENGINE_MESSAGE + 1);
    assert_eq!(ToProcess::decode(0x0A, larger.clone()), Err(error.clone()));
    assert_eq!(ToSidecar::decode(0x4F, larger), Err(error));
}
