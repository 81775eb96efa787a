//! The body of a fuzz target in `test/fuzz`, which `cargo test` runs over the corpus.

use crate::{Endpoint, LinkError, Record, ToProcess, ToSidecar};
use bytes::Bytes;

/// Reads any bytes as a frame of either side, and as the body of a record of every kind. What is
/// read is written as it was.
pub fn link(data: &[u8]) {
    let frame = Bytes::copy_from_slice(data);
    let _ = read(Endpoint::process(), frame.clone());
    let _ = read(Endpoint::sidecar(), frame.clone());
    for kind in 0..=u8::MAX {
        record::<ToProcess>(kind, &frame);
        record::<ToSidecar>(kind, &frame);
    }
}

fn record<T: Record>(kind: u8, body: &Bytes) {
    if let Ok(record) = T::decode(kind, body.clone()) {
        let mut written = Vec::new();
        record.encode(&mut written);
        assert_eq!(written.len(), record.encoded_len());
        let is_same = written.first() == Some(&kind) && written.ends_with(body);
        assert!(is_same, "a record of kind {kind} is written as another");
    }
}

fn read<Out: Record, In: Record>(
    mut endpoint: Endpoint<Out, In>,
    frame: Bytes,
) -> Result<(), LinkError> {
    endpoint.receive(frame)?;
    while endpoint.next()?.is_some() {}
    while endpoint.poll_frame().is_some() {}
    Ok(())
}
