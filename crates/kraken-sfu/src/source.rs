//! A track that a peer publishes.

use crate::keyframes::KeyframeGate;
use std::time::Instant;
use str0m::Rtc;
use str0m::format::PayloadParams;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Pt};

/// Where a peer is kept. Another peer gets the same key once all references to it are gone.
pub(crate) type PeerKey = usize;

/// Names a source across peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceId {
    pub(crate) peer: PeerKey,
    pub(crate) mid: Mid,
}

/// One receiver of a source: a slot of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receiver {
    pub(crate) peer: PeerKey,
    pub(crate) slot: usize,
}

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
    /// Whether the description says that the client sends.
    pub(crate) is_open: bool,
    /// Whether media ever came. Before that there is nothing to show to others.
    pub(crate) is_heard: bool,
    pub(crate) receivers: Vec<Receiver>,
    gate: KeyframeGate,
    params: Option<PayloadParams>,
}

impl Source {
    pub(crate) fn new(mid: Mid, kind: MediaKind) -> Self {
        Self {
            mid,
            kind,
            is_open: true,
            is_heard: false,
            receivers: Vec::new(),
            gate: KeyframeGate::default(),
            params: None,
        }
    }

    /// Whether others should receive it.
    pub(crate) fn is_live(&self) -> bool {
        self.is_open && self.is_heard
    }

    /// The codec behind a payload type. The last one is remembered.
    pub(crate) fn params(&mut self, rtc: &Rtc, pt: Pt) -> Option<PayloadParams> {
        if self.params.is_none_or(|params| params.pt() != pt) {
            self.params = rtc.codec_config().find(|params| params.pt() == pt).copied();
        }
        self.params
    }

    /// A receiver needs a keyframe. True if the publisher is asked now.
    pub(crate) fn ask_keyframe(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        self.gate.ask(now) && self.request(rtc)
    }

    /// Passes on a request that waited. True if the publisher is asked now.
    pub(crate) fn pass_keyframe(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        self.gate.pass(now) && self.request(rtc)
    }

    /// When a request for a keyframe is to be passed on.
    pub(crate) fn keyframe_due(&self) -> Option<Instant> {
        self.gate.due()
    }

    fn request(&self, rtc: &mut Rtc) -> bool {
        let mut direct = rtc.direct_api();
        let stream = direct.stream_rx_by_mid(self.mid, None);
        let found = stream.map(|stream| stream.request_keyframe(KeyframeRequestKind::Pli));
        found.is_some()
    }
}
