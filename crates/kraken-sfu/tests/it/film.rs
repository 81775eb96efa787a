//! Made-up video: frames with the descriptors that real ones have, and a label by which a test
//! recognises them.

use std::time::Instant;
use str0m::format::Codec;
use str0m::rtp::{RtpPacket, Vp8Descriptor};

/// Bytes of the label at the end of every payload.
const LABEL: usize = 8;
/// Bytes of one payload at most.
const PAYLOAD: usize = 1_100;
/// How much larger a keyframe is than others.
const KEYFRAME: usize = 3;

/// One encoding of a camera.
#[derive(Debug)]
pub(crate) struct Encoder {
    codec: Codec,
    layer: u8,
    /// Bytes of a frame that isn't a keyframe.
    size: usize,
    pub(crate) wants_keyframe: bool,
    frame: u32,
    keyframes: u8,
    sequence: u64,
}

impl Encoder {
    pub(crate) fn new(codec: Codec, layer: u8, size: usize) -> Self {
        Self {
            codec,
            layer,
            size,
            wants_keyframe: true,
            frame: u32::from(layer) * 1_000,
            keyframes: 0,
            sequence: 60_000 + u64::from(layer) * 1_000,
        }
    }

    /// The packets of the next frame: number, payload, and whether it is the last one.
    pub(crate) fn next(&mut self) -> Vec<(u64, Vec<u8>, bool)> {
        let is_keyframe = std::mem::take(&mut self.wants_keyframe);
        self.frame += 1;
        self.keyframes += u8::from(is_keyframe);
        let size = self.size * if is_keyframe { KEYFRAME } else { 1 };
        let count = size.div_ceil(PAYLOAD);
        let first = self.sequence + 1;
        self.sequence += count as u64;
        let packets = (0..count).map(|index| {
            let is_last = index + 1 == count;
            let mut payload = self.descriptor(is_keyframe, index == 0, is_last);
            payload.resize(size / count - LABEL, 0xee);
            payload.extend([self.layer, u8::from(is_keyframe)]);
            payload.extend(self.frame.to_be_bytes());
            payload.extend([index, count].map(|number| u8::try_from(number).unwrap()));
            (first + index as u64, payload, is_last)
        });
        packets.collect()
    }

    fn descriptor(&self, is_keyframe: bool, is_first: bool, is_last: bool) -> Vec<u8> {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        // Each encoder counts from somewhere else.
        let picture = self.frame + u32::from(self.layer) * 9_000 + 32_000;
        let [_, _, high, low] = picture.to_be_bytes();
        let base = low.wrapping_add(self.layer);
        match self.codec {
            Codec::Vp8 => {
                let start = 0x80 | flag(is_first, 0x10);
                let mut payload = vec![start, 0xe0, high | 0x80, low, base, 0x00];
                payload.push(flag(!is_keyframe, 0x01));
                payload
            }
            Codec::Vp9 => {
                let start =
                    0xa0 | flag(!is_keyframe, 0x40) | flag(is_first, 0x08) | flag(is_last, 0x04);
                vec![start, high | 0x80, low, 0x00, base]
            }
            Codec::H264 => match (is_keyframe, is_first) {
                (true, true) => vec![0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce],
                (true, false) => vec![0x7c, 0x05],
                (false, _) => vec![0x7c, 0x01],
            },
            _ => vec![0x10 | flag(is_keyframe && is_first, 0x08)],
        }
    }
}

/// A packet as a receiver got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shot {
    pub(crate) at: Instant,
    pub(crate) sequence: u64,
    pub(crate) time: u32,
    pub(crate) layer: u8,
    pub(crate) is_keyframe: bool,
    frame: u32,
    index: u8,
    count: u8,
    /// The picture's number and that of its base, if the codec has them.
    picture: Option<(u16, u8)>,
}

