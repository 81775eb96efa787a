//! AV1 in RTP, which the payloaders at hand can't make.

use crate::stream::data;
use kraken_recording::Packet;
use std::time::Duration;

const MTU: usize = 400;
const TEMPORAL_DELIMITER: u8 = 2;

/// The packets of `av1.obu`, a temporal unit each 1/15 of a second.
pub(crate) fn packets() -> Vec<Packet> {
    let mut packets: Vec<Packet> = Vec::new();
    for (number, units) in (0..).zip(temporal_units(&data("av1.obu"))) {
        let payloads = payloads(&units);
        let last = payloads.len() - 1;
        for (place, payload) in payloads.into_iter().enumerate() {
            packets.push(Packet {
                seq: 65_500 + packets.len() as u64,
                time: 4_294_900_000 + number * 6_000,
                marker: place == last,
                payload: payload.into(),
                arrival: Duration::from_secs(1) + Duration::from_millis(number * 1_000 / 15),
                sent: None,
            });
        }
    }
    packets
}

/// Units without their sizes, by pictures.
fn temporal_units(mut rest: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut pictures: Vec<Vec<Vec<u8>>> = Vec::new();
    while let [head, after @ ..] = rest {
        assert_eq!(head & 0x06, 0x02, "units have sizes and no extensions");
        let (size, after) = leb128(after);
        let (content, after) = after.split_at(size);
        rest = after;
        if head >> 3 & 0x0f == TEMPORAL_DELIMITER {
            pictures.push(Vec::new());
        } else {
            let unit = [&[head & !0x02], content].concat();
            pictures.last_mut().unwrap().push(unit);
        }
    }
    pictures
}

/// Whole units behind their lengths, or a part of one without it.
fn payloads(units: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut payloads = vec![vec![0x08]];
    for unit in units {
        let last = payloads.last_mut().unwrap();
        let is_fragment = last[0] & 0x40 != 0;
        if !is_fragment && last.len() + unit.len() + 2 <= MTU {
            last.extend([unit.len() as u8 & 0x7f | 0x80, (unit.len() >> 7) as u8]);
            last.extend(unit);
            continue;
        }
        let chunks: Vec<&[u8]> = unit.chunks(MTU).collect();
        for (place, chunk) in chunks.iter().enumerate() {
            let continues = u8::from(place > 0) << 7;
            let is_continued = u8::from(place + 1 < chunks.len()) << 6;
            payloads.push([&[continues | is_continued | 0x10], *chunk].concat());
        }
    }
    payloads.retain(|payload| payload.len() > 1);
    payloads
}

fn leb128(bytes: &[u8]) -> (usize, &[u8]) {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let (size, rest) = bytes.split_at(length);
    let size = size
        .iter()
        .rev()
        .fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
    (size, rest)
}
