//! What an SFU counts.

use std::time::Duration;
use str0m::media::Mid;
use str0m::stats::MediaEgressStats;

/// Upper bounds of the classes of round trip times.
pub const RTT_BOUNDS: [Duration; 8] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Totals since the start, and what is there now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Rooms that are there now.
    pub rooms: u64,
    /// Peers that are there now.
    pub peers: u64,
    /// Tracks that are published now.
    pub tracks: u64,
    /// Rooms that became empty.
    pub rooms_closed: u64,
    /// Peers that left or vanished.
    pub peers_closed: u64,
    /// Media packets that came from publishers.
    pub packets_in: u64,
    /// Bytes of media in them.
    pub bytes_in: u64,
    /// Media packets that went to receivers.
    pub packets_out: u64,
    /// Bytes of media in them.
    pub bytes_out: u64,
    /// Packets that receivers asked for again.
    pub nacks_in: u64,
    /// Packets that publishers were asked for again.
    pub nacks_out: u64,
    /// Requests for keyframes that came from receivers.
    pub keyframes_in: u64,
    /// Requests for keyframes that went to publishers.
    pub keyframes_out: u64,
    /// Offers that were pushed to members of calls.
    pub offers: u64,
    /// Messages that went to receivers over data channels.
    pub messages_out: u64,
    /// Messages that were too much for their sender or their receiver.
    pub messages_lost: u64,
    /// Videos of which a client of a call was sent another layer than before, or nothing more.
    pub layer_changes: u64,
    /// Videos that clients of calls receive and that are paused now.
    pub videos_paused: u64,
    /// Clients of calls whose connection is estimated now.
    pub estimates: u64,
    /// Sum of these estimates, in bits a second.
    pub estimates_sum: u64,
    /// Datagrams that belonged to nobody or were damaged.
    pub datagrams_refused: u64,
    /// Peers that were closed because the WebRTC stack failed on them.
    pub peers_failed: u64,
    /// Reports of receivers about loss.
    pub loss_reports: u64,
    /// Sum of the fractions that they reported lost.
    pub loss_sum: f64,
    /// Round trip times that were measured, in the classes of [`RTT_BOUNDS`] and one above.
    pub rtt_classes: [u64; RTT_BOUNDS.len() + 1],
    /// Sum of these, in seconds.
    pub rtt_sum: f64,
}

impl Stats {
    pub(crate) fn report(&mut self, stats: &MediaEgressStats) {
        if let Some(loss) = stats.loss {
            self.loss_reports += 1;
            self.loss_sum += f64::from(loss);
        }
        if let Some(rtt) = stats.rtt {
            let class = RTT_BOUNDS.iter().position(|bound| rtt <= *bound);
            self.rtt_classes[class.unwrap_or(RTT_BOUNDS.len())] += 1;
            self.rtt_sum += rtt.as_secs_f64();
        }
    }
}

/// Turns one connection's totals of packets that were asked for again into increases.
#[derive(Debug, Default)]
pub(crate) struct Nacks(Vec<(Mid, u64)>);

impl Nacks {
    /// By how much a section's total has grown.
    pub(crate) fn advance(&mut self, mid: Mid, total: u64) -> u64 {
        match self.0.iter_mut().find(|(known, _)| *known == mid) {
            Some((_, known)) => total.saturating_sub(std::mem::replace(known, total)),
            None => {
                self.0.push((mid, total));
                total
            }
        }
    }
}