impl Shot {
    pub(crate) fn read(codec: Codec, packet: &RtpPacket, at: Instant) -> Self {
        let label = packet.payload.last_chunk::<LABEL>().unwrap();
        let [layer, is_keyframe, a, b, c, d, index, count] = *label;
        Self {
            at,
            sequence: *packet.seq_no,
            time: packet.header.timestamp,
            layer,
            is_keyframe: is_keyframe == 1,
            frame: u32::from_be_bytes([a, b, c, d]),
            index,
            count,
            picture: picture(codec, &packet.payload),
        }
    }
}

fn picture(codec: Codec, payload: &[u8]) -> Option<(u16, u8)> {
    match codec {
        Codec::Vp8 => {
            let descriptor = Vp8Descriptor::parse(payload).unwrap();
            Some((descriptor.picture_id()?, descriptor.tl0_pic_idx()?))
        }
        Codec::Vp9 => {
            let number = u16::from_be_bytes([payload[1] & 0x7f, payload[2]]);
            Some((number, payload[4]))
        }
        _ => None,
    }
}

/// What a decoder would have made of what came. The last frame before another layer may be cut
/// short: the keyframe of the other one doesn't wait for it.
#[derive(Debug, Default)]
pub(crate) struct Screening {
    /// Frames that were shown.
    pub(crate) frames: usize,
    /// The layers that were shown one after the other.
    pub(crate) layers: Vec<u8>,
    /// Places at which packets are missing.
    pub(crate) gaps: usize,
    /// Packets that came behind later ones.
    pub(crate) late: usize,
}

impl Screening {
    /// Looks at all packets of a stream. Whatever a decoder couldn't make sense of is an error in
    /// the SFU, unless packets are missing there.
    pub(crate) fn of(shots: &[Shot]) -> Self {
        let is_late = |pair: &&[Shot]| pair[1].sequence < pair[0].sequence;
        let late = shots.windows(2).filter(is_late).count();
        let mut shots: Vec<&Shot> = shots.iter().collect();
        shots.sort_by_key(|shot| shot.sequence);
        shots.dedup_by_key(|shot| shot.sequence);
        let mut screening = Self {
            late,
            ..Self::default()
        };
        if let Some(first) = shots.first() {
            let is_start = first.is_keyframe && first.index == 0;
            // What is lost before anything came isn't asked for again.
            assert!(is_start || first.sequence > 1, "starts with {first:?}");
            screening.layers.push(first.layer);
        }
        for pair in shots.windows(2) {
            let [before, after] = pair else {
                unreachable!()
            };
            screening.frames += usize::from(after.index + 1 == after.count);
            if before.layer != after.layer {
                screening.layers.push(after.layer);
            }
            if before.sequence + 1 != after.sequence {
                screening.gaps += 1;
            } else if before.layer == after.layer && before.index + 1 < before.count {
                check_same_frame(before, after);
            } else {
                check_next_frame(before, after);
            }
        }
        screening
    }
}

fn check_same_frame(before: &Shot, after: &Shot) {
    let frame = |shot: &Shot| (shot.layer, shot.frame, shot.time, shot.picture);
    assert_eq!(frame(before), frame(after), "a frame is broken off");
    assert_eq!(before.index + 1, after.index);
}

fn check_next_frame(before: &Shot, after: &Shot) {
    assert_eq!(after.index, 0, "{after:?} after {before:?}");
    let elapsed = after.time.wrapping_sub(before.time);
    assert!(
        (1..900_000).contains(&elapsed),
        "{after:?} after {before:?}"
    );
    match (before.picture, after.picture) {
        (Some((before, _)), Some((after, _))) => {
            assert_eq!((before + 1) & 0x7fff, after, "the pictures' numbers jump");
        }
        _ => assert_eq!(before.picture, after.picture),
    }
    if let (Some((_, before)), Some((_, after))) = (before.picture, after.picture) {
        assert_eq!(
            before.wrapping_add(1),
            after,
            "the base pictures' numbers jump"
        );
    }
    if before.layer != after.layer || before.frame + 1 != after.frame {
        assert!(
            after.is_keyframe,
            "{after:?} can't be decoded after {before:?}"
        );
    }
}
