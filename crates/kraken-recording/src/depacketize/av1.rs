//! AV1 in RTP (AOM, "RTP Payload Format For AV1", section 4), and its sequence header.

use super::{Kind, Layout, VideoFormat};
use crate::bits::Bits;

/// The longest unit. A longer one is no video of a call.
const LONGEST_UNIT: usize = 4 * 1024 * 1024;
const HAS_SIZE: u8 = 0x02;
const HAS_EXTENSION: u8 = 0x04;
const SEQUENCE_HEADER: u8 = 1;
/// Units that have no business in a file, or in a packet either.
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;

/// A frame is a temporal unit of open bitstream units (OBUs), each with its size.
#[derive(Default)]
pub(super) struct Av1 {
    /// The beginning of a unit that goes on in the next packet.
    fragment: Option<Vec<u8>>,
    /// The sequence header of the frame, if there was one.
    header: Option<Vec<u8>>,
}

impl Layout for Av1 {
    fn append(&mut self, payload: &[u8], frame: &mut Vec<u8>) -> Option<()> {
        let (&aggregation, mut rest) = payload.split_first()?;
        let continues = aggregation & 0x80 != 0;
        let is_continued = aggregation & 0x40 != 0;
        let count = usize::from(aggregation >> 4 & 3);
        let mut fragment = self.fragment.take();
        if continues != fragment.is_some() {
            return None;
        }
        let mut number = 0;
        while !rest.is_empty() {
            number += 1;
            let element = if number == count {
                std::mem::take(&mut rest)
            } else {
                take_sized(&mut rest)?
            };
            let mut unit = fragment.take().unwrap_or_default();
            unit.extend(element);
            if unit.len() > LONGEST_UNIT {
                return None;
            }
            if rest.is_empty() && is_continued {
                self.fragment = Some(unit);
            } else {
                self.add(&unit, frame)?;
            }
        }
        Some(())
    }

    fn finish(&mut self, frame: &mut Vec<u8>) -> Option<Kind> {
        if self.fragment.is_some() || frame.is_empty() {
            return None;
        }
        match self.header.take() {
            Some(header) => Some(Kind::Key(read_header(&header)?)),
            None => Some(Kind::Delta),
        }
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Av1 {
    /// Adds a whole unit to the frame.
    fn add(&mut self, unit: &[u8], frame: &mut Vec<u8>) -> Option<()> {
        let (&first, mut rest) = unit.split_first()?;
        let mut extension = None;
        if first & HAS_EXTENSION != 0 {
            let (byte, after) = rest.split_first()?;
            extension = Some(*byte);
            rest = after;
        }
        let content = match first & HAS_SIZE {
            0 => rest,
            _ => take_sized(&mut rest)?,
        };
        let kind = first >> 3 & 0x0f;
        if matches!(kind, TEMPORAL_DELIMITER | TILE_LIST | PADDING) {
            return Some(());
        }
        let begin = frame.len();
        frame.push(first | HAS_SIZE);
        frame.extend(extension);
        push_size(frame, content.len());
        frame.extend(content);
        if kind == SEQUENCE_HEADER {
            self.header = Some(frame[begin..].to_vec());
        }
        Some(())
    }
}

/// Takes as many bytes off as the number before them says (LEB128).
fn take_sized<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut size = 0;
    for place in 0..4 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        size |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let (taken, rest) = bytes.split_at_checked(size)?;
            *bytes = rest;
            return Some(taken);
        }
    }
    None
}

