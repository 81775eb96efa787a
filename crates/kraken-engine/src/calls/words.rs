//! Translations between what the process says and what the router knows.

use kraken_call as call;
use kraken_sfu as sfu;
use kraken_sfu::MediaKind;

pub(super) fn rights(rights: call::Rights) -> sfu::Rights {
    sfu::Rights {
        publish: rights.publish,
        moderate: rights.moderate,
    }
}

pub(super) fn bounds(limits: call::RoomLimits) -> sfu::Bounds {
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    sfu::Bounds {
        peers: size(limits.peers),
        publishers: size(limits.publishers),
        bitrate: limits.bitrate,
    }
}

pub(super) fn offered(track: call::OfferedTrack) -> sfu::OfferedTrack {
    sfu::OfferedTrack {
        mid: track.mid,
        source: match track.source {
            call::Source::Camera => sfu::TrackSource::Camera,
            call::Source::Microphone => sfu::TrackSource::Microphone,
            call::Source::Screen => sfu::TrackSource::Screen,
            call::Source::ScreenAudio => sfu::TrackSource::ScreenAudio,
        },
        is_muted: track.muted,
    }
}

pub(super) fn track(track: sfu::Track) -> call::Track {
    call::Track {
        kind: match track.source.kind() {
            MediaKind::Audio => call::Kind::Audio,
            MediaKind::Video => call::Kind::Video,
        },
        source: match track.source {
            sfu::TrackSource::Camera => call::Source::Camera,
            sfu::TrackSource::Microphone => call::Source::Microphone,
            sfu::TrackSource::Screen => call::Source::Screen,
            sfu::TrackSource::ScreenAudio => call::Source::ScreenAudio,
        },
        muted: track.is_muted || track.is_silenced,
        track: track.name,
    }
}

pub(super) fn offer(offer: sfu::Offer) -> call::ToClient {
    let tracks = offer.tracks.into_iter().map(|track| call::ReceivedTrack {
        mid: track.mid,
        peer: track.user.name(),
        track: track.track,
    });
    call::ToClient::Offer {
        offer: offer.number,
        sdp: offer.sdp,
        tracks: tracks.collect(),
    }
}

pub(super) fn wish(wish: call::TrackWish) -> sfu::TrackWish {
    sfu::TrackWish {
        track: wish.track,
        is_enabled: wish.enabled,
        width: wish.width,
        height: wish.height,
    }
}

pub(super) fn layer(layer: sfu::Layer) -> call::Layer {
    call::Layer {
        track: layer.track,
        layer: layer.rid,
        paused: layer.is_paused,
    }
}

pub(super) fn names(users: &[sfu::UserId]) -> Vec<String> {
    users.iter().map(sfu::UserId::name).collect()
}

pub(super) fn ended(why: sfu::Farewell) -> call::Ended {
    match why {
        sfu::Farewell::Removed => call::Ended::Removed,
        sfu::Farewell::Replaced => call::Ended::Replaced,
        sfu::Farewell::Lost | sfu::Farewell::Left => call::Ended::Lost,
    }
}
