//! When, in a recording, what was sent is shown.

use crate::packet::{Packet, SenderTime};
use std::time::Duration;

/// How far the time of a packet may be from its arrival, in nanoseconds. Beyond that its sender
/// has set its clock anew.
const MOST_OFF: i128 = 3_000_000_000;
/// How far a sender report may move a track. Tracks of one sender that are further apart have
/// clocks of their own.
const MOST_SKEW: i128 = 1_000_000_000;

/// The clock that all tracks of a participant share.
#[derive(Debug, Default)]
pub(crate) struct SenderClock {
    /// What has to be added to it to get the recording's time, in nanoseconds.
    offset: Option<i128>,
}

/// The RTP timestamps of a track in the recording's time.
///
/// The first packet is shown when it came. Sender reports then say how the tracks of a
/// participant belong together, and keep them from drifting apart.
#[derive(Debug)]
pub(crate) struct Timeline {
    clock_rate: u32,
    anchor: Option<Anchor>,
    report: Option<SenderTime>,
    latest: i128,
}

/// An RTP timestamp, and when it is shown.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    time: u64,
    at: i128,
}

impl Timeline {
    pub(crate) fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            anchor: None,
            report: None,
            latest: 0,
        }
    }

    /// When a packet is shown: never before an earlier one.
    pub(crate) fn place(&mut self, packet: &Packet, sender: &mut SenderClock) -> Duration {
        let here = Anchor {
            time: packet.time,
            at: nanoseconds(packet.arrival),
        };
        let mut anchor = self.anchor.unwrap_or(here);
        if let Some(report) = packet.sent
            && self.report != Some(report)
        {
            self.report = Some(report);
            anchor.at = self.synchronized(anchor, report, sender);
        }
        let mut at = anchor.at + self.span(anchor.time, packet.time);
        if (at - here.at).abs() > MOST_OFF {
            anchor = here;
            at = here.at;
        }
        self.anchor = Some(anchor);
        self.latest = self.latest.max(at);
        Duration::from_nanos(u64::try_from(self.latest).unwrap_or(u64::MAX))
    }

    /// When the anchor is shown so that the track is in time with the others of its sender.
    fn synchronized(&self, anchor: Anchor, report: SenderTime, sender: &mut SenderClock) -> i128 {
        let sent = nanoseconds(report.clock) + self.span(report.time, anchor.time);
        let offset = *sender.offset.get_or_insert(anchor.at - sent);
        let at = sent + offset;
        if (at - anchor.at).abs() > MOST_SKEW {
            anchor.at
        } else {
            at
        }
    }

    /// Nanoseconds between two RTP timestamps.
    fn span(&self, from: u64, to: u64) -> i128 {
        (i128::from(to) - i128::from(from)) * 1_000_000_000 / i128::from(self.clock_rate)
    }
}

fn nanoseconds(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn packet(time: u64, arrival: u64, sent: Option<(u64, u64)>) -> Packet {
        Packet {
            seq: 0,
            time,
            marker: false,
            payload: Arc::new([]),
            arrival: Duration::from_millis(arrival),
            sent: sent.map(|(clock, time)| SenderTime {
                clock: Duration::from_millis(clock),
                time,
            }),
        }
    }

    fn place(timeline: &mut Timeline, sender: &mut SenderClock, packet: &Packet) -> u128 {
        timeline.place(packet, sender).as_millis()
    }

    #[test]
    fn rc5_time_goes_on_as_the_sender_says_whatever_the_network_does() {
        let mut timeline = Timeline::new(90_000);
        let mut sender = SenderClock::default();
        let mut at = |time, arrival| {
            let packet = packet(time, arrival, None);
            place(&mut timeline, &mut sender, &packet)
        };
        assert_eq!(at(500_000, 200), 200);
        assert_eq!(at(509_000, 390), 300);
        assert_eq!(at(518_000, 391), 400);
    }

    #[test]
    fn rc5_sender_reports_bring_the_tracks_of_a_sender_together() {
        let mut sender = SenderClock::default();
        let mut audio = Timeline::new(48_000);
        let mut video = Timeline::new(90_000);
        let report = Some((1_000_000, 48_000));
        let first = packet(48_000, 100, report);
        assert_eq!(place(&mut audio, &mut sender, &first), 100);
        // The same moment, but its way took 80 ms longer.
        let first = packet(7_000, 180, None);
        assert_eq!(place(&mut video, &mut sender, &first), 180);
        let next = packet(7_000 + 90_000, 1_190, Some((1_000_000, 7_000)));
        assert_eq!(place(&mut video, &mut sender, &next), 1_100);
    }

    #[test]
    fn rc5_a_clock_that_was_set_anew_begins_again_where_the_recording_is() {
        let mut timeline = Timeline::new(90_000);
        let mut sender = SenderClock::default();
        place(&mut timeline, &mut sender, &packet(0, 0, None));
        let far = packet(u64::MAX, 1_000, Some((u64::MAX / 1_000_000, 5)));
        assert_eq!(place(&mut timeline, &mut sender, &far), 1_000);
        let back = packet(90_000, 2_000, None);
        assert_eq!(place(&mut timeline, &mut sender, &back), 2_000);
    }
}
