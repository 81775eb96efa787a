//! Fields of record bodies: writing, measuring, reading.

use bytes::{Buf, Bytes};

use crate::{LinkError, MAX_ENGINE_MESSAGE};

/// Takes fields: a buffer, or a counter that only measures.
pub(crate) trait Put {
    fn put(&mut self, bytes: &[u8]);

    fn put_u8(&mut self, value: u8) {
        self.put(&[value]);
    }

    fn put_u16(&mut self, value: u16) {
        self.put(&value.to_le_bytes());
    }

    fn put_u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    fn put_varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.put_u8(value as u8);
    }

    fn put_string(&mut self, value: &str) {
        self.put_varint(value.len());
        self.put(value.as_bytes());
    }

    fn put_optional(&mut self, value: Option<&str>) {
        match value {
            Some(value) => {
                self.put_u8(1);
                self.put_string(value);
            }
            None => self.put_u8(0),
        }
    }

    fn put_headers(&mut self, headers: &[(String, String)]) {
        self.put_varint(headers.len());
        for (name, value) in headers {
            self.put_string(name);
            self.put_string(value);
        }
    }
}

impl Put for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts bytes.
pub(crate) struct Length(pub(crate) usize);

impl Put for Length {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Reads the fields of one body, front to back.
pub(crate) struct Reader(pub(crate) Bytes);

impl Reader {
    pub(crate) fn u8(&mut self) -> Result<u8, LinkError> {
        self.0.try_get_u8().map_err(|_| LinkError::Truncated)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, LinkError> {
        self.0.try_get_u16_le().map_err(|_| LinkError::Truncated)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, LinkError> {
        self.0.try_get_u32_le().map_err(|_| LinkError::Truncated)
    }

    pub(crate) fn varint(&mut self) -> Result<usize, LinkError> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.u8()?;
            let bits = u32::from(byte & 0x7F);
            if shift == 28 && bits > 0x0F {
                return Err(LinkError::Varint);
            }
            value |= bits << shift;
            if byte < 0x80 {
                let shortest = byte != 0 || shift == 0;
                return if shortest {
                    Ok(value as usize)
                } else {
                    Err(LinkError::Varint)
                };
            }
        }
        Err(LinkError::Varint)
    }

    pub(crate) fn slice(&mut self, length: usize) -> Result<Bytes, LinkError> {
        if length > self.0.len() {
            return Err(LinkError::Truncated);
        }
        Ok(self.0.split_to(length))
    }

    pub(crate) fn string(&mut self) -> Result<String, LinkError> {
        let length = self.varint()?;
        let bytes = self.slice(length)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(LinkError::Utf8),
        }
    }

    pub(crate) fn flag(&mut self) -> Result<bool, LinkError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            flag => Err(LinkError::Flag(flag)),
        }
    }

    pub(crate) fn optional(&mut self) -> Result<Option<String>, LinkError> {
        match self.flag()? {
            false => Ok(None),
            true => self.string().map(Some),
        }
    }

    pub(crate) fn headers(&mut self) -> Result<Vec<(String, String)>, LinkError> {
        let count = self.varint()?;
        // A header takes two bytes at least, so a false count can't reserve more than is there.
        let mut headers = Vec::with_capacity(count.min(self.0.len() / 2));
        for _ in 0..count {
            headers.push((self.string()?, self.string()?));
        }
        Ok(headers)
    }

    pub(crate) fn rest(self) -> Bytes {
        self.0
    }

    /// The rest, as a message of or for the media engine.
    pub(crate) fn engine_message(self) -> Result<Bytes, LinkError> {
        match self.0.len() <= MAX_ENGINE_MESSAGE {
            true => Ok(self.0),
            false => Err(LinkError::EngineMessage(self.0.len())),
        }
    }

    /// Checks that nothing follows the last field of a record of this kind.
    pub(crate) fn finish(&self, kind: u8) -> Result<(), LinkError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(LinkError::TrailingBytes(kind))
        }
    }
}
