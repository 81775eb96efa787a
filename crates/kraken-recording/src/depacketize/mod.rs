//! Frames of video out of RTP packets.

mod av1;
mod h264;
mod vp8;
mod vp9;

use crate::packet::{Codec, Packet};
use std::time::Duration;

/// The longest frame. A longer one is no video of a call.
const LONGEST_FRAME: usize = 4 * 1024 * 1024;

/// What a file says about a track of video before its first frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VideoFormat {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// What decoders have to know besides, if there is such a thing for the codec.
    pub(crate) private: Vec<u8>,
}

/// A picture, or some audio, as it stands in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) at: Duration,
    /// Whether decoding can begin here.
    pub(crate) is_key: bool,
    pub(crate) data: Vec<u8>,
}

/// How a codec is laid out in packets. `None` is said of what can't be read.
trait Layout: Send {
    /// Adds a packet to the frame that is being put together, which is empty before the first.
    fn append(&mut self, payload: &[u8], frame: &mut Vec<u8>) -> Option<()>;

    /// The frame has all its packets. Says whether it is a keyframe.
    fn finish(&mut self, frame: &mut Vec<u8>) -> Option<Kind>;

    /// The frame lacks some packets and is given up.
    fn reset(&mut self) {}
}

enum Kind {
    Key(VideoFormat),
    Delta,
}

/// Puts frames together. After a loss it goes on with the next keyframe.
pub(crate) struct Depacketizer {
    layout: Box<dyn Layout>,
    frame: Vec<u8>,
    /// The RTP timestamp of the frame, and when it is shown.
    begun: Option<(u64, Duration)>,
    format: Option<VideoFormat>,
    needs_key: bool,
}

impl Depacketizer {
    /// For a codec of video. `None` for one of audio.
    pub(crate) fn new(codec: Codec) -> Option<Self> {
        let layout: Box<dyn Layout> = match codec {
            Codec::Opus => return None,
            Codec::Vp8 => Box::new(vp8::Vp8),
            Codec::Vp9 => Box::new(vp9::Vp9::default()),
            Codec::Av1 => Box::new(av1::Av1::default()),
            Codec::H264 => Box::new(h264::H264::default()),
        };
        Some(Self {
            layout,
            frame: Vec::new(),
            begun: None,
            format: None,
            needs_key: true,
        })
    }

    /// What the latest keyframe said.
    pub(crate) fn format(&self) -> Option<&VideoFormat> {
        self.format.as_ref()
    }

    /// Whether nothing comes before a keyframe does.
    pub(crate) fn needs_key(&self) -> bool {
        self.needs_key
    }

    /// Leaves out what comes before the next keyframe.
    pub(crate) fn need_key(&mut self) {
        self.needs_key = true;
    }

    /// Takes the next packet, and gives the frame that it completes.
    pub(crate) fn push(
        &mut self,
        packet: &Packet,
        at: Duration,
        follows_loss: bool,
    ) -> Option<Frame> {
        let is_other = self.begun.is_some_and(|(time, _)| time != packet.time);
        if follows_loss || is_other {
            self.give_up();
        }
        // A packet of nothing but padding, with which senders probe.
        if packet.payload.is_empty() {
            return None;
        }
        let (_, at) = *self.begun.get_or_insert((packet.time, at));
        let added = self.layout.append(&packet.payload, &mut self.frame);
        if added.is_none() || self.frame.len() > LONGEST_FRAME {
            self.give_up();
            return None;
        }
        if !packet.marker {
            return None;
        }
        let Some(kind) = self.layout.finish(&mut self.frame) else {
            self.give_up();
            return None;
        };
        self.begun = None;
        let data = std::mem::take(&mut self.frame);
        let is_key = matches!(kind, Kind::Key(_));
        if let Kind::Key(format) = kind {
            self.format = Some(format);
            self.needs_key = false;
        }
        (!self.needs_key && !data.is_empty()).then_some(Frame { at, is_key, data })
    }

    fn give_up(&mut self) {
        self.layout.reset();
        self.frame.clear();
        self.begun = None;
        self.needs_key = true;
    }
}
