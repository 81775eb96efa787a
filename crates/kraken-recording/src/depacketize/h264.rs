//! H.264 in RTP (RFC 6184), and its parameter sets (ITU-T H.264, 7.3.2.1).

use super::{Kind, Layout, VideoFormat};
use crate::bits::Bits;

/// Kinds of units (NAL units).
const SLICE: u8 = 1;
const KEY_SLICE: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;
/// The kinds of packets that don't simply hold one.
const SEVERAL: u8 = 24;
const FRAGMENT: u8 = 28;
/// Bytes of the length before each unit in a file.
const LENGTH: usize = 4;

/// A frame is an access unit: units behind their lengths.
#[derive(Default)]
pub(super) struct H264 {
    /// Where the unit begins that goes on in the next packet.
    fragment: Option<usize>,
    sequence: Option<Vec<u8>>,
    picture: Option<Vec<u8>>,
    is_key: bool,
}

impl Layout for H264 {
    fn append(&mut self, payload: &[u8], frame: &mut Vec<u8>) -> Option<()> {
        if frame.is_empty() {
            self.is_key = false;
        }
        let kind = payload.first()? & 0x1f;
        if kind != FRAGMENT && self.fragment.is_some() {
            return None;
        }
        match kind {
            SLICE..SEVERAL => self.add(payload, frame),
            SEVERAL => self.add_several(payload.get(1..)?, frame),
            FRAGMENT => self.add_fragment(payload, frame),
            _ => None,
        }
    }

    fn finish(&mut self, _frame: &mut Vec<u8>) -> Option<Kind> {
        if self.fragment.is_some() {
            return None;
        }
        if !self.is_key {
            return Some(Kind::Delta);
        }
        let (sequence, picture) = (self.sequence.as_ref()?, self.picture.as_ref()?);
        let (width, height) = read_size(sequence)?;
        Some(Kind::Key(VideoFormat {
            width,
            height,
            private: configuration(sequence, picture)?,
        }))
    }

    fn reset(&mut self) {
        self.fragment = None;
    }
}

impl H264 {
    fn add(&mut self, unit: &[u8], frame: &mut Vec<u8>) -> Option<()> {
        let begin = frame.len();
        frame.extend([0; LENGTH]);
        frame.extend(unit);
        self.complete(begin, frame)
    }

    fn add_several(&mut self, mut rest: &[u8], frame: &mut Vec<u8>) -> Option<()> {
        while let [high, low, after @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let (unit, after) = after.split_at_checked(length)?;
            self.add(unit, frame)?;
            rest = after;
        }
        Some(())
    }

    fn add_fragment(&mut self, payload: &[u8], frame: &mut Vec<u8>) -> Option<()> {
        let [indicator, header, data @ ..] = payload else {
            return None;
        };
        let (begins, ends) = (header & 0x80 != 0, header & 0x40 != 0);
        if begins == self.fragment.is_some() {
            return None;
        }
        let begin = *self.fragment.get_or_insert(frame.len());
        if begins {
            frame.extend([0; LENGTH]);
            frame.push(indicator & 0xe0 | header & 0x1f);
        }
        frame.extend(data);
        if ends {
            self.fragment = None;
            self.complete(begin, frame)?;
        }
        Some(())
    }

    /// The unit that begins there has all its bytes.
    fn complete(&mut self, begin: usize, frame: &mut [u8]) -> Option<()> {
        let (length, unit) = frame.get_mut(begin..)?.split_at_mut_checked(LENGTH)?;
        length.copy_from_slice(&u32::try_from(unit.len()).ok()?.to_be_bytes());
        let kind = unit.first()? & 0x1f;
        // The first slice of a picture begins with its first macroblock: otherwise some are lost.
        let is_slice = matches!(kind, SLICE | KEY_SLICE);
        let is_first = unit.get(1).is_some_and(|byte| byte & 0x80 != 0);
        if is_slice && begin == 0 && !is_first {
            return None;
        }
        match kind {
            KEY_SLICE => self.is_key = true,
            SEQUENCE_PARAMETERS => self.sequence = Some(unit.to_vec()),
            PICTURE_PARAMETERS => self.picture = Some(unit.to_vec()),
            _ => {}
        }
        Some(())
    }
}

