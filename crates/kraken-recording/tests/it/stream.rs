//! Packets as they come from the network.

use kraken_recording::{Codec, Packet};
use std::path::Path;
use std::time::Duration;

/// What `tests/data` has of a codec, one second after the recording began.
pub(crate) fn stream(codec: Codec) -> Vec<Packet> {
    match codec {
        Codec::Opus => read("opus.rtp", 48_000),
        Codec::Vp8 => read("vp8.rtp", 90_000),
        Codec::Vp9 => read("vp9.rtp", 90_000),
        Codec::H264 => read("h264.rtp", 90_000),
        Codec::Av1 => crate::av1::packets(),
    }
}

pub(crate) fn data(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    std::fs::read(folder.join(name)).unwrap()
}

/// Packets behind their lengths in two bytes (RFC 4571), each of which comes when its timestamp
/// says.
fn read(name: &str, clock_rate: u64) -> Vec<Packet> {
    let bytes = data(name);
    let mut rest = bytes.as_slice();
    let mut first = None;
    let mut packets = Vec::new();
    while let [high, low, after @ ..] = rest {
        let (rtp, after) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        rest = after;
        assert_eq!(
            rtp[0], 0x80,
            "neither padding nor extensions are in the data"
        );
        let seq = u16::from_be_bytes([rtp[2], rtp[3]]);
        let time = u32::from_be_bytes([rtp[4], rtp[5], rtp[6], rtp[7]]);
        let (first_seq, first_time) = *first.get_or_insert((seq, time));
        // Both wrap in the data.
        let seq = u64::from(seq.wrapping_sub(first_seq));
        let time = u64::from(time.wrapping_sub(first_time));
        packets.push(Packet {
            seq: 65_500 + seq,
            time: 4_294_900_000 + time,
            marker: rtp[1] & 0x80 != 0,
            payload: rtp[12..].into(),
            arrival: Duration::from_secs(1) + Duration::from_millis(time * 1_000 / clock_rate),
            sent: None,
        });
    }
    packets
}
