//! The body of a fuzz target in `test/fuzz`, which `cargo test` runs over the corpus.

use crate::{Endpoint, LinkError, Record, ToProcess, ToSidecar};
use bytes::Bytes;

/// Reads any bytes as a frame of either side, and as the body of a record of every kind.
pub fn link(data: &[u8]) {
    let frame = Bytes::copy_from_slice(data);
    let _ = read(Endpoint::process(), frame.clone());
    let _ = read(Endpoint::sidecar(), frame.clone());
    for kind in 0..=u8::MAX {
        let _ = ToProcess::decode(kind, frame.clone());
        let _ = ToSidecar::decode(kind, frame.clone());
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
