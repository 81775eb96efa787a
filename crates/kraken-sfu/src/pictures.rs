//! The numbers of pictures in VP8 and VP9 as one receiver sees them.
//!
//! Each encoder counts its pictures for itself. A receiver that is sent another layer, or another
//! source, would take the jump for pictures that were lost; so the count goes on where it was.

use crate::codec::{Field, Vp9};
use std::sync::Arc;
use str0m::format::Codec;
use str0m::rtp::{Vp8Descriptor, Vp8Patch};

/// A payload as a receiver is sent it.
#[derive(Debug)]
pub(crate) enum Renumbered {
    /// As it came.
    Unchanged,
    /// With other bytes in its descriptor, which are put in when it is sent.
    Patched(Vp8Patch),
    /// A copy with other bytes.
    Copied(Arc<[u8]>),
}

/// Lets the numbers of pictures go on over switches.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    pictures: Count,
    /// The pictures of the lowest layer in time.
    bases: Count,
    keys: Count,
}

impl Pictures {
    /// The next packet is of another encoder, and of the first picture that is taken from it.
    pub(crate) fn switch(&mut self) {
        for count in [&mut self.pictures, &mut self.bases, &mut self.keys] {
            count.is_switching = true;
        }
    }

    /// Renumbers a payload. One that can't be read stays as it is.
    pub(crate) fn apply(&mut self, codec: Codec, payload: &[u8]) -> Renumbered {
        let renumbered = match codec {
            Codec::Vp8 => self.patch(payload).map(Renumbered::Patched),
            Codec::Vp9 => self.copy(payload).map(Renumbered::Copied),
            _ => None,
        };
        renumbered.unwrap_or(Renumbered::Unchanged)
    }

    fn patch(&mut self, payload: &[u8]) -> Option<Vp8Patch> {
        let descriptor = Vp8Descriptor::parse(payload).ok()?;
        let mut patch = descriptor.patch();
        let mut is_changed = false;
        if let Some(before) = descriptor.picture_id() {
            let after = self.pictures.apply(before, vp8_picture_mask(payload));
            patch = patch.picture_id(after);
            is_changed |= after != before;
        }
        if let Some(before) = descriptor.tl0_pic_idx() {
            let after = self.bases.apply_byte(before, 0xff);
            patch = patch.tl0_pic_idx(after);
            is_changed |= after != before;
        }
        if let Some(before) = descriptor.key_idx() {
            let after = self.keys.apply_byte(before, 0x1f);
            patch = patch.key_idx(after);
            is_changed |= after != before;
        }
        is_changed.then(|| patch.build().ok())?
    }

    fn copy(&mut self, payload: &[u8]) -> Option<Arc<[u8]>> {
        let descriptor = Vp9::parse(payload)?;
        let picture = descriptor
            .picture
            .map(|field| field.renumber(&mut self.pictures));
        let base = descriptor.base.map(|field| field.renumber(&mut self.bases));
        if picture == descriptor.picture && base == descriptor.base {
            return None;
        }
        let mut copy = payload.to_vec();
        for field in [picture, base].into_iter().flatten() {
            field.write(&mut copy);
        }
        Some(copy.into())
    }
}

impl Field {
    fn renumber(self, count: &mut Count) -> Self {
        let value = count.apply(self.value, self.mask);
        Self { value, ..self }
    }

    /// Puts the value where the field was found.
    fn write(self, payload: &mut [u8]) {
        let [high, low] = self.value.to_be_bytes();
        if self.mask > 0xff {
            payload[self.offset] = high | 0x80;
            payload[self.offset + 1] = low;
        } else {
            payload[self.offset] = low;
        }
    }
}

/// The bits of the picture's number: the first byte behind the two of flags says if it is long.
fn vp8_picture_mask(payload: &[u8]) -> u16 {
    match payload.get(2) {
        Some(first) if first & 0x80 != 0 => 0x7fff,
        Some(_) | None => 0x7f,
    }
}

/// A number that counts up and wraps around.
#[derive(Debug, Default)]
struct Count {
    shift: u16,
    newest: Option<u16>,
    is_switching: bool,
}

impl Count {
    fn apply(&mut self, value: u16, mask: u16) -> u16 {
        if std::mem::take(&mut self.is_switching)
            && let Some(newest) = self.newest
        {
            self.shift = newest.wrapping_add(1).wrapping_sub(value);
        }
        let moved = value.wrapping_add(self.shift) & mask;
        let is_newer = |newest: u16| moved.wrapping_sub(newest) & mask <= mask / 2;
        if self.newest.is_none_or(is_newer) {
            self.newest = Some(moved);
        }
        moved
    }

