//! The incoming half of an endpoint: frames into records.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use crate::record::KIND_PART;
use crate::sequence;
use crate::window::Window;
use crate::wire::Reader;
use crate::{FRAME_MARK, HEADER_SIZE, LinkError, MAX_FRAME, MAX_RECORD, Record};

#[derive(Debug)]
pub(crate) struct Receiving {
    /// What the peer may have unacknowledged.
    window: Window,
    /// When this side acknowledges.
    acks: Window,
    /// The number of the last frame received.
    received: u32,
    /// The highest number that this side has acknowledged.
    acknowledged: u32,
    /// Sizes of the frames between the two.
    unacknowledged: VecDeque<usize>,
    unacknowledged_bytes: usize,
    /// How many of those are consumed.
    consumed: usize,
    consumed_bytes: usize,
    /// Records of frames not yet looked at.
    inbox: VecDeque<Bytes>,
    /// What is left of the frame being read.
    current: Bytes,
    /// The parts of a long record so far.
    assembly: Vec<u8>,
}

/// The head of a frame.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) number: u32,
    pub(crate) ack: u32,
}

impl Header {
    pub(crate) fn split_from(frame: &mut Bytes) -> Result<Self, LinkError> {
        match frame.first() {
            Some(&FRAME_MARK) => {}
            Some(_) => return Err(LinkError::NotAFrame),
            None => return Err(LinkError::ShortHeader(0)),
        }
        if frame.len() < HEADER_SIZE {
            return Err(LinkError::ShortHeader(frame.len()));
        }
        frame.advance(1);
        Ok(Self {
            number: frame.get_u32_le(),
            ack: frame.get_u32_le(),
        })
    }
}

impl Receiving {
    pub(crate) fn new(window: Window, acks: Window) -> Self {
        Self {
            window,
            acks,
            received: 0,
            acknowledged: 0,
            unacknowledged: VecDeque::new(),
            unacknowledged_bytes: 0,
            consumed: 0,
            consumed_bytes: 0,
            inbox: VecDeque::new(),
            current: Bytes::new(),
            assembly: Vec::new(),
        }
    }

    /// Takes the records of a frame whose header has been read.
    pub(crate) fn receive(&mut self, number: u32, records: Bytes) -> Result<(), LinkError> {
        let size = HEADER_SIZE + records.len();
        if size > MAX_FRAME {
            return Err(LinkError::FrameTooLarge(size));
        }
        if records.is_empty() != (number == 0) {
            return Err(LinkError::Content(number));
        }
        if number == 0 {
            return Ok(());
        }
        let expected = sequence::advance(self.received, 1);
        if number != expected {
            return Err(LinkError::Gap {
                expected,
                got: number,
            });
        }
        if !self
            .window
            .admits(self.unacknowledged.len(), self.unacknowledged_bytes)
        {
            return Err(LinkError::WindowOverrun(number));
        }
        self.received = number;
        self.unacknowledged.push_back(size);
        self.unacknowledged_bytes += size;
        self.inbox.push_back(records);
        Ok(())
    }

    pub(crate) fn next<R: Record>(&mut self) -> Result<Option<R>, LinkError> {
        loop {
            let starts = self.current.is_empty();
            if starts {
                match self.inbox.pop_front() {
                    Some(records) => self.current = records,
                    None => return Ok(None),
                }
            }
            let (kind, body) = split_record(&mut self.current)?;
            let ends = self.current.is_empty();
            if ends {
                self.current = Bytes::new();
                self.consumed_bytes += self.unacknowledged[self.consumed];
                self.consumed += 1;
            }
            if kind != KIND_PART {
                if !self.assembly.is_empty() {
                    return Err(LinkError::PartOutOfPlace);
                }
                return R::decode(kind, body).map(Some);
            }
            if !(starts && ends) {
                return Err(LinkError::PartOutOfPlace);
            }
            if let Some(mut whole) = self.assemble(body)? {
                let (kind, body) = split_record(&mut whole)?;
                if kind == KIND_PART {
                    return Err(LinkError::PartOutOfPlace);
                }
                if !whole.is_empty() {
                    return Err(LinkError::TrailingBytes(kind));
                }
                return R::decode(kind, body).map(Some);
            }
        }
    }

    /// Bytes received and not yet consumed, those of an unfinished long record included.
    pub(crate) fn inbox(&self) -> usize {
        self.unacknowledged_bytes - self.consumed_bytes + self.assembly.len()
    }

    pub(crate) fn ack_due(&self) -> bool {
        self.acks.is_due(self.consumed, self.consumed_bytes)
    }

    /// The acknowledgement to put into a frame that is sent now.
    pub(crate) fn take_ack(&mut self) -> u32 {
        self.acknowledged = sequence::advance(self.acknowledged, self.consumed);
        self.unacknowledged.drain(..self.consumed);
        self.unacknowledged_bytes -= self.consumed_bytes;
        self.consumed = 0;
        self.consumed_bytes = 0;
        self.acknowledged
    }

    fn assemble(&mut self, part: Bytes) -> Result<Option<Bytes>, LinkError> {
        let mut part = Reader(part);
        let last = match part.u8()? {
            0 => false,
            1 => true,
            flag => return Err(LinkError::Flag(flag)),
        };
        let chunk = part.rest();
        if chunk.is_empty() {
            return Err(LinkError::Truncated);
        }
        let length = self.assembly.len() + chunk.len();
        if length > MAX_RECORD {
            return Err(LinkError::RecordTooLarge(length));
        }
        if self.assembly.is_empty() {
            let announced = record_len(chunk.clone())?;
            self.assembly.reserve_exact(announced.min(MAX_RECORD));
        }
        self.assembly.extend_from_slice(&chunk);
        Ok(last.then(|| Bytes::from(std::mem::take(&mut self.assembly))))
    }

    #[cfg(test)]
    pub(crate) fn start_at(&mut self, number: u32) {
        self.received = number;
        self.acknowledged = number;
    }
}

/// The size of a record, from its first bytes.
fn record_len(start: Bytes) -> Result<usize, LinkError> {
    let whole = start.len();
    let mut reader = Reader(start);
    reader.u8()?;
    let body = reader.varint()?;
    Ok(whole - reader.rest().len() + body)
}

fn split_record(records: &mut Bytes) -> Result<(u8, Bytes), LinkError> {
    let mut reader = Reader(std::mem::take(records));
    let kind = reader.u8()?;
    let length = reader.varint()?;
    let body = reader.slice(length)?;
    *records = reader.rest();
    Ok((kind, body))
}
