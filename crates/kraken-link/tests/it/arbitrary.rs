use bytes::Bytes;
use kraken_link::{Endpoint, FRAME_MARK, Record, ToProcess, ToSidecar};
use proptest::collection::vec;
use proptest::prelude::{any, proptest};

use crate::strategies::{to_process, to_sidecar};

proptest! {
    #[test]
    fn arbitrary_bodies_never_panic(kind: u8, body in vec(any::<u8>(), 0..200)) {
        let body = Bytes::from(body);
        let _ = ToProcess::decode(kind, body.clone());
        let _ = ToSidecar::decode(kind, body);
    }

    #[test]
    fn arbitrary_frames_never_panic(frames in vec(vec(any::<u8>(), 0..100), 1..5)) {
        feed(frames.clone());
        feed(with_headers(frames));
    }

    #[test]
    fn damaged_frames_never_panic(
        down in vec(to_process(), 1..8),
        up in vec(to_sidecar(), 1..8),
        at: usize,
        bit in 0..8u32,
        cut: usize,
    ) {
        let mut sidecar = Endpoint::sidecar();
        let mut process = Endpoint::process();
        down.iter().for_each(|record| sidecar.queue(record));
        up.iter().for_each(|record| process.queue(record));
        for mut frame in [sidecar.poll_frame().unwrap(), process.poll_frame().unwrap()] {
            let at = at % frame.len();
            frame[at] ^= 1u8 << bit;
            let cut = frame[..cut % (frame.len() + 1)].to_vec();
            feed(vec![frame]);
            feed(vec![cut]);
        }
    }
}

/// Gives plausible headers to what follows them.
fn with_headers(bodies: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let numbered = bodies.into_iter().zip(1u32..);
    let framed = numbered.map(|(body, number)| {
        let mut frame = vec![FRAME_MARK];
        frame.extend(number.to_le_bytes());
        frame.extend(0u32.to_le_bytes());
        frame.extend(body);
        frame
    });
    framed.collect()
}

fn feed(frames: Vec<Vec<u8>>) {
    let mut sidecar = Endpoint::sidecar();
    let mut process = Endpoint::process();
    for frame in frames {
        let frame = Bytes::from(frame);
        if sidecar.receive(frame.clone()).is_ok() {
            while let Ok(Some(_)) = sidecar.next() {}
        }
        if process.receive(frame).is_ok() {
            while let Ok(Some(_)) = process.next() {}
        }
        let _ = (sidecar.poll_frame(), process.poll_frame());
    }
}
