//! Which encoding of a video goes out on one stream.
//!
//! Another encoding takes over only with a keyframe of its own; until that comes, the one before
//! goes on. So a receiver can decode whatever it is sent.

use crate::pictures::{Pictures, Renumbered};
use crate::rebase::Rebase;
use crate::source::{Arrival, LayerPacket};
use std::time::Instant;

/// A packet's numbers in the stream on which it goes out.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) sequence: u64,
    pub(crate) time: u32,
    pub(crate) payload: Renumbered,
}

/// One stream made of encodings, each named by its place in the source.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    /// Which one goes out.
    sent: Option<usize>,
    /// Which one should; nothing if it is paused.
    target: Option<usize>,
    rebase: Rebase,
    pictures: Pictures,
}

impl Feed {
    /// What comes next is of another source.
    pub(crate) fn restart(&mut self) {
        (self.sent, self.target) = (None, None);
        self.rebase.switch();
    }

    /// From its next keyframe on, this one goes out.
    pub(crate) fn aim(&mut self, target: Option<usize>) {
        self.target = target;
        if target.is_none() {
            self.sent = None;
        }
    }

    /// Which one goes out.
    pub(crate) fn sent(&self) -> Option<usize> {
        self.sent
    }

    /// Whether nothing shall go out.
    pub(crate) fn is_paused(&self) -> bool {
        self.target.is_none()
    }

    /// Of which one a keyframe is waited for.
    pub(crate) fn awaited(&self) -> Option<usize> {
        self.target.filter(|target| self.sent != Some(*target))
    }

    /// The one that matters to a receiver who misses a keyframe.
    pub(crate) fn encoding(&self) -> usize {
        self.sent.or(self.target).unwrap_or_default()
    }

    /// The numbers with which a packet goes out. `None` if it doesn't.
    pub(crate) fn apply(&mut self, arrival: &Arrival<'_>, now: Instant) -> Option<Numbers> {
        if let Some(layer) = &arrival.layer {
            self.follow(layer)?;
        }
        let packet = arrival.packet;
        let clock_rate = arrival.params.spec().clock_rate.get();
        let time = packet.header.timestamp;
        let (sequence, time) = self.rebase.apply(*packet.seq_no, time, clock_rate, now)?;
        let payload = match arrival.layer {
            Some(_) => self
                .pictures
                .apply(arrival.params.spec().codec, &packet.payload),
            None => Renumbered::Unchanged,
        };
        Some(Numbers {
            sequence,
            time,
            payload,
        })
    }

    /// Switches if it is time to. `None` if the packet is of an encoding that doesn't go out.
    fn follow(&mut self, layer: &LayerPacket) -> Option<()> {
        let is_awaited = self.awaited() == Some(layer.place);
        if is_awaited && layer.starts_keyframe {
            self.sent = Some(layer.place);
            self.rebase.switch();
            self.pictures.switch();
        }
        (self.sent == Some(layer.place)).then_some(())
    }
}
