//! Ogg files of Opus (RFC 7845).

use crate::depacketize::Frame;
use crate::opus::{self, Toc};
use ogg::{PacketWriteEndInfo, PacketWriter};
use std::io::{self, Write};
use std::time::Duration;

/// Names the one stream of the file.
const SERIAL: u32 = 1;
/// Samples of a page, at most. What is on an unfinished page is lost if the power fails.
const PAGE: u64 = opus::RATE as u64;
/// A packet that is late by more than this, in samples, is left out: its sender's clock was set
/// back.
const MOST_OVERLAP: u64 = opus::RATE as u64 / 10;

/// Time in such a file is what its packets last. So gaps are filled with packets that have the
/// decoder conceal them.
pub(crate) struct OggOpus<W: Write> {
    out: PacketWriter<'static, W>,
    begin: Duration,
    /// The last packet so far, which has to be told that it is the last.
    waiting: Option<Vec<u8>>,
    /// Samples of all packets, `waiting` included.
    position: u64,
    page_begin: u64,
}

impl<W: Write> OggOpus<W> {
    pub(crate) fn begin(file: W, begin: Duration) -> io::Result<Self> {
        let mut out = PacketWriter::new(file);
        let end_page = PacketWriteEndInfo::EndPage;
        out.write_packet(opus::head(), SERIAL, end_page, 0)?;
        out.write_packet(tags(), SERIAL, end_page, 0)?;
        Ok(Self {
            out,
            begin,
            waiting: None,
            position: 0,
            page_begin: 0,
        })
    }

    pub(crate) fn write(&mut self, frame: &Frame) -> io::Result<()> {
        let Some((toc, samples)) = Toc::read(&frame.data) else {
            return Ok(());
        };
        let due = samples_in(frame.at.saturating_sub(self.begin));
        if self.position > due + MOST_OVERLAP {
            return Ok(());
        }
        loop {
            let gap = due.saturating_sub(self.position) / u64::from(toc.frame_samples());
            if gap == 0 {
                break;
            }
            let (filler, samples) = toc.concealment(u32::try_from(gap).unwrap_or(u32::MAX));
            self.push(filler.to_vec(), samples)?;
        }
        self.push(frame.data.clone(), samples)
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let Some(last) = self.waiting.take() {
            let end = PacketWriteEndInfo::EndStream;
            self.out.write_packet(last, SERIAL, end, self.position)?;
        }
        self.out.inner_mut().flush()
    }

    fn push(&mut self, packet: Vec<u8>, samples: u32) -> io::Result<()> {
        if let Some(before) = self.waiting.replace(packet) {
            let ends_page = self.position - self.page_begin >= PAGE;
            let end = match ends_page {
                true => PacketWriteEndInfo::EndPage,
                false => PacketWriteEndInfo::NormalPacket,
            };
            self.out.write_packet(before, SERIAL, end, self.position)?;
            if ends_page {
                self.page_begin = self.position;
            }
        }
        self.position += u64::from(samples);
        Ok(())
    }
}

fn samples_in(duration: Duration) -> u64 {
    let samples = duration.as_nanos() * u128::from(opus::RATE) / 1_000_000_000;
    u64::try_from(samples).unwrap_or(u64::MAX)
}

/// The comments, of which there are none (RFC 7845, section 5.2).
fn tags() -> Vec<u8> {
    const VENDOR: &[u8] = b"kraken";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((VENDOR.len() as u32).to_le_bytes());
    tags.extend(VENDOR);
    tags.extend(0_u32.to_le_bytes());
    tags
}
