//! Who sends what to whom.

use crate::network::Media;
use std::time::Duration;
use str0m::media::MediaKind;

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) rooms: usize,
    /// In each room.
    pub(crate) peers: usize,
    /// How many of a room's peers send.
    pub(crate) senders: usize,
    pub(crate) media: Media,
}

const AUDIO: Media = Media {
    kind: MediaKind::Audio,
    size: 100,
    interval: Duration::from_millis(20),
};

const VIDEO: Media = Media {
    kind: MediaKind::Video,
    size: 1_200,
    interval: Duration::from_millis(4),
};

impl Scenario {
    pub(crate) const ALL: [Self; 6] = [
        Self::everybody("2 rooms of 10, audio", 2, 10),
        Self::everybody("6 rooms of 10, audio", 6, 10),
        Self::everybody("9 rooms of 10, audio", 9, 10),
        Self::everybody("1 room of 20, audio", 1, 20),
        Self::one("1 to 60, audio", 60, AUDIO),
        Self::one("1 to 30, video", 30, VIDEO),
    ];

    /// Somebody comes to it, and somebody goes.
    pub(crate) const COMING_AND_GOING: Self = Self::everybody("1 room of 10, audio", 1, 10);

    const fn everybody(name: &'static str, rooms: usize, peers: usize) -> Self {
        Self {
            name,
            rooms,
            peers,
            senders: peers,
            media: AUDIO,
        }
    }

    const fn one(name: &'static str, receivers: usize, media: Media) -> Self {
        Self {
            name,
            rooms: 1,
            peers: receivers + 1,
            senders: 1,
            media,
        }
    }
}
