//! What goes into a recording.

use std::sync::Arc;
use std::time::Duration;

/// A track of a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u64);

/// How a track is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Opus, RFC 7587.
    Opus,
    /// VP8, RFC 7741.
    Vp8,
    /// VP9, RFC 9628.
    Vp9,
    /// AV1, as the Alliance for Open Media packs it.
    Av1,
    /// H.264, RFC 6184, in packetization mode 0 or 1.
    H264,
}

impl Codec {
    /// RTP timestamps a second.
    pub(crate) fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::Vp9 | Self::Av1 | Self::H264 => 90_000,
        }
    }
}

/// An RTP packet, decrypted.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Its sequence number, which never wraps.
    pub seq: u64,
    /// Its RTP timestamp, which never wraps.
    pub time: u64,
    /// The marker bit: the last packet of a frame of video.
    pub marker: bool,
    /// What follows the header.
    pub payload: Arc<[u8]>,
    /// When it came, since the beginning of the recording.
    pub arrival: Duration,
    /// What the latest sender report of the track said, if there was one.
    pub sent: Option<SenderTime>,
}

/// A moment in both clocks of a sender, as an RTCP sender report has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderTime {
    /// By the clock that all tracks of the sender share.
    pub clock: Duration,
    /// As an RTP timestamp of the track, which never wraps.
    pub time: u64,
}
