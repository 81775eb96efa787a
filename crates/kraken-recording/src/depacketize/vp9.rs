//! VP9 in RTP (RFC 9628), and the head and index of its frames (VP9 bitstream, 7.2 and annex B).

use super::{Kind, Layout, VideoFormat};
use crate::bits::Bits;

/// Spatial layers of a picture.
const MOST_LAYERS: usize = 8;

/// A picture is a superframe if it has several layers: then it ends with an index of them.
#[derive(Default)]
pub(super) struct Vp9 {
    /// Where each layer begins.
    layers: Vec<usize>,
    is_key: bool,
}

impl Layout for Vp9 {
    fn append(&mut self, payload: &[u8], frame: &mut Vec<u8>) -> Option<()> {
        let descriptor = Descriptor::read(payload)?;
        if frame.is_empty() {
            self.reset();
            self.is_key = descriptor.is_lowest_layer && !descriptor.is_predicted;
        }
        if descriptor.begins_layer {
            self.layers.push(frame.len());
        }
        let is_in_layer = (1..=MOST_LAYERS).contains(&self.layers.len());
        if !is_in_layer || descriptor.data.is_empty() {
            return None;
        }
        frame.extend(descriptor.data);
        Some(())
    }

    fn finish(&mut self, frame: &mut Vec<u8>) -> Option<Kind> {
        let format = self.is_key.then(|| read_head(frame));
        if self.layers.len() > 1 {
            append_index(frame, &self.layers);
        }
        match format {
            Some(format) => Some(Kind::Key(format?)),
            None => Some(Kind::Delta),
        }
    }

    fn reset(&mut self) {
        self.layers.clear();
    }
}

struct Descriptor<'a> {
    is_predicted: bool,
    begins_layer: bool,
    is_lowest_layer: bool,
    data: &'a [u8],
}

impl<'a> Descriptor<'a> {
    fn read(payload: &'a [u8]) -> Option<Self> {
        let (&flags, mut rest) = payload.split_first()?;
        let has = |flag: u8| flags & flag != 0;
        let is_predicted = has(0x40);
        let is_flexible = has(0x10);
        if has(0x80) {
            let is_long = rest.first()? & 0x80 != 0;
            rest = rest.get(1 + usize::from(is_long)..)?;
        }
        let mut layer = 0;
        if has(0x20) {
            layer = rest.first()? >> 1 & 7;
            let tl0 = usize::from(!is_flexible);
            rest = rest.get(1 + tl0..)?;
        }
        if is_flexible && is_predicted {
            rest = skip_references(rest)?;
        }
        if has(0x02) {
            rest = skip_scalability(rest)?;
        }
        Some(Self {
            is_predicted,
            begins_layer: has(0x08),
            is_lowest_layer: layer == 0,
            data: rest,
        })
    }
}

/// Up to three pictures that this one refers to; the lowest bit says that another follows.
fn skip_references(bytes: &[u8]) -> Option<&[u8]> {
    let more = bytes.iter().take(3).take_while(|byte| **byte & 1 == 1);
    bytes.get((more.count() + 1).min(3)..)
}

/// The scalability structure: sizes of layers, and how pictures refer to each other.
fn skip_scalability(bytes: &[u8]) -> Option<&[u8]> {
    let (&first, mut rest) = bytes.split_first()?;
    let layers = usize::from(first >> 5) + 1;
    if first & 0x10 != 0 {
        rest = rest.get(4 * layers..)?;
    }
    if first & 0x08 != 0 {
        let (&pictures, after) = rest.split_first()?;
        rest = after;
        for _ in 0..pictures {
            let references = usize::from(rest.first()? >> 2 & 3);
            rest = rest.get(1 + references..)?;
        }
    }
    Some(rest)
}

/// The size in the head of a keyframe.
fn read_head(frame: &[u8]) -> Option<VideoFormat> {
    const SYNC: u32 = 0x49_83_42;
    const SRGB: u32 = 7;
    let mut bits = Bits::new(frame);
    if bits.number(2)? != 2 {
        return None;
    }
    let profile = u32::from(bits.flag()?) | u32::from(bits.flag()?) << 1;
    if profile == 3 {
        bits.skip(1)?;
    }
    let shows_existing = bits.flag()?;
    let is_delta = bits.flag()?;
    bits.skip(2)?;
    if shows_existing || is_delta || bits.number(24)? != SYNC {
        return None;
    }
    if profile >= 2 {
        bits.skip(1)?;
    }
    let has_subsampling = profile % 2 == 1;
    match (bits.number(3)?, has_subsampling) {
        (SRGB, true) => bits.skip(1)?,
        (SRGB, false) => return None,
        (_, true) => bits.skip(4)?,
        (_, false) => bits.skip(1)?,
    }
    Some(VideoFormat {
        width: bits.number(16)? + 1,
        height: bits.number(16)? + 1,
        private: Vec::new(),
    })
}

fn append_index(frame: &mut Vec<u8>, begins: &[usize]) {
    let ends = begins.iter().skip(1).copied().chain([frame.len()]);
    let sizes: Vec<usize> = ends.zip(begins).map(|(end, begin)| end - begin).collect();
    // The mark of an index, four bytes for each size, and how many there are.
    let marker = 0b1101_1000 | (begins.len() as u8 - 1);
    frame.push(marker);
    for size in sizes {
        frame.extend((size as u32).to_le_bytes());
    }
    frame.push(marker);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_several_layers_ends_with_an_index() {
        let mut vp9 = Vp9::default();
        let mut frame = Vec::new();
        // Two layers, the lower one in two packets: picture id, layers, first and last packet.
        for payload in [
            &[0b1110_1000, 5, 0, 1, 10, 11][..],
            &[0b1110_0100, 5, 0, 1, 12],
            &[0b1110_1100, 5, 2, 1, 13],
        ] {
            vp9.append(payload, &mut frame).unwrap();
        }
        assert!(matches!(vp9.finish(&mut frame), Some(Kind::Delta)));
        assert_eq!(frame, [10, 11, 12, 13, 0xd9, 3, 0, 0, 0, 1, 0, 0, 0, 0xd9]);
    }
}
