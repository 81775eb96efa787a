//! What is seen of an Opus packet without decoding it (RFC 6716, section 3).

/// Samples a second. Granule positions and timestamps count them, whatever was encoded.
pub(crate) const RATE: u32 = 48_000;
/// The longest packet: 120 ms.
const MOST_SAMPLES: u32 = 5_760;

/// The first byte of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Toc(u8);

impl Toc {
    /// The first byte of a packet, and how many samples the packet has. `None` if it isn't one.
    pub(crate) fn read(packet: &[u8]) -> Option<(Self, u32)> {
        let (&first, rest) = packet.split_first()?;
        let toc = Self(first);
        let frames = match first & 3 {
            0 => 1,
            1 | 2 => 2,
            _ => u32::from(rest.first()? & 0x3f),
        };
        let samples = frames * toc.frame_samples();
        (1..=MOST_SAMPLES)
            .contains(&samples)
            .then_some((toc, samples))
    }

    /// Samples of each frame.
    pub(crate) fn frame_samples(self) -> u32 {
        let config = self.0 >> 3;
        match (config, config % 4) {
            (0..=11, 3) => 2_880,
            (0..=11, length) => 480 << length,
            (12..=15, length) => 480 << (length % 2),
            (_, length) => 120 << length,
        }
    }

    /// A packet in place of as many lost frames as fit in, which lets the decoder conceal the
    /// loss (RFC 7845, section 4.1). Gives it with its samples.
    pub(crate) fn concealment(self, lost: u32) -> ([u8; 2], u32) {
        let most = MOST_SAMPLES / self.frame_samples();
        // 120 ms are 48 frames of the shortest kind.
        let frames = u8::try_from(lost.min(most)).unwrap_or(48);
        let samples = u32::from(frames) * self.frame_samples();
        ([self.0 | 3, frames], samples)
    }
}

/// The head of an Opus stream (RFC 7845, section 5.1). A stream that was cut out of a call begins
/// with its first sample, so that it is in time with what else was recorded.
pub(crate) fn head() -> Vec<u8> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(2);
    head.extend(0_u16.to_le_bytes());
    head.extend(RATE.to_le_bytes());
    head.extend(0_i16.to_le_bytes());
    head.push(0);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_packet_is_in_its_first_bytes() {
        let samples = |packet: &[u8]| Toc::read(packet).map(|(_, samples)| samples);
        assert_eq!(samples(&[0x78, 1, 2]), Some(960));
        assert_eq!(samples(&[0x18]), Some(2_880));
        assert_eq!(samples(&[0x81, 0]), Some(240));
        assert_eq!(samples(&[0xfb, 6]), Some(5_760));
        for bad in [&[][..], &[3], &[3, 0], &[0x1b, 63]] {
            assert_eq!(samples(bad), None, "{bad:?} was taken");
        }
    }

    #[test]
    fn a_concealment_is_a_packet_of_as_many_frames() {
        for config in 0..32 {
            let (toc, length) = Toc::read(&[config << 3]).unwrap();
            for lost in [1, 2, 1_000] {
                let (packet, samples) = toc.concealment(lost);
                assert_eq!(
                    Toc::read(&packet).map(|(_, samples)| samples),
                    Some(samples)
                );
                assert!(samples >= length && samples <= lost * length);
            }
        }
    }
}
