//! A track that a member of a call sends.

use crate::connection::Connection;
use crate::film::Encoder;
use crate::setup::Setup;
use kraken_sfu::TrackSource;
use std::time::{Duration, Instant};
use str0m::change::SdpApi;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

pub(crate) struct Own {
    pub(crate) mid: Mid,
    pub(crate) source: TrackSource,
    setup: Setup,
    /// Those of a video.
    encoders: Vec<(Option<Rid>, Encoder)>,
    frames: u32,
}

impl Own {
    /// Adds a section for it to an offer.
    pub(crate) fn add(api: &mut SdpApi<'_>, source: TrackSource, setup: Setup) -> Self {
        let kind = source.kind();
        let (simulcast, encoders) = match kind {
            MediaKind::Audio => (None, Vec::new()),
            MediaKind::Video => (setup.simulcast(), setup.encoders()),
        };
        Self {
            mid: api.add_media(kind, Direction::SendOnly, None, None, simulcast),
            source,
            setup,
            encoders,
            frames: 0,
        }
    }

    /// The next frame of a layer will be a keyframe.
    pub(crate) fn make_keyframe(&mut self, layer: Option<Rid>) {
        for (rid, encoder) in &mut self.encoders {
            encoder.wants_keyframe |= *rid == layer;
        }
    }

    /// Sends a packet of audio that is so loud.
    pub(crate) fn speak(&mut self, connection: &mut Connection, now: Instant, level: i8) {
        self.frames += 1;
        let pt = connection.payload_type(Codec::Opus);
        let number = u64::from(self.frames).into();
        let time = self.frames * ticks(48_000, self.setup.pause);
        let write = RtpWrite::new(pt, number, time, now, vec![0; 100])
            .marker(true)
            .ext_vals(ExtensionValues {
                audio_level: Some(level),
                voice_activity: Some(level > -60),
                ..ExtensionValues::default()
            });
        connection.write(self.mid, None, write);
    }

    /// Sends a frame of video in all layers but those that are off.
    pub(crate) fn film(&mut self, connection: &mut Connection, now: Instant, off: &[usize]) {
        self.frames += 1;
        let pt = connection.payload_type(self.setup.codec());
        let layers = self.encoders.iter_mut().enumerate();
        for (place, (rid, encoder)) in layers.filter(|(place, _)| !off.contains(place)) {
            let start = u32::try_from(place).unwrap() * 1_000_000_000;
            let time = start.wrapping_add(self.frames * ticks(90_000, self.setup.pause));
            for (number, payload, is_last) in encoder.next() {
                let write = RtpWrite::new(pt, number.into(), time, now, payload)
                    .marker(is_last)
                    .nackable(true);
                connection.write(self.mid, *rid, write);
            }
        }
    }
}

/// How far a clock goes in this time.
fn ticks(rate: u32, time: Duration) -> u32 {
    rate * u32::try_from(time.as_millis()).unwrap() / 1_000
}
