//! What a video's packet says of its frame without being decoded: where a decoder can begin, and
//! how large the picture is.
//!
//! Only descriptors and the first bytes of frames are read, which end-to-end encryption leaves
//! clear. What can't be told is taken for no keyframe, and for a picture of unknown size.

use str0m::format::{Codec, detect_av1_keyframe, detect_h264_keyframe, detect_h264_nalu};

/// The NAL unit of H.264 in which a sequence's parameters are. A keyframe begins with it, or has
/// none.
const SEQUENCE_PARAMETERS: u8 = 7;
/// What a keyframe of VP8 has behind its three bytes of flags.
const VP8_START: [u8; 3] = [0x9d, 0x01, 0x2a];

/// How large a picture is, in pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Whether a payload is the first of a frame with which a decoder can begin.
pub(crate) fn starts_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Vp8 => vp8_keyframe(payload).is_some(),
        Codec::Vp9 => Vp9::parse(payload).is_some_and(|vp9| vp9.starts_keyframe()),
        Codec::H264 => {
            detect_h264_nalu(payload, SEQUENCE_PARAMETERS) || detect_h264_keyframe(payload)
        }
        Codec::Av1 => detect_av1_keyframe(payload),
        _ => false,
    }
}

/// The size of the picture, if this is the first payload of a keyframe that tells it.
pub(crate) fn picture_size(codec: Codec, payload: &[u8]) -> Option<Size> {
    match codec {
        Codec::Vp8 => vp8_size(vp8_keyframe(payload)?),
        Codec::Vp9 => Vp9::parse(payload)?.size,
        _ => None,
    }
}

/// The frame behind the descriptor, if it is the start of a keyframe (RFC 7741, 4.2 and 4.3).
fn vp8_keyframe(payload: &[u8]) -> Option<&[u8]> {
    let (flags, rest) = payload.split_first()?;
    let frame = match flags & 0x80 {
        0 => rest,
        _ => {
            let (extension, rest) = rest.split_first()?;
            let picture = match extension & 0x80 {
                0 => 0,
                _ if rest.first()? & 0x80 == 0 => 1,
                _ => 2,
            };
            let base = usize::from(extension & 0x40 != 0);
            let temporal = usize::from(extension & 0x30 != 0);
            rest.get(picture + base + temporal..)?
        }
    };
    let is_start = flags & 0x10 != 0 && flags & 0x07 == 0;
    (is_start && frame.first()? & 1 == 0).then_some(frame)
}

/// The size in the header of a keyframe (RFC 6386, 9.1).
fn vp8_size(frame: &[u8]) -> Option<Size> {
    let [_, _, _, rest @ ..] = frame else {
        return None;
    };
    let [a, b, c, d] = *rest.strip_prefix(&VP8_START)?.first_chunk()?;
    let pixels = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
    Some(Size {
        width: pixels([a, b]),
        height: pixels([c, d]),
    })
}

/// A field of a descriptor: where it is, and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) offset: usize,
    pub(crate) value: u16,
    /// All bits that the value may have.
    pub(crate) mask: u16,
}

/// The descriptor of a payload of VP9 (RFC 9628, 4.2).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vp9 {
    pub(crate) picture: Option<Field>,
    /// Counts the pictures of the lowest layer in time.
    pub(crate) base: Option<Field>,
    flags: u8,
    spatial_layer: u8,
    size: Option<Size>,
}

impl Vp9 {
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader { payload, offset: 0 };
        let flags = reader.byte()?;
        let is_flexible = flags & 0x10 != 0;
        let mut parsed = Self {
            picture: None,
            base: None,
            flags,
            spatial_layer: 0,
            size: None,
        };
        if flags & 0x80 != 0 {
            parsed.picture = Some(reader.picture()?);
        }
        if flags & 0x20 != 0 {
            parsed.spatial_layer = reader.byte()? >> 1 & 0x07;
            if !is_flexible {
                parsed.base = Some(reader.field(0xff)?);
            }
        }
        if is_flexible && flags & 0x40 != 0 {
            // At most three differences to pictures that it needs; the last bit says if one follows.
            for _ in 0..3 {
                if reader.byte()? & 1 == 0 {
                    break;
                }
            }
        }
        if flags & 0x02 != 0 {
            parsed.size = reader.largest_size();
        }
        Some(parsed)
    }

    fn starts_keyframe(&self) -> bool {
        let is_predicted = self.flags & 0x40 != 0;
        let is_start = self.flags & 0x08 != 0;
        is_start && !is_predicted && self.spatial_layer == 0
    }
}