fn push_size(out: &mut Vec<u8>, mut size: usize) {
    while size > 0x7f {
        out.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}

/// What the sequence header, as a whole unit, says: the size, and the codec's configuration as
/// Matroska has it (`av1C`).
fn read_header(unit: &[u8]) -> Option<VideoFormat> {
    let extension = usize::from(unit.first()? & HAS_EXTENSION != 0);
    let mut content = unit.get(1 + extension..)?;
    let header = SequenceHeader::read(take_sized(&mut content)?)?;
    let mut private = vec![0x81, header.profile << 5 | header.level, header.color, 0];
    private.extend(unit);
    Some(VideoFormat {
        width: header.width,
        height: header.height,
        private,
    })
}

/// AV1 bitstream, section 5.5.
struct SequenceHeader {
    profile: u8,
    level: u8,
    /// Tier, depth and subsampling, as the third byte of `av1C` has them.
    color: u8,
    width: u32,
    height: u32,
}

impl SequenceHeader {
    fn read(content: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(content);
        let profile = bits.number(3)? as u8;
        bits.skip(1)?;
        let is_reduced = bits.flag()?;
        let (level, tier) = if is_reduced {
            (bits.number(5)? as u8, false)
        } else {
            read_operating_points(&mut bits)?
        };
        let width_bits = bits.number(4)? + 1;
        let height_bits = bits.number(4)? + 1;
        let width = bits.number(width_bits)? + 1;
        let height = bits.number(height_bits)? + 1;
        skip_tools(&mut bits, is_reduced)?;
        let color = u8::from(tier) << 7 | read_color(&mut bits, profile)?;
        Some(Self {
            profile,
            level,
            color,
            width,
            height,
        })
    }
}

/// The level and tier of the first operating point: the one with all layers.
fn read_operating_points(bits: &mut Bits<'_>) -> Option<(u8, bool)> {
    let mut delay_bits = None;
    let has_timing = bits.flag()?;
    if has_timing {
        bits.skip(32)?;
        bits.skip(32)?;
        let is_equal = bits.flag()?;
        if is_equal {
            bits.counted()?;
        }
        let has_decoder_model = bits.flag()?;
        if has_decoder_model {
            delay_bits = Some(bits.number(5)? + 1);
            bits.skip(32)?;
            bits.skip(10)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let points = bits.number(5)? + 1;
    let mut first = None;
    for _ in 0..points {
        bits.skip(12)?;
        let level = bits.number(5)? as u8;
        let tier = level > 7 && bits.flag()?;
        first.get_or_insert((level, tier));
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(delay_bits)?;
            bits.skip(delay_bits)?;
            bits.skip(1)?;
        }
        if has_display_delay && bits.flag()? {
            bits.skip(4)?;
        }
    }
    first
}

/// From after the size to before the colours.
fn skip_tools(bits: &mut Bits<'_>, is_reduced: bool) -> Option<()> {
    if !is_reduced && bits.flag()? {
        bits.skip(7)?;
    }
    bits.skip(3)?;
    if !is_reduced {
        bits.skip(4)?;
        let has_order_hint = bits.flag()?;
        if has_order_hint {
            bits.skip(2)?;
        }
        let chooses_screen_content = bits.flag()?;
        let may_be_screen_content = chooses_screen_content || bits.flag()?;
        if may_be_screen_content {
            let chooses_integer_vectors = bits.flag()?;
            if !chooses_integer_vectors {
                bits.skip(1)?;
            }
        }
        if has_order_hint {
            bits.skip(3)?;
        }
    }
    bits.skip(3)
}

/// Depth, monochrome, subsampling and chroma position, as in `av1C`.
fn read_color(bits: &mut Bits<'_>, profile: u8) -> Option<u8> {
    /// BT.709 primaries, sRGB transfer, identity matrix: RGB.
    const RGB: [u32; 3] = [1, 13, 0];
    let is_high = bits.flag()?;
    let is_twelve = profile == 2 && is_high && bits.flag()?;
    let is_mono = profile != 1 && bits.flag()?;
    let has_description = bits.flag()?;
    let description = match has_description {
        true => [bits.number(8)?, bits.number(8)?, bits.number(8)?],
        false => [2; 3],
    };
    let (across, down, position) = if is_mono {
        bits.skip(1)?;
        (true, true, 0)
    } else if description == RGB {
        (false, false, 0)
    } else {
        bits.skip(1)?;
        let (across, down) = match profile {
            0 => (true, true),
            1 => (false, false),
            _ if is_twelve => {
                let across = bits.flag()?;
                (across, across && bits.flag()?)
            }
            _ => (true, false),
        };
        let position = if across && down {
            bits.number(2)? as u8
        } else {
            0
        };
        (across, down, position)
    };
    let flags = [is_high, is_twelve, is_mono, across, down];
    let flags = flags.iter().fold(0, |all, flag| all << 1 | u8::from(*flag));
    Some(flags << 2 | position)
}
