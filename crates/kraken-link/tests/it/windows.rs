use bytes::Bytes;
use kraken_link::{Endpoint, FRAME_SOFT_LIMIT, HEADER_SIZE, ToProcess, ToSidecar};

#[test]
fn lk6_frames_grow_while_the_window_is_closed() {
    let mut sidecar = Endpoint::sidecar();
    let record = ToProcess::Binary {
        connection: 1,
        payload: Bytes::from_static(&[7; 100]),
    };
    for _ in 0..4 {
        sidecar.queue(&record);
        assert_eq!(sidecar.poll_frame().unwrap().len(), HEADER_SIZE + 106);
    }
    assert!(!sidecar.window_open());
    for _ in 0..1000 {
        sidecar.queue(&record);
        assert_eq!(sidecar.poll_frame(), None);
    }
    assert_eq!(sidecar.queued(), 106_000);

    let mut process = Endpoint::process();
    let mut first = Endpoint::sidecar();
    first.queue(&record);
    process.receive(first.poll_frame().unwrap().into()).unwrap();
    process.next().unwrap();
    sidecar
        .receive(process.poll_frame().unwrap().into())
        .unwrap();

    assert!(sidecar.window_open());
    assert_eq!(sidecar.poll_frame().unwrap().len(), HEADER_SIZE + 106_000);
    assert_eq!((sidecar.queued(), sidecar.poll_frame()), (0, None));
}

#[test]
fn a_frame_takes_no_more_records_at_its_soft_limit() {
    let mut process = Endpoint::process();
    for _ in 0..100 {
        let payload = Bytes::from(vec![0; 10_000]);
        process.queue(&ToSidecar::Binary {
            connection: 1,
            payload,
        });
    }
    let frames: Vec<_> = std::iter::from_fn(|| process.poll_frame()).collect();
    assert_eq!(frames.len(), 4);
    assert!(frames.iter().all(|frame| frame.len() <= FRAME_SOFT_LIMIT));
}

#[test]
fn the_window_closes_by_bytes() {
    let mut sidecar = Endpoint::sidecar();
    let payload = Bytes::from(vec![0; 3 * 1024 * 1024]);
    sidecar.queue(&ToProcess::Binary {
        connection: 1,
        payload: payload.clone(),
    });
    sidecar.queue(&ToProcess::Binary {
        connection: 1,
        payload,
    });
    assert_eq!(std::iter::from_fn(|| sidecar.poll_frame()).count(), 4);

    let mut process = Endpoint::process();
    let record = ToSidecar::Binary {
        connection: 1,
        payload: Bytes::from(vec![0; 900_000]),
    };
    (0..20).for_each(|_| process.queue(&record));
    assert_eq!(std::iter::from_fn(|| process.poll_frame()).count(), 10);
    assert!(!process.window_open());
}

#[test]
fn lk4_the_process_acknowledges_every_frame_but_only_once() {
    let mut sidecar = Endpoint::sidecar();
    let mut process = Endpoint::process();
    sidecar.queue(&ToProcess::Drain);
    sidecar.queue(&ToProcess::Drain);
    process
        .receive(sidecar.poll_frame().unwrap().into())
        .unwrap();
    assert_eq!(process.inbox(), HEADER_SIZE + 4);
    assert_eq!(process.poll_frame(), None, "nothing consumed");
    process.next().unwrap();
    assert_eq!(process.poll_frame(), None, "half consumed");
    process.next().unwrap();
    assert_eq!(process.inbox(), 0);
    assert_eq!(
        process.poll_frame().unwrap(),
        [0xC1, 0, 0, 0, 0, 1, 0, 0, 0]
    );
    assert_eq!(process.poll_frame(), None);
}

#[test]
fn lk5_the_sidecar_acknowledges_every_sixteenth_frame() {
    let mut sidecar = Endpoint::sidecar();
    let mut process = Endpoint::process();
    for number in 1..=48 {
        process.queue(&ToSidecar::Drained);
        sidecar
            .receive(process.poll_frame().unwrap().into())
            .unwrap();
        assert_eq!(sidecar.next().unwrap(), Some(ToSidecar::Drained));
        let ack = sidecar.poll_frame();
        assert_eq!(ack.is_some(), number % 16 == 0);
        if let Some(ack) = ack {
            process.receive(ack.into()).unwrap();
        }
    }
}

#[test]
fn the_sidecar_acknowledges_two_mebibytes_at_once() {
    let mut sidecar = Endpoint::sidecar();
    let mut process = Endpoint::process();
    let record = ToSidecar::Binary {
        connection: 1,
        payload: Bytes::from(vec![0; 750_000]),
    };
    let acks = (0..3).map(|_| {
        process.queue(&record);
        sidecar
            .receive(process.poll_frame().unwrap().into())
            .unwrap();
        sidecar.next().unwrap();
        sidecar.poll_frame().is_some()
    });
    assert_eq!(acks.collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn records_carry_the_acknowledgement_along() {
    let mut sidecar = Endpoint::sidecar();
    let mut process = Endpoint::process();
    process.queue(&ToSidecar::Drained);
    sidecar
        .receive(process.poll_frame().unwrap().into())
        .unwrap();
    sidecar.next().unwrap();
    sidecar.queue(&ToProcess::Drain);
    assert_eq!(
        sidecar.poll_frame().unwrap(),
        [0xC1, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0]
    );
}

#[test]
fn acknowledgements_leave_while_the_window_is_closed() {
    let mut sidecar = Endpoint::sidecar();
    let mut process = Endpoint::process();
    while process.window_open() {
        process.queue(&ToSidecar::Drained);
        process.poll_frame().unwrap();
    }
    process.queue(&ToSidecar::Drained);
    sidecar.queue(&ToProcess::Drain);
    process
        .receive(sidecar.poll_frame().unwrap().into())
        .unwrap();
    process.next().unwrap();
    assert_eq!(process.poll_frame().unwrap().len(), HEADER_SIZE);
    assert_eq!(process.poll_frame(), None);
}

#[test]
fn a_recycled_buffer_is_empty_when_used_again() {
    let mut process = Endpoint::process();
    process.queue(&ToSidecar::Reset {
        reason: "a long reason".to_owned(),
    });
    let frame = process.poll_frame().unwrap();
    process.recycle(frame);
    process.queue(&ToSidecar::Drained);
    assert_eq!(
        process.poll_frame().unwrap(),
        [0xC1, 2, 0, 0, 0, 0, 0, 0, 0, 0x4B, 0]
    );
}
