//! The body of a fuzz target in `test/fuzz`, which `cargo test` runs over its corpus.

use crate::{Codec, Container, Files, Packet, Participant, SenderTime, TrackId};
use std::io::{self, Cursor};
use std::time::Duration;

const CODECS: [Codec; 5] = [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264];

struct Memory;

impl Files for Memory {
    type File = Cursor<Vec<u8>>;

    fn create(&mut self, _container: Container, _begin: Duration) -> io::Result<Self::File> {
        Ok(Cursor::default())
    }
}

/// Takes any bytes as packets of a track for each codec. Before each are its length in two bytes,
/// its flags, and what it adds to sequence number, timestamp (two bytes) and time.
///
/// Flags: the marker bit, a sender report, three bits for what happens before (0 the track begins,
/// 1 it ends, 2 its clock is set anew), and three for the track; from 5 on only time passes.
pub fn packets(data: &[u8]) {
    let mut participant = Participant::new(Memory);
    let (mut seq, mut time, mut now) = (1_u64 << 16, 1_u64 << 32, Duration::ZERO);
    let mut rest = data;
    while let [
        high,
        low,
        flags,
        step,
        leap_high,
        leap_low,
        wait,
        after @ ..,
    ] = rest
    {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let payload = &after[..length.min(after.len())];
        rest = &after[payload.len()..];
        now += Duration::from_millis(u64::from(*wait));
        let track = usize::from(flags & 7);
        let id = TrackId(track as u64);
        let leap = i64::from(i16::from_be_bytes([*leap_high, *leap_low]));
        let done = match (CODECS.get(track), flags >> 3 & 7) {
            (None, _) => participant.handle_timeout(now),
            (Some(codec), 0) => {
                participant.begin(id, *codec);
                Ok(())
            }
            (Some(_), 1) => participant.end(id),
            (Some(_), 2) => {
                time = time.saturating_add_signed(leap << 40);
                Ok(())
            }
            (Some(_), _) => Ok(()),
        };
        assert!(done.is_ok(), "memory is a disk without errors");
        seq = seq.saturating_add_signed(i64::from(step.cast_signed()));
        time = time.saturating_add_signed(leap);
        let packet = Packet {
            seq,
            time,
            marker: flags & 0x80 != 0,
            payload: payload.into(),
            arrival: now,
            sent: (flags & 0x40 != 0).then_some(SenderTime {
                clock: now * u32::from(*leap_low),
                time: time.wrapping_mul(u64::from(*leap_high)),
            }),
        };
        let done = participant.push(id, packet);
        assert!(done.is_ok(), "memory is a disk without errors");
    }
    let done = participant.finish();
    assert!(done.is_ok(), "memory is a disk without errors");
}
