//! What is published in a call, for whoever writes it down.
//!
//! A tap is a receiver without a connection: of a video with layers it gets the highest that
//! comes, switched as for anybody else.

use crate::feed::Feed;
use crate::ids::{RoomId, UserId};
use crate::messages::TrackSource;
use crate::source::Arrival;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};
use str0m::format::Codec;
use str0m::media::MediaKind;
use str0m::rtp::RtpPacket;

/// Names a track of a tap. Never used twice in an SFU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TapId(pub u64);

/// Something that was published in a call.
#[derive(Debug)]
pub enum Tap {
    /// A track begins, or goes on with another codec. Comes before its first packet.
    Track(TapTrack),
    /// A packet of a track.
    Packet {
        /// Of which.
        track: TapId,
        /// What came.
        packet: TapPacket,
    },
    /// Nothing more comes of a track.
    End {
        /// Of which.
        track: TapId,
    },
}

/// A track of which packets come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapTrack {
    /// How its packets name it.
    pub id: TapId,
    /// The room.
    pub room: RoomId,
    /// Who publishes it.
    pub user: UserId,
    /// Its name in the call.
    pub name: String,
    /// What it shows.
    pub source: TrackSource,
    /// Audio or video.
    pub kind: MediaKind,
    /// How it is encoded.
    pub codec: Codec,
    /// How many ticks of its timestamps are a second.
    pub clock_rate: u32,
}

/// A packet of a track.
#[derive(Debug, Clone)]
pub struct TapPacket {
    /// Its number, which doesn't wrap around. It goes on over switches between layers.
    pub sequence: u64,
    /// When its contents were captured, in ticks. Doesn't wrap around, and goes on likewise.
    pub time: u64,
    /// The marker of RTP: a frame of video ends.
    pub marker: bool,
    /// As the publisher has sent it.
    pub payload: Arc<[u8]>,
    /// When it came.
    pub arrival: Instant,
    /// What time it was at the publisher, if it has said so.
    pub sent: Option<SenderTime>,
}

/// A time at a publisher, by its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderTime {
    /// Since 1970.
    pub clock: Duration,
    /// The same in ticks of the track.
    pub time: u64,
}

/// What is tapped of one source.
#[derive(Debug, Default)]
pub(crate) struct SourceTap {
    pub(crate) feed: Feed,
    current: Option<(TapId, Codec)>,
    time: u64,
}

impl SourceTap {
    /// Under which name packets go out now.
    pub(crate) fn id(&self) -> Option<TapId> {
        self.current.map(|(id, _)| id)
    }

    /// The name under which a packet goes out, and whether it is a new one. The name before, if
    /// there was one, is no longer used.
    pub(crate) fn name(&mut self, codec: Codec, next: &mut u64) -> (TapId, bool) {
        match self.current {
            Some((id, before)) if before == codec => (id, false),
            Some(_) | None => {
                let id = TapId(*next);
                *next += 1;
                self.current = Some((id, codec));
                (id, true)
            }
        }
    }

    /// A packet as it goes out. `None` if it doesn't.
    pub(crate) fn take(&mut self, arrival: &Arrival<'_>, now: Instant) -> Option<TapPacket> {
        let numbers = self.feed.apply(arrival, now)?;
        let packet = arrival.packet;
        self.time = extend(self.time, numbers.time);
        Some(TapPacket {
            sequence: numbers.sequence,
            time: self.time,
            marker: packet.header.marker,
            payload: Arc::clone(&packet.payload),
            arrival: packet.timestamp,
            sent: sender_time(packet, self.time),
        })
    }
}

/// What a packet's publisher has said of its clock, in the ticks in which the packet has `time`.
fn sender_time(packet: &RtpPacket, time: u64) -> Option<SenderTime> {
    let info = packet.last_sender_info?;
    let clock = info.ntp_time.duration_since(UNIX_EPOCH).ok()?;
    let said = info.rtp_time.numer() as u32;
    let distance = said.wrapping_sub(packet.header.timestamp) as i32;
    let time = time.checked_add_signed(distance.into())?;
    Some(SenderTime { clock, time })
}

/// The number nearest to `before` that ends in these bits.
fn extend(before: u64, bits: u32) -> u64 {
    let distance = bits.wrapping_sub(before as u32) as i32;
    let near = before.checked_add_signed(distance.into());
    near.unwrap_or_else(|| bits.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn la18_times_do_not_wrap_around() {
        let mut time = 0;
        for (bits, expected) in [
            (4_000_000_000, 4_000_000_000),
            (u32::MAX, u64::from(u32::MAX)),
            (10, u64::from(u32::MAX) + 11),
            (u32::MAX - 5, u64::from(u32::MAX) - 5),
            (20, u64::from(u32::MAX) + 21),
        ] {
            time = extend(time, bits);
            assert_eq!(time, expected);
        }
    }

    #[test]
    fn la18_a_track_has_a_new_name_with_each_codec() {
        let mut tap = SourceTap::default();
        let mut next = 7;
        assert_eq!(tap.name(Codec::Vp8, &mut next), (TapId(7), true));
        assert_eq!(tap.name(Codec::Vp8, &mut next), (TapId(7), false));
        assert_eq!(tap.name(Codec::H264, &mut next), (TapId(8), true));
        assert_eq!((tap.id(), next), (Some(TapId(8)), 9));
    }
}
