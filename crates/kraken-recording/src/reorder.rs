//! Packets in the order in which they were sent.

use crate::packet::Packet;
use std::collections::BTreeMap;
use std::time::Duration;

/// Packets of a track that may wait for an earlier one.
const MOST_WAITING: usize = 512;
/// How long they wait: a few round trips, in which a lost one may be sent again.
const PATIENCE: Duration = Duration::from_secs(1);

/// A packet in its turn.
pub(crate) struct InOrder {
    pub(crate) packet: Packet,
    /// Whether something before it never came.
    pub(crate) follows_loss: bool,
}

#[derive(Default)]
pub(crate) struct Reorder {
    next: u64,
    waiting: BTreeMap<u64, Packet>,
    has_begun: bool,
}

impl Reorder {
    /// Takes a packet, unless it was there already or its turn has passed.
    pub(crate) fn push(&mut self, packet: Packet) {
        if !self.has_begun {
            self.has_begun = true;
            self.next = packet.seq;
        }
        if packet.seq >= self.next {
            self.waiting.entry(packet.seq).or_insert(packet);
        }
    }

    /// The packet whose turn it is, if it has come or what is before it was waited for in vain.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<InOrder> {
        let is_full = self.waiting.len() > MOST_WAITING;
        let first = self.waiting.first_entry()?;
        let follows_loss = *first.key() != self.next;
        let is_patient = now < first.get().arrival.saturating_add(PATIENCE);
        if follows_loss && is_patient && !is_full {
            return None;
        }
        let packet = first.remove();
        self.next = packet.seq.saturating_add(1);
        Some(InOrder {
            packet,
            follows_loss,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn packet(seq: u64, arrival: u64) -> Packet {
        Packet {
            seq,
            time: 0,
            marker: false,
            payload: Arc::new([]),
            arrival: Duration::from_millis(arrival),
            sent: None,
        }
    }

    fn order(reorder: &mut Reorder, now: u64) -> Vec<(u64, bool)> {
        let next = || reorder.pop(Duration::from_millis(now));
        std::iter::from_fn(next)
            .map(|next| (next.packet.seq, next.follows_loss))
            .collect()
    }

    #[test]
    fn rc4_packets_are_put_in_order_and_doubles_left_out() {
        let mut reorder = Reorder::default();
        for seq in [5, 7, 7, 6, 5, 9, 4] {
            reorder.push(packet(seq, 0));
        }
        let expected = [(5, false), (6, false), (7, false)];
        assert_eq!(order(&mut reorder, 0), expected);
        reorder.push(packet(8, 10));
        assert_eq!(order(&mut reorder, 10), [(8, false), (9, false)]);
    }

    #[test]
    fn rc4_a_lost_packet_is_waited_for_one_second() {
        let mut reorder = Reorder::default();
        for seq in [1, 3, 4] {
            reorder.push(packet(seq, 100));
        }
        assert_eq!(order(&mut reorder, 1_099), [(1, false)]);
        assert_eq!(order(&mut reorder, 1_100), [(3, true), (4, false)]);
        reorder.push(packet(2, 1_200));
        assert_eq!(order(&mut reorder, 9_000), []);
    }

    #[test]
    fn rc4_no_more_than_a_bounded_number_of_packets_waits() {
        let mut reorder = Reorder::default();
        for seq in 0..10_000 {
            reorder.push(packet(seq * 2, 0));
            order(&mut reorder, 0);
            assert!(reorder.waiting.len() <= MOST_WAITING);
        }
    }
}
