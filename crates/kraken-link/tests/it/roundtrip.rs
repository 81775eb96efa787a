use bytes::Bytes;
use kraken_link::{Endpoint, LinkError, MAX_RECORD, PART_SIZE, Record, ToProcess, ToSidecar};
use proptest::prelude::proptest;

use crate::strategies::{to_process, to_sidecar};

proptest! {
    #[test]
    fn records_to_the_process_come_out_as_they_went_in(record in to_process()) {
        check(&record);
    }

    #[test]
    fn records_to_the_sidecar_come_out_as_they_went_in(record in to_sidecar()) {
        check(&record);
    }
}

fn check<R: Record + PartialEq + std::fmt::Debug>(record: &R) {
    let mut encoded = Vec::new();
    record.encode(&mut encoded);
    assert_eq!(record.encoded_len(), encoded.len());

    let length_size = encoded[1..]
        .iter()
        .take_while(|byte| **byte >= 0x80)
        .count()
        + 1;
    let body = Bytes::from(encoded.clone()).slice(1 + length_size..);
    assert_eq!(&R::decode(encoded[0], body).unwrap(), record);
}

#[test]
fn lk7_long_records_travel_in_parts_and_come_out_whole() {
    for size in [
        PART_SIZE - 8,
        PART_SIZE - 7,
        PART_SIZE,
        3 * PART_SIZE + 1,
        100 * 1024 * 1024,
    ] {
        let mut sidecar = Endpoint::sidecar();
        let mut process = Endpoint::process();
        let payload: Bytes = (0..size)
            .map(|index| (index / 7) as u8)
            .collect::<Vec<_>>()
            .into();
        let before = ToProcess::Closed {
            connection: 1,
            code: 1000,
        };
        let long = ToProcess::Binary {
            connection: 2,
            payload,
        };
        sidecar.queue(&before);
        sidecar.queue(&long);
        sidecar.queue(&ToProcess::Drain);

        let mut received = Vec::new();
        while received.len() < 3 {
            while let Some(frame) = sidecar.poll_frame() {
                assert!(frame.len() <= PART_SIZE + 32);
                process.receive(frame.into()).unwrap();
            }
            while let Some(record) = process.next().unwrap() {
                received.push(record);
            }
            while let Some(frame) = process.poll_frame() {
                sidecar.receive(frame.into()).unwrap();
            }
        }
        assert!(received == [before, long, ToProcess::Drain], "{size} bytes");
        assert_eq!((sidecar.queued(), process.inbox()), (0, 0));
    }
}

#[test]
fn an_own_record_that_is_too_large_ends_the_link() {
    let mut process = Endpoint::process();
    let payload = Bytes::from(vec![0; MAX_RECORD]);
    process.queue(&ToSidecar::Publish {
        topic: 1,
        except: 0,
        payload,
    });
    assert_eq!(process.queued(), 0);
    assert!(matches!(process.next(), Err(LinkError::RecordTooLarge(_))));
}
