//! WebSocket frames (RFC 6455, section 5) as a server reads and writes them.

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continue,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// The head of a client's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) opcode: Opcode,
    /// Whether the message ends with this frame.
    pub(crate) is_final: bool,
    pub(crate) mask: [u8; 4],
    /// Bytes of the header.
    pub(crate) size: usize,
    /// Bytes of the payload.
    pub(crate) length: u64,
}

/// The frame isn't one that a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The largest payload of a control frame, in bytes.
pub(crate) const MAX_CONTROL: usize = 125;

impl Opcode {
    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn from_bits(bits: u8) -> Result<Self, Malformed> {
        match bits {
            0x0 => Ok(Self::Continue),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            _ => Err(Malformed),
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continue => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }
}

impl Header {
    /// Reads the header at the start of these bytes, if it is there as a whole.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let &[first, second, ref rest @ ..] = bytes else {
            return Ok(None);
        };
        let opcode = Opcode::from_bits(first & 0x0F)?;
        let is_final = first & 0x80 != 0;
        let has_reserved_bits = first & 0x70 != 0;
        let is_masked = second & 0x80 != 0;
        let short_length = second & 0x7F;
        let is_bad_control =
            opcode.is_control() && (!is_final || usize::from(short_length) > MAX_CONTROL);
        if has_reserved_bits || !is_masked || is_bad_control {
            return Err(Malformed);
        }
        let (length, rest) = match short_length {
            126 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(None),
            },
            short => (u64::from(short), rest),
        };
        if length > i64::MAX as u64 {
            return Err(Malformed);
        }
        let Some((mask, rest)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        let size = bytes.len() - rest.len();
        Ok(Some(Self {
            opcode,
            is_final,
            mask: *mask,
            size,
            length,
        }))
    }
}

/// Undoes, or does, the masking of a payload.
pub(crate) fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let word = u64::from_ne_bytes([mask, mask].as_flattened().try_into().unwrap_or_default());
    let (words, tail) = payload.as_chunks_mut::<8>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= key;
    }
}

/// Appends the header of a server's frame, which isn't masked.
pub(crate) fn put_header(out: &mut Vec<u8>, opcode: Opcode, is_final: bool, length: usize) {
    out.push(opcode.bits() | if is_final { 0x80 } else { 0 });
    match length {
        0..126 => out.push(length as u8),
        126..=0xFFFF => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Whether a close frame may carry this code (RFC 6455, 7.4).
pub(crate) fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::{Header, Malformed, Opcode, apply_mask, put_header};

    #[test]
    fn headers_of_every_length_are_read_once_they_are_whole() {
        for length in [0usize, 125, 126, 0xFFFF, 0x1_0000, 1 << 40] {
            let mut bytes = Vec::new();
            put_header(&mut bytes, Opcode::Binary, true, length);
            bytes[1] |= 0x80;
            bytes.extend([1, 2, 3, 4]);
            for cut in 0..bytes.len() {
                assert_eq!(Header::parse(&bytes[..cut]), Ok(None), "{length}, {cut}");
            }
            bytes.push(9);
            let header = Header::parse(&bytes).unwrap().unwrap();
            assert_eq!((header.opcode, header.is_final), (Opcode::Binary, true));
            assert_eq!((header.length, header.mask), (length as u64, [1, 2, 3, 4]));
            assert_eq!(header.size, bytes.len() - 1);
        }
    }

    #[test]
    fn frames_that_no_client_may_send_are_malformed() {
        for bytes in [
            [0x82, 0x00],
            [0xC2, 0x80],
            [0x83, 0x80],
            [0x8B, 0x80],
            [0x09, 0x80],
            [0x88, 0x80 | 126],
        ] {
            assert_eq!(Header::parse(&bytes), Err(Malformed), "{bytes:x?}");
        }
        let mut long = vec![0x82, 0xFF];
        long.extend([0xFF; 8]);
        assert_eq!(Header::parse(&long), Err(Malformed), "a length of 64 bits");
    }

    #[test]
    fn a_mask_applied_twice_changes_nothing() {
        let original: Vec<u8> = (0..100).collect();
        for length in 0..original.len() {
            let mut payload = original[..length].to_vec();
            apply_mask(&mut payload, [5, 6, 7, 8]);
            let expected = original[..length]
                .iter()
                .zip([5, 6, 7, 8].into_iter().cycle());
            assert_eq!(
                payload,
                expected.map(|(byte, key)| byte ^ key).collect::<Vec<_>>()
            );
            apply_mask(&mut payload, [5, 6, 7, 8]);
            assert_eq!(payload, original[..length]);
        }
    }
}
