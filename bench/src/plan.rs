//! How much of everything a run does.

use std::path::PathBuf;
use std::time::Duration;

/// The sizes of all scenarios.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Longest time for one scenario on one server.
    pub(crate) limit: Duration,
    /// Before anything is measured.
    pub(crate) warm_up: Duration,
    /// Measured part of the scenarios that run for a time.
    pub(crate) measure: Duration,
    /// Clients in the one room of the fan-out, its typist among them.
    pub(crate) fan_out_clients: usize,
    /// Most edits that the typist of the fan-out makes.
    pub(crate) fan_out_edits: usize,
    /// Rooms of two clients each.
    pub(crate) rooms: usize,
    /// Between two edits of one client in these rooms.
    pub(crate) room_interval: Duration,
    /// The file of the editing trace.
    pub(crate) trace: PathBuf,
    /// Edits of the trace that are replayed.
    pub(crate) trace_edits: usize,
    /// Joins one after the other.
    pub(crate) joins: usize,
    /// Joins at once.
    pub(crate) joins_at_once: usize,
    /// Idle connections, ten to a room.
    pub(crate) idle: usize,
    /// How long the idle connections are watched.
    pub(crate) idle_for: Duration,
}

impl Plan {
    pub(crate) fn new(quick: bool, trace: PathBuf) -> Self {
        if quick {
            Self::quick(trace)
        } else {
            Self::full(trace)
        }
    }

    fn full(trace: PathBuf) -> Self {
        Self {
            limit: Duration::from_secs(300),
            warm_up: Duration::from_secs(2),
            measure: Duration::from_secs(10),
            fan_out_clients: 50,
            fan_out_edits: 400_000,
            rooms: 500,
            room_interval: Duration::from_millis(200),
            trace,
            trace_edits: usize::MAX,
            joins: 21,
            joins_at_once: 20,
            idle: 10_000,
            idle_for: Duration::from_secs(10),
        }
    }

    fn quick(trace: PathBuf) -> Self {
        Self {
            limit: Duration::from_secs(60),
            warm_up: Duration::from_millis(300),
            measure: Duration::from_secs(1),
            fan_out_edits: 40_000,
            rooms: 50,
            trace_edits: 10_000,
            joins: 5,
            joins_at_once: 5,
            idle: 1_000,
            idle_for: Duration::from_secs(2),
            ..Self::full(trace)
        }
    }
}
