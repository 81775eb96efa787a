//! The outgoing half of an endpoint: records into batches, batches into frames.

use std::collections::VecDeque;

use crate::record::KIND_PART;
use crate::sequence;
use crate::window::Window;
use crate::wire::Put;
use crate::{FRAME_MARK, FRAME_SOFT_LIMIT, HEADER_SIZE, LinkError, MAX_RECORD, PART_SIZE, Record};

/// Initial capacity of a batch: a few dozen short edits.
const BATCH_CAPACITY: usize = 4 * 1024;

#[derive(Debug)]
pub(crate) struct Sending {
    window: Window,
    batches: VecDeque<Batch>,
    /// Encoded bytes in `batches`.
    queued: usize,
    /// The number of the last frame.
    sent: u32,
    /// The highest number that the peer has acknowledged.
    acknowledged: u32,
    /// Sizes of the frames between the two.
    in_flight: VecDeque<usize>,
    in_flight_bytes: usize,
    /// A used buffer for the next batch.
    spare: Vec<u8>,
}

#[derive(Debug)]
enum Batch {
    /// A frame in the making, with room for the header.
    Records(Vec<u8>),
    /// One long record, and how much of it has left.
    Long { encoded: Vec<u8>, sent: usize },
}

impl Sending {
    pub(crate) fn new(window: Window) -> Self {
        Self {
            window,
            batches: VecDeque::new(),
            queued: 0,
            sent: 0,
            acknowledged: 0,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            spare: Vec::new(),
        }
    }

    pub(crate) fn queue(&mut self, record: &impl Record) -> Result<(), LinkError> {
        let length = record.encoded_len();
        if length > MAX_RECORD {
            return Err(LinkError::RecordTooLarge(length));
        }
        self.queued += length;
        if length > PART_SIZE {
            let mut encoded = Vec::with_capacity(length);
            record.encode(&mut encoded);
            self.batches.push_back(Batch::Long { encoded, sent: 0 });
            return Ok(());
        }
        if let Some(Batch::Records(batch)) = self.batches.back_mut()
            && batch.len() + length <= FRAME_SOFT_LIMIT
        {
            record.encode(batch);
            return Ok(());
        }
        let mut batch = std::mem::take(&mut self.spare);
        batch.reserve(BATCH_CAPACITY.max(HEADER_SIZE + length));
        batch.resize(HEADER_SIZE, 0);
        record.encode(&mut batch);
        self.batches.push_back(Batch::Records(batch));
        Ok(())
    }

    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(crate) fn window_open(&self) -> bool {
        self.window
            .admits(self.in_flight.len(), self.in_flight_bytes)
    }

    /// The next frame with records. The caller has checked that the window is open.
    pub(crate) fn next_frame(&mut self, ack: u32) -> Option<Vec<u8>> {
        let mut frame = match self.batches.pop_front()? {
            Batch::Records(batch) => {
                self.queued -= batch.len() - HEADER_SIZE;
                batch
            }
            Batch::Long { encoded, sent } => {
                let end = encoded.len().min(sent + PART_SIZE);
                let last = end == encoded.len();
                let frame = part_frame(&encoded[sent..end], last);
                self.queued -= end - sent;
                if !last {
                    self.batches.push_front(Batch::Long { encoded, sent: end });
                }
                frame
            }
        };
        self.sent = sequence::advance(self.sent, 1);
        write_header(&mut frame, self.sent, ack);
        self.in_flight.push_back(frame.len());
        self.in_flight_bytes += frame.len();
        Some(frame)
    }

    /// A frame without records.
    pub(crate) fn ack_frame(&self, ack: u32) -> Vec<u8> {
        let mut frame = vec![0; HEADER_SIZE];
        write_header(&mut frame, 0, ack);
        frame
    }

    pub(crate) fn acknowledge(&mut self, ack: u32) -> Result<(), LinkError> {
        let steps = sequence::distance(self.acknowledged, ack);
        if steps > self.in_flight.len() {
            return Err(LinkError::AckOfUnsent(ack));
        }
        self.in_flight_bytes -= self.in_flight.drain(..steps).sum::<usize>();
        self.acknowledged = ack;
        Ok(())
    }

    /// Keeps a used buffer, unless it is too large to keep.
    pub(crate) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() > self.spare.capacity() && buffer.capacity() <= 2 * FRAME_SOFT_LIMIT {
            buffer.clear();
            self.spare = buffer;
        }
    }

    #[cfg(test)]
    pub(crate) fn start_at(&mut self, number: u32) {
        self.sent = number;
        self.acknowledged = number;
    }
}

fn part_frame(chunk: &[u8], last: bool) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER_SIZE + 6 + 1 + chunk.len());
    frame.resize(HEADER_SIZE, 0);
    frame.put_u8(KIND_PART);
    frame.put_varint(1 + chunk.len());
    frame.put_u8(u8::from(last));
    frame.put(chunk);
    frame
}

fn write_header(frame: &mut [u8], number: u32, ack: u32) {
    frame[0] = FRAME_MARK;
    frame[1..5].copy_from_slice(&number.to_le_bytes());
    frame[5..9].copy_from_slice(&ack.to_le_bytes());
}
