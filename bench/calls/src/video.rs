//! Made-up packets: VP8 by their beginning, so that servers tell keyframes and sizes, and at their
//! end what receivers look for.

use crate::network::Media;
use anyhow::{Context, Result};
use std::time::Duration;
use str0m::media::MediaKind;

/// The highest layer's picture; each lower one has half of that.
const WIDTH: u16 = 1_280;
const HEIGHT: u16 = 720;
/// Bytes at the end of a payload: a layer, and a time in nanoseconds.
const LABEL: usize = 9;

/// A layer's place among all that its sender has, from the lowest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Layer(pub(crate) usize);

impl Layer {
    /// Width and height of its picture.
    pub(crate) fn size(self, highest: Self) -> (u16, u16) {
        let halvings = highest.0 - self.0;
        (WIDTH >> halvings, HEIGHT >> halvings)
    }
}

/// What a receiver reads in a packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub(crate) layer: Layer,
    /// When it was sent.
    pub(crate) time: Duration,
}

impl Label {
    pub(crate) fn read(payload: &[u8]) -> Result<Self> {
        let [layer, time @ ..]: [u8; LABEL] = *payload.last_chunk().context("no label")?;
        Ok(Self {
            layer: Layer(layer.into()),
            time: Duration::from_nanos(u64::from_be_bytes(time)),
        })
    }

    fn bytes(self) -> Result<[u8; LABEL]> {
        let mut bytes = [0; LABEL];
        bytes[0] = u8::try_from(self.layer.0)?;
        bytes[1..].copy_from_slice(&u64::try_from(self.time.as_nanos())?.to_be_bytes());
        Ok(bytes)
    }
}

/// A picture, or some sound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) number: u64,
    pub(crate) is_keyframe: bool,
    pub(crate) label: Label,
}

impl Frame {
    /// The payloads of its packets.
    pub(crate) fn payloads(self, media: &Media) -> Result<Vec<Vec<u8>>> {
        let label = self.label.bytes()?;
        let payloads = (0..media.layers[self.label.layer.0]).map(|at| {
            let mut payload = match media.kind {
                MediaKind::Audio => Vec::new(),
                MediaKind::Video => self.vp8(media, at == 0),
            };
            payload.resize(media.size - LABEL, 0);
            payload.extend(label);
            payload
        });
        Ok(payloads.collect())
    }

    /// The descriptor (RFC 7741, 4.2), and the frame's header (RFC 6386, 9.1).
    fn vp8(self, media: &Media, is_first: bool) -> Vec<u8> {
        let [.., high, low] = self.number.to_be_bytes();
        let start = if is_first { 0x90 } else { 0x80 };
        let mut payload = vec![start, 0xe0, high | 0x80, low, low, 0];
        payload.extend([u8::from(!self.is_keyframe), 0, 0]);
        if self.is_keyframe && is_first {
            let (width, height) = self.label.layer.size(media.highest());
            payload.extend([0x9d, 0x01, 0x2a]);
            payload.extend(width.to_le_bytes());
            payload.extend(height.to_le_bytes());
        }
        payload
    }
}