struct Reader<'a> {
    payload: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.payload.get(self.offset)?;
        self.offset += 1;
        Some(byte)
    }

    fn word(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn field(&mut self, mask: u16) -> Option<Field> {
        Some(Field {
            offset: self.offset,
            value: u16::from(self.byte()?) & mask,
            mask,
        })
    }

    /// A picture's number, of 7 or 15 bits as its first bit says.
    fn picture(&mut self) -> Option<Field> {
        let offset = self.offset;
        let short = self.field(0x7f)?;
        if self.payload[offset] & 0x80 == 0 {
            return Some(short);
        }
        Some(Field {
            offset,
            value: short.value << 8 | u16::from(self.byte()?),
            mask: 0x7fff,
        })
    }

    /// The size of the largest layer in space, if what is said of their structure names it.
    fn largest_size(&mut self) -> Option<Size> {
        let structure = self.byte()?;
        let layers = structure >> 5;
        let mut largest = None;
        if structure & 0x10 != 0 {
            for _ in 0..=layers {
                largest = Some(Size {
                    width: self.word()?.into(),
                    height: self.word()?.into(),
                });
            }
        }
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CODECS: [Codec; 5] = [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1, Codec::Opus];

    fn size(width: u32, height: u32) -> Option<Size> {
        Some(Size { width, height })
    }

    #[test]
    fn la1_the_start_of_a_keyframe_is_found_in_every_codec() {
        let starts: [(Codec, &[u8]); 11] = [
            (Codec::Vp8, &[0x10, 0x00]),
            (Codec::Vp8, &[0x90, 0x80, 0x12, 0x00]),
            (Codec::Vp8, &[0x90, 0xf0, 0x81, 0x12, 0x05, 0x20, 0x00]),
            (Codec::Vp9, &[0x08]),
            (Codec::Vp9, &[0xa8, 0x05, 0x00, 0x01]),
            (Codec::H264, &[0x65, 0x88]),
            (Codec::H264, &[0x67, 0x42]),
            (Codec::H264, &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce]),
            (Codec::H264, &[0x7c, 0x85, 0x00]),
            (Codec::Av1, &[0x18, 0x0a]),
            (Codec::Av1, &[0x08]),
        ];
        for (codec, payload) in starts {
            assert!(starts_keyframe(codec, payload), "{codec:?} {payload:x?}");
        }
    }

    #[test]
    fn la1_what_only_looks_like_the_start_of_a_keyframe_is_none() {
        let others: [(Codec, &[u8]); 12] = [
            (Codec::Vp8, &[0x10, 0x01]),
            (Codec::Vp8, &[0x00, 0x00]),
            (Codec::Vp8, &[0x11, 0x00]),
            (Codec::Vp8, &[0x90, 0x80, 0x12]),
            (Codec::Vp9, &[0x00]),
            (Codec::Vp9, &[0x48]),
            (Codec::Vp9, &[0xa8, 0x05, 0x02, 0x01]),
            (Codec::H264, &[0x41, 0x9a]),
            (Codec::H264, &[0x7c, 0x05, 0x00]),
            (Codec::H264, &[0x7c, 0x81, 0x00]),
            (Codec::Av1, &[0x10, 0x32]),
            (Codec::Opus, &[0x08, 0x08]),
        ];
        for (codec, payload) in others {
            assert!(!starts_keyframe(codec, payload), "{codec:?} {payload:x?}");
        }
        for codec in CODECS {
            assert!(!starts_keyframe(codec, &[]));
        }
    }

    #[test]
    fn la1_the_size_of_a_picture_is_read_where_it_is_clear() {
        let vp8 = [
            0x10, 0x50, 0x2d, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0xd0, 0x02,
        ];
        assert_eq!(picture_size(Codec::Vp8, &vp8), size(640, 720));
        // Encrypted from its first byte on.
        assert_eq!(
            picture_size(Codec::Vp8, &[0x10, 0x50, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            None
        );
        let vp9 = [0x8a, 0x81, 0x02, 0x18, 0x05, 0x00, 0x02, 0xd0];
        assert_eq!(picture_size(Codec::Vp9, &vp9), size(1280, 720));
        assert_eq!(picture_size(Codec::Vp9, &vp9[..6]), None);
        assert_eq!(picture_size(Codec::H264, &[0x67, 0x42]), None);
    }

    proptest! {
        #[test]
        fn la1_any_bytes_are_read_without_a_panic(payload: Vec<u8>) {
            for codec in CODECS {
                let starts = starts_keyframe(codec, &payload);
                if codec == Codec::Vp8 && picture_size(codec, &payload).is_some() {
                    prop_assert!(starts);
                }
            }
            if let Some(vp9) = Vp9::parse(&payload) {
                for field in [vp9.picture, vp9.base].into_iter().flatten() {
                    prop_assert!(field.offset < payload.len());
                    prop_assert_eq!(field.value & !field.mask, 0);
                }
            }
        }
    }
}
