//! What a member of a call sends, and with which codecs.

use crate::film::Encoder;
use kraken_sfu::TrackSource;
use std::time::Duration;
use str0m::RtcConfig;
use str0m::format::Codec;
use str0m::media::{Rid, Simulcast, SimulcastLayer};

pub(crate) const MICROPHONE: &[TrackSource] = &[TrackSource::Microphone];
pub(crate) const CAMERA: &[TrackSource] = &[TrackSource::Camera];
pub(crate) const BOTH: &[TrackSource] = &[TrackSource::Microphone, TrackSource::Camera];

/// Layers of 120, 400 and 1,200 kbit/s.
const LAYERS: &[(&str, usize)] = &[("q", 600), ("h", 2_000), ("f", 6_000)];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// The only codec for video that it knows, unless it knows all.
    pub(crate) only: Option<Codec>,
    /// The layers of a video: name, and bytes of a frame. One without a name has no layers.
    pub(crate) layers: &'static [(&'static str, usize)],
    /// Between two frames of video, and between two packets of audio.
    pub(crate) pause: Duration,
    /// What it publishes when it enters.
    pub(crate) sources: &'static [TrackSource],
}

impl Setup {
    pub(crate) const PLAIN: Self = Self {
        only: None,
        layers: &[("", 600)],
        pause: Duration::from_millis(20),
        sources: &[],
    };

    /// Only watches.
    pub(crate) fn watching(codec: Codec) -> Self {
        Self {
            only: Some(codec),
            layers: LAYERS,
            pause: Duration::from_millis(40),
            sources: &[],
        }
    }

    /// Publishes a camera in layers.
    pub(crate) fn filming(codec: Codec) -> Self {
        Self {
            sources: CAMERA,
            ..Self::watching(codec)
        }
    }

    /// The codec of its videos.
    pub(crate) fn codec(&self) -> Codec {
        self.only.unwrap_or(Codec::Vp8)
    }

    pub(crate) fn config(&self) -> RtcConfig {
        let config = RtcConfig::new();
        let Some(codec) = self.only else {
            return config;
        };
        let config = config.clear_codecs().enable_opus(true, false);
        match codec {
            Codec::Vp8 => config.enable_vp8(true),
            Codec::Vp9 => config.enable_vp9(true),
            Codec::H264 => config.enable_h264(true),
            _ => config.enable_av1(true),
        }
    }

    pub(crate) fn simulcast(&self) -> Option<Simulcast> {
        let names = self.layers.iter().map(|(name, _)| *name);
        let mut simulcast = Simulcast::new();
        for name in names.filter(|name| !name.is_empty()) {
            simulcast.add_send_layer(SimulcastLayer::new(name));
        }
        (!simulcast.send.is_empty()).then_some(simulcast)
    }

    pub(crate) fn encoders(&self) -> Vec<(Option<Rid>, Encoder)> {
        let layers = self.layers.iter().enumerate();
        let encoders = layers.map(|(place, (name, size))| {
            let rid = (!name.is_empty()).then(|| Rid::from(*name));
            let place = u8::try_from(place).unwrap();
            (rid, Encoder::new(self.codec(), place, *size))
        });
        encoders.collect()
    }
}
