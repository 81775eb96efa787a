//! VP8 in RTP (RFC 7741), and the head of its frames (RFC 6386, section 9.1).

use super::{Kind, Layout, VideoFormat};

pub(super) struct Vp8;

impl Layout for Vp8 {
    fn append(&mut self, payload: &[u8], frame: &mut Vec<u8>) -> Option<()> {
        let (&first, rest) = payload.split_first()?;
        let begins_partition = first & 0x10 != 0;
        let partition = first & 0x07;
        let begins_frame = begins_partition && partition == 0;
        if begins_frame != frame.is_empty() {
            return None;
        }
        let data = match first & 0x80 {
            0 => rest,
            _ => skip_extension(rest)?,
        };
        frame.extend(data);
        (!data.is_empty()).then_some(())
    }

    fn finish(&mut self, frame: &mut Vec<u8>) -> Option<Kind> {
        let is_delta = frame.first()? & 1 == 1;
        if is_delta {
            return Some(Kind::Delta);
        }
        let [_, _, _, 0x9d, 0x01, 0x2a, size @ ..] = frame.as_slice() else {
            return None;
        };
        let [width_low, width_high, height_low, height_high, ..] = *size else {
            return None;
        };
        // The two highest bits say how to scale.
        let length = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
        Some(Kind::Key(VideoFormat {
            width: length(width_low, width_high),
            height: length(height_low, height_high),
            private: Vec::new(),
        }))
    }
}

fn skip_extension(bytes: &[u8]) -> Option<&[u8]> {
    let (&flags, mut rest) = bytes.split_first()?;
    let has = |flag: u8| flags & flag != 0;
    if has(0x80) {
        let is_long = rest.first()? & 0x80 != 0;
        rest = rest.get(1 + usize::from(is_long)..)?;
    }
    let tl0 = usize::from(has(0x40));
    let tid_and_key = usize::from(has(0x20) || has(0x10));
    rest.get(tl0 + tid_and_key..)
}