/// The codec's configuration as Matroska has it (`avcC`).
fn configuration(sequence: &[u8], picture: &[u8]) -> Option<Vec<u8>> {
    let [_, profile, constraints, level, ..] = sequence else {
        return None;
    };
    let mut bytes = vec![1, *profile, *constraints, *level];
    bytes.push(0xfc | (LENGTH as u8 - 1));
    // One set of each kind; the first number is behind three reserved bits.
    for (count, set) in [(0xe1, sequence), (1, picture)] {
        bytes.push(count);
        bytes.extend(u16::try_from(set.len()).ok()?.to_be_bytes());
        bytes.extend(set);
    }
    Some(bytes)
}

/// Width and height that a sequence parameter set stands for.
fn read_size(unit: &[u8]) -> Option<(u32, u32)> {
    let content = without_escapes(unit.get(1..)?);
    let mut bits = Bits::new(&content);
    let profile = bits.number(8)?;
    bits.skip(16)?;
    bits.counted()?;
    let chroma = match has_chroma_format(profile) {
        true => read_chroma_format(&mut bits)?,
        false => 1,
    };
    bits.counted()?;
    skip_picture_order(&mut bits)?;
    bits.counted()?;
    bits.skip(1)?;
    let across = bits.counted()?.checked_add(1)?;
    let down = bits.counted()?.checked_add(1)?;
    let is_progressive = bits.flag()?;
    let fields = if is_progressive { 1 } else { 2 };
    if !is_progressive {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    let is_cropped = bits.flag()?;
    let mut crop = [0; 4];
    if is_cropped {
        for side in &mut crop {
            *side = bits.counted()?;
        }
    }
    let [left, right, top, bottom] = crop;
    let (unit_across, unit_down) = match chroma {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let cut = |side: u32, other: u32, unit: u32| side.checked_add(other)?.checked_mul(unit);
    let width = across.checked_mul(16)?;
    let height = down.checked_mul(16 * fields)?;
    let width = width.checked_sub(cut(left, right, unit_across)?)?;
    let height = height.checked_sub(cut(top, bottom, unit_down * fields)?)?;
    (width > 0 && height > 0).then_some((width, height))
}

fn has_chroma_format(profile: u32) -> bool {
    matches!(
        profile,
        44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244
    )
}

fn read_chroma_format(bits: &mut Bits<'_>) -> Option<u32> {
    let chroma = bits.counted()?;
    let has_separate_planes = chroma == 3 && bits.flag()?;
    bits.counted()?;
    bits.counted()?;
    bits.skip(1)?;
    let has_scaling = bits.flag()?;
    if has_scaling {
        for list in 0..if chroma == 3 { 12 } else { 8 } {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(if has_separate_planes { 0 } else { chroma })
}

fn skip_scaling_list(bits: &mut Bits<'_>, length: usize) -> Option<()> {
    let mut last = 8;
    for _ in 0..length {
        last = (last + bits.counted_signed()?).rem_euclid(256);
        if last == 0 {
            break;
        }
    }
    Some(())
}

fn skip_picture_order(bits: &mut Bits<'_>) -> Option<()> {
    match bits.counted()? {
        0 => {
            bits.counted()?;
        }
        1 => {
            bits.skip(1)?;
            bits.counted()?;
            bits.counted()?;
            for _ in 0..bits.counted()?.min(255) {
                bits.counted()?;
            }
        }
        _ => {}
    }
    Some(())
}

/// Without the bytes that keep the content from looking like the beginning of a unit.
fn without_escapes(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for &byte in bytes {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}
