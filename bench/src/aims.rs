//! What Kraken's figures are to be: at most so much, at least so much, or so much of what others
//! have in the same run.

use std::fmt;

use crate::scenario::Scenario;

/// What a figure of Kraken's is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Aim {
    AtMost(f64),
    AtLeast(f64),
    /// At most so many times the better peer's.
    OfBestPeer(f64),
    /// At most so many times the bare relay's.
    OfRelay(f64),
}

use self::Aim::{AtLeast, AtMost, OfBestPeer, OfRelay};
use Scenario::{
    ColdStart, Component, FanOut1, FanOut64, FanOut64x200, Idle, LateJoin, LeftRooms, Rejoin, Rooms,
};

/// All of them: scenario, figure, aim.
pub(crate) const AIMS: &[(Scenario, &str, Aim)] = &[
    (FanOut1, "p99 to all, us", OfRelay(1.5)),
    (FanOut64, "server CPU us/delivery", AtMost(0.5)),
    (FanOut64, "server CPU us/delivery", OfBestPeer(0.4)),
    (FanOut64x200, "server CPU us/delivery", AtMost(0.4)),
    (Rooms, "p99, us", OfRelay(2.0)),
    (Rooms, "p99, us", OfBestPeer(1.0)),
    (Rooms, "server CPU, s in 20 s", OfRelay(2.0)),
    (Rooms, "server CPU, s in 20 s", OfBestPeer(1.0)),
    (LateJoin, "ingest, edits/s", AtLeast(100_000.0)),
    (LateJoin, "join p50, ms", AtMost(2.0)),
    (LateJoin, "join p99 at once, ms", AtMost(20.0)),
    // What relay-first may lose.
    (ColdStart, "lost by kill -9, ms", AtMost(50.0)),
    (ColdStart, "cold start p50, ms", AtMost(150.0)),
    (Rejoin, "all synced, ms", AtMost(1_500.0)),
    (Idle, "RSS kB/connection", AtMost(8.192)),
    // One step of the kernel's clock in ten seconds.
    (Idle, "idle CPU, %", AtMost(0.1)),
    (LeftRooms, "RSS after / before", AtMost(1.1)),
    (Component, "64 a frame, ratio", AtMost(1.3)),
    (Component, "1 a frame, ratio", AtMost(1.3)),
];

/// What the servers of a run had.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) kraken: Option<f64>,
    pub(crate) best_peer: Option<f64>,
    pub(crate) relay: Option<f64>,
}

impl Aim {
    /// Whether it is met. `None` if a figure is missing that it is about.
    pub(crate) fn is_met(self, figures: Figures) -> Option<bool> {
        let kraken = figures.kraken?;
        Some(match self {
            AtMost(most) => kraken <= most,
            AtLeast(least) => kraken >= least,
            OfBestPeer(times) => kraken <= times * figures.best_peer?,
            OfRelay(times) => kraken <= times * figures.relay?,
        })
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AtMost(most) => write!(f, "at most {most}"),
            AtLeast(least) => write!(f, "at least {least}"),
            OfBestPeer(times) => write!(f, "at most {times} x the best peer's"),
            OfRelay(times) => write!(f, "at most {times} x the relay's"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_is_about_the_servers_that_it_names() {
        let figures = Figures {
            kraken: Some(2.0),
            best_peer: Some(4.0),
            relay: None,
        };
        assert_eq!(AtMost(2.0).is_met(figures), Some(true));
        assert_eq!(AtLeast(2.1).is_met(figures), Some(false));
        assert_eq!(OfBestPeer(0.5).is_met(figures), Some(true));
        assert_eq!(OfBestPeer(0.4).is_met(figures), Some(false));
        assert_eq!(OfRelay(2.0).is_met(figures), None);
        assert_eq!(AtMost(2.0).is_met(Figures::default()), None);
    }
}
