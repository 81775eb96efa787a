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
    /// Whether servers may estimate what each connection holds. All peers decrypt what they receive
    /// then, and say how it arrives, as browsers do.
    pub(crate) is_estimated: bool,
}

const AUDIO: Media = Media {
    kind: MediaKind::Audio,
    size: 100,
    layers: &[1],
    interval: Duration::from_millis(20),
};

const VIDEO: Media = Media {
    kind: MediaKind::Video,
    size: 1_200,
    layers: &[1],
    interval: Duration::from_millis(4),
};

/// 1.2 Mbit/s, 25 frames a second.
const CAMERA: Media = Media {
    kind: MediaKind::Video,
    size: 1_000,
    layers: &[6],
    interval: Duration::from_millis(40),
};

/// The same, and below it 0.2 and 0.4 Mbit/s.
const SIMULCAST: Media = Media {
    layers: &[1, 2, 6],
    ..CAMERA
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

    /// Rooms in which videos have layers, and the same without.
    pub(crate) const CALLS: [Self; 4] = [
        Self::call("1 to 100, one layer", 1, 101, 1, CAMERA),
        Self::call("1 to 100, simulcast", 1, 101, 1, SIMULCAST),
        Self::call("5 rooms of 5, one layer", 5, 5, 5, CAMERA),
        Self::call("5 rooms of 5, simulcast", 5, 5, 5, SIMULCAST),
    ];

    pub(crate) const SMALL_CALL: Self = Self::call("1 room of 3, simulcast", 1, 3, 3, SIMULCAST);

    /// Somebody comes to it, and somebody goes.
    pub(crate) const COMING_AND_GOING: Self = Self::everybody("1 room of 10, audio", 1, 10);

    const fn everybody(name: &'static str, rooms: usize, peers: usize) -> Self {
        Self {
            name,
            rooms,
            peers,
            senders: peers,
            media: AUDIO,
            is_estimated: false,
        }
    }

    const fn one(name: &'static str, receivers: usize, media: Media) -> Self {
        Self {
            name,
            rooms: 1,
            peers: receivers + 1,
            senders: 1,
            media,
            is_estimated: false,
        }
    }

    const fn call(
        name: &'static str,
        rooms: usize,
        peers: usize,
        senders: usize,
        media: Media,
    ) -> Self {
        Self {
            name,
            rooms,
            peers,
            senders,
            media,
            is_estimated: true,
        }
    }
}