    fn apply_byte(&mut self, value: u8, mask: u8) -> u8 {
        let [_, moved] = self.apply(value.into(), mask.into()).to_be_bytes();
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A payload of VP8 with a long picture number, the base picture's number and a key.
    fn vp8(picture: u16, base: u8, key: u8) -> Vec<u8> {
        let [high, low] = picture.to_be_bytes();
        vec![0x90, 0xf0, high | 0x80, low, base, 0x20 | key, 0x01, 0xaa]
    }

    /// A payload of VP9 likewise.
    fn vp9(picture: u16, base: u8) -> Vec<u8> {
        let [high, low] = picture.to_be_bytes();
        vec![0xa8, high | 0x80, low, 0x00, base, 0xaa]
    }

    /// What a receiver reads from a payload that was renumbered.
    fn numbers(pictures: &mut Pictures, payload: &[u8]) -> (u16, u8, u8) {
        let wanted = pictures.apply(Codec::Vp8, payload);
        let descriptor = Vp8Descriptor::parse(payload).unwrap();
        match wanted {
            Renumbered::Unchanged => (
                descriptor.picture_id().unwrap(),
                descriptor.tl0_pic_idx().unwrap(),
                descriptor.key_idx().unwrap(),
            ),
            // What a patch says can be seen only by whoever builds the same.
            Renumbered::Patched(patch) => {
                let (picture, base, key) = (
                    pictures.pictures.newest.unwrap(),
                    u8::try_from(pictures.bases.newest.unwrap()).unwrap(),
                    u8::try_from(pictures.keys.newest.unwrap()).unwrap(),
                );
                let same = descriptor
                    .patch()
                    .picture_id(picture)
                    .tl0_pic_idx(base)
                    .key_idx(key);
                assert_eq!(patch, same.build().unwrap());
                (picture, base, key)
            }
            Renumbered::Copied(_) => panic!("VP8 is patched"),
        }
    }

    #[test]
    fn la2_pictures_of_vp8_are_counted_on_over_switches() {
        let mut pictures = Pictures::default();
        assert_eq!(
            numbers(&mut pictures, &vp8(0x7ffe, 254, 30)),
            (0x7ffe, 254, 30)
        );
        assert_eq!(
            numbers(&mut pictures, &vp8(0x7fff, 255, 30)),
            (0x7fff, 255, 30)
        );
        pictures.switch();
        assert_eq!(numbers(&mut pictures, &vp8(500, 7, 3)), (0, 0, 31));
        assert_eq!(numbers(&mut pictures, &vp8(501, 7, 3)), (1, 0, 31));
        pictures.switch();
        assert_eq!(numbers(&mut pictures, &vp8(3, 100, 9)), (2, 1, 0));
    }

    #[test]
    fn la2_a_late_picture_gets_the_number_that_it_would_have_had() {
        let mut pictures = Pictures::default();
        pictures.apply(Codec::Vp9, &vp9(10, 1));
        pictures.switch();
        pictures.apply(Codec::Vp9, &vp9(1_000, 50));
        pictures.apply(Codec::Vp9, &vp9(1_002, 51));
        let Renumbered::Copied(late) = pictures.apply(Codec::Vp9, &vp9(1_001, 51)) else {
            panic!("it was not renumbered");
        };
        assert_eq!(*late, vp9(12, 3));
        assert_eq!(pictures.pictures.newest, Some(13));
    }

    #[test]
    fn la2_short_numbers_stay_short() {
        let mut pictures = Pictures::default();
        pictures.apply(Codec::Vp9, &[0x88, 0x7f, 0xaa]);
        pictures.switch();
        let Renumbered::Copied(next) = pictures.apply(Codec::Vp9, &[0x88, 0x20, 0xaa]) else {
            panic!("it was not renumbered");
        };
        assert_eq!(*next, [0x88, 0x00, 0xaa]);
    }

    #[test]
    fn la2_what_has_no_numbers_or_goes_on_is_unchanged() {
        let mut pictures = Pictures::default();
        pictures.switch();
        for (codec, payload) in [
            (Codec::Vp8, vec![0x10, 0x00]),
            (Codec::Vp8, vp8(7, 7, 7)),
            (Codec::Vp9, vp9(8, 8)),
            (Codec::H264, vec![0x65]),
            (Codec::Av1, vec![]),
        ] {
            let renumbered = pictures.apply(codec, &payload);
            assert!(matches!(renumbered, Renumbered::Unchanged), "{codec:?}");
        }
    }

    proptest! {
        #[test]
        fn la2_the_count_never_jumps(
            starts in proptest::collection::vec((0..0x8000_u16, 1..300_u16), 1..10)
        ) {
            let mut pictures = Pictures::default();
            let mut expected = starts[0].0;
            for (start, length) in starts {
                pictures.switch();
                for step in 0..length {
                    let payload = vp8(start.wrapping_add(step) & 0x7fff, 0, 0);
                    pictures.apply(Codec::Vp8, &payload);
                    prop_assert_eq!(pictures.pictures.newest, Some(expected & 0x7fff));
                    expected = expected.wrapping_add(1);
                }
            }
        }

        #[test]
        fn la2_any_payload_keeps_its_length(payloads: Vec<Vec<u8>>) {
            let mut pictures = Pictures::default();
            for payload in payloads {
                pictures.switch();
                if let Renumbered::Copied(copy) = pictures.apply(Codec::Vp9, &payload) {
                    prop_assert_eq!(copy.len(), payload.len());
                }
                pictures.apply(Codec::Vp8, &payload);
            }
        }
    }
}
