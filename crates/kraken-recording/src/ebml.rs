//! The elements of which Matroska files are made (RFC 8794).

/// An element's id, as it is written.
pub(crate) type Id = u32;

/// An element that readers skip.
const VOID: Id = 0xEC;
/// The size of an element whose end isn't known yet, in eight bytes.
pub(crate) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

pub(crate) fn id(out: &mut Vec<u8>, id: Id) {
    let bytes = id.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    out.extend(&bytes[zeros..]);
}

/// A size in as few bytes as it takes. One with only ones in it means "unknown".
pub(crate) fn size(out: &mut Vec<u8>, size: u64) {
    let length = (1..8)
        .find(|length| size < (1 << (7 * length)) - 1)
        .unwrap_or(8);
    let marked = size | 1 << (7 * length);
    out.extend(&marked.to_be_bytes()[8 - length..]);
}

/// A size in eight bytes.
pub(crate) fn long_size(size: u64) -> [u8; 8] {
    (size | 1 << 56).to_be_bytes()
}

pub(crate) fn binary(out: &mut Vec<u8>, name: Id, content: &[u8]) {
    id(out, name);
    size(out, content.len() as u64);
    out.extend(content);
}

pub(crate) fn text(out: &mut Vec<u8>, name: Id, content: &str) {
    binary(out, name, content.as_bytes());
}

pub(crate) fn number(out: &mut Vec<u8>, name: Id, number: u64) {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    binary(out, name, &bytes[zeros.min(7)..]);
}

/// A number in eight bytes, to be written over later.
pub(crate) fn long_number(out: &mut Vec<u8>, name: Id, number: u64) {
    binary(out, name, &number.to_be_bytes());
}

pub(crate) fn float(out: &mut Vec<u8>, name: Id, number: f64) {
    binary(out, name, &number.to_be_bytes());
}

/// An element of elements.
pub(crate) fn master(out: &mut Vec<u8>, name: Id, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    fill(&mut content);
    binary(out, name, &content);
}

/// Room for something of so many bytes, which are at least two and few.
pub(crate) fn void(out: &mut Vec<u8>, bytes: usize) {
    binary(out, VOID, &vec![0; bytes.saturating_sub(2)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_short_as_they_can_be() {
        let written = |number| {
            let mut out = Vec::new();
            size(&mut out, number);
            out
        };
        assert_eq!(written(0), [0x80]);
        assert_eq!(written(126), [0xFE]);
        assert_eq!(written(127), [0x40, 0x7F]);
        assert_eq!(written(16_382), [0x7F, 0xFE]);
        assert_eq!(written(16_383), [0x20, 0x3F, 0xFF]);
        assert_eq!(written((1 << 56) - 2), long_size((1 << 56) - 2));
    }

    #[test]
    fn numbers_leave_out_leading_zeros() {
        let mut out = Vec::new();
        number(&mut out, 0xE7, 0);
        number(&mut out, 0x53AC, 258);
        assert_eq!(out, [0xE7, 0x81, 0, 0x53, 0xAC, 0x82, 1, 2]);
    }
}
