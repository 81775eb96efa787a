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
    /// Most deliveries of the fan-out: clients keep what they get, for the check at the end.
    pub(crate) fan_out_deliveries: usize,
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
    /// Starts of a server that has its data already.
    pub(crate) cold_starts: usize,
    /// Rooms whose clients are all cut off and come back.
    pub(crate) rejoin_rooms: usize,
    /// Edits of the trace that are in each of these rooms.
    pub(crate) rejoin_edits: usize,
    /// Idle connections, ten to a room.
    pub(crate) idle: usize,
    /// How long the idle connections are watched.
    pub(crate) idle_for: Duration,
    /// Rooms that are opened and left.
    pub(crate) left_rooms: usize,
    /// Edits that component and native core are fed.
    pub(crate) component_edits: usize,
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
            measure: Duration::from_secs(8),
            fan_out_clients: 50,
            fan_out_deliveries: 20_000_000,
            rooms: 500,
            room_interval: Duration::from_millis(200),
            trace,
            trace_edits: TRACE_EDITS,
            joins: 21,
            joins_at_once: 20,
            cold_starts: 5,
            rejoin_rooms: 50,
            rejoin_edits: 60_000,
            idle: 10_000,
            idle_for: Duration::from_secs(10),
            left_rooms: 10_000,
            component_edits: 200_000,
        }
    }

    fn quick(trace: PathBuf) -> Self {
        Self {
            limit: Duration::from_secs(60),
            warm_up: Duration::from_millis(300),
            measure: Duration::from_secs(1),
            fan_out_deliveries: 2_000_000,
            rooms: 50,
            trace_edits: 10_000,
            joins: 5,
            joins_at_once: 5,
            cold_starts: 1,
            rejoin_rooms: 5,
            rejoin_edits: 10_000,
            idle: 1_000,
            idle_for: Duration::from_secs(2),
            left_rooms: 200,
            component_edits: 5_000,
            ..Self::full(trace)
        }
    }
}

/// Edits of the whole trace.
pub(crate) const TRACE_EDITS: usize = 259_778;
