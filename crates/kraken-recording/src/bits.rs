//! Headers that are read bit by bit.

/// Reads from the highest bit of the first byte on. `None` where there is no more.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.position / 8)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(bit == 1)
    }

    /// A number of at most 32 bits.
    pub(crate) fn number(&mut self, bits: u32) -> Option<u32> {
        (0..bits).try_fold(0, |number: u32, _| {
            Some(number << 1 | u32::from(self.flag()?))
        })
    }

    pub(crate) fn skip(&mut self, bits: u32) -> Option<()> {
        self.number(bits).map(drop)
    }

    /// A number that is as many bits long as there are zeros before it: `ue(v)` of H.264, `uvlc`
    /// of AV1.
    pub(crate) fn counted(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        if zeros > 31 {
            return None;
        }
        Some((1 << zeros) - 1 + self.number(zeros)?)
    }

    /// A [`Bits::counted`] number with a sign: `se(v)` of H.264.
    pub(crate) fn counted_signed(&mut self) -> Option<i64> {
        let number = i64::from(self.counted()?);
        let half = (number + 1) / 2;
        Some(if number % 2 == 0 { -half } else { half })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_read_from_the_highest_on() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010]);
        assert_eq!(bits.number(3), Some(0b101));
        // 00110 is 5, 010 is 1, 00010 ends too early.
        assert_eq!(bits.counted(), Some(5));
        assert_eq!(bits.counted(), Some(1));
        assert_eq!(bits.counted(), None);
    }

    #[test]
    fn signed_numbers_go_to_and_fro() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        let numbers: Vec<_> = std::iter::from_fn(|| bits.counted_signed()).collect();
        assert_eq!(numbers, [0, 1, -1, 2, -2]);
    }
}
