//! Which engines there are, how busy they are, and which room is on which.
//!
//! It knows only what engines say in their heartbeats, so a monitor that starts anew knows
//! everything again after one of each.

use super::heartbeat::Heartbeat;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use thiserror::Error;

/// An engine that is silent for so long is dead. Engines speak every second.
const DEAD: Duration = Duration::from_millis(3_500);
/// A dead engine is forgotten after so long.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// After its start, a monitor waits for the heartbeats of all engines before it places a room.
const LEARNING: Duration = Duration::from_millis(2_500);
/// A room that no engine names and nobody asks for is forgotten after so long.
const IDLE: Duration = Duration::from_secs(10);
/// How many rooms may be placed that no engine has named yet.
const MOST_ROOMS: usize = 100_000;
/// An engine that works for more than this share of its time gets no more rooms.
const FULL: f64 = 0.85;
/// What a room that was just placed adds to an engine's load, until it shows in its heartbeats.
const NEWCOMER: f64 = 0.02;
/// How many heartbeats are kept to be shown.
const HISTORY: usize = 120;

/// Why a room can't be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum PlaceError {
    /// The monitor has just started.
    #[error("the monitor has just started: try again in some seconds")]
    Learning,
    /// No engine is there.
    #[error("no engine is there: start one that names this monitor")]
    NoEngine,
    /// All engines have as much as they can take, or are being drained.
    #[error("all engines are full: start another one")]
    Full,
}

/// An engine as it was last heard.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) beat: Heartbeat,
    pub(crate) is_draining: bool,
    /// Its load in each of the last heartbeats, from 0 to 1.
    pub(crate) history: VecDeque<f64>,
    heard: Instant,
    is_unreachable: bool,
    placed: Vec<Instant>,
}

#[derive(Debug, Clone)]
struct Placement {
    engine: String,
    used: Instant,
}

/// Engines by their address, and rooms by their name.
pub(crate) struct Fleet {
    engines: BTreeMap<String, Member>,
    rooms: BTreeMap<String, Placement>,
    started: Instant,
}

impl Fleet {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            engines: BTreeMap::new(),
            rooms: BTreeMap::new(),
            started: now,
        }
    }

    /// An engine says how it is. Gives whether it is to be drained.
    pub(crate) fn heartbeat(&mut self, now: Instant, beat: Heartbeat) -> bool {
        self.forget(now);
        for room in &beat.rooms {
            let placement = self
                .rooms
                .get(room)
                .map(|placement| placement.engine.clone());
            let keeps = match &placement {
                None => true,
                Some(engine) => *engine == beat.engine || !self.is_alive(now, engine),
            };
            if keeps {
                let placement = Placement {
                    engine: beat.engine.clone(),
                    used: now,
                };
                self.rooms.insert(room.clone(), placement);
            }
        }
        let known = self.engines.remove(&beat.engine);
        let mut history = known
            .as_ref()
            .map(|member| member.history.clone())
            .unwrap_or_default();
        history.push_back(beat.load());
        if history.len() > HISTORY {
            history.pop_front();
        }
        let is_draining = beat.is_draining || known.as_ref().is_some_and(|known| known.is_draining);
        let placed = known.map(|member| member.placed).unwrap_or_default();
        let member = Member {
            is_draining,
            history,
            heard: now,
            is_unreachable: false,
            placed,
            beat,
        };
        self.engines.insert(member.beat.engine.clone(), member);
        is_draining
    }

    /// The engine on which a room is. `None` if it is nowhere, or was on one that is dead.
    pub(crate) fn find(&mut self, now: Instant, room: &str) -> Option<String> {
        let engine = self.rooms.get(room)?.engine.clone();
        if !self.is_alive(now, &engine) {
            self.rooms.remove(room);
            return None;
        }
        if let Some(placement) = self.rooms.get_mut(room) {
            placement.used = now;
        }
        Some(engine)
    }

    /// Whether there may be engines and rooms that the monitor doesn't know yet.
    pub(crate) fn is_learning(&self, now: Instant) -> bool {
        now < self.started + LEARNING
    }

    /// The engine on which a room is, or from now on will be.
    pub(crate) fn place(&mut self, now: Instant, room: &str) -> Result<String, PlaceError> {
        if let Some(engine) = self.find(now, room) {
            return Ok(engine);
        }
        if self.is_learning(now) {
            return Err(PlaceError::Learning);
        }
        if self.alive(now).next().is_none() {
            return Err(PlaceError::NoEngine);
        }
        if self.rooms.len() >= MOST_ROOMS {
            return Err(PlaceError::Full);
        }
        let open = self.alive(now).filter(|member| member.is_open(now));
        let least = open.min_by(|one, other| one.weight(now).total_cmp(&other.weight(now)));
        let engine = least
            .map(|member| member.beat.engine.clone())
            .ok_or(PlaceError::Full)?;
        if let Some(member) = self.engines.get_mut(&engine) {
            member.placed.retain(|placed| is_newcomer(now, *placed));
            member.placed.push(now);
        }
        let placement = Placement {
            engine: engine.clone(),
            used: now,
        };
        self.rooms.insert(room.to_owned(), placement);
        Ok(engine)
    }

    /// An engine didn't take a connection: it counts as dead until it is heard again.
    pub(crate) fn unreachable(&mut self, engine: &str) {
        if let Some(member) = self.engines.get_mut(engine) {
            member.is_unreachable = true;
        }
    }

    /// Whether an engine gets new rooms. False if there is no such engine.
    pub(crate) fn drain(&mut self, engine: &str, is_draining: bool) -> bool {
        let member = self.engines.get_mut(engine);
        member
            .map(|member| member.is_draining = is_draining)
            .is_some()
    }

    /// Any engine that is alive, for what concerns no room.
    pub(crate) fn any(&self, now: Instant) -> Option<String> {
        self.alive(now)
            .next()
            .map(|member| member.beat.engine.clone())
    }

    /// All engines that are known, and whether each is alive.
    pub(crate) fn members(&self, now: Instant) -> impl Iterator<Item = (&Member, bool)> {
        let engines = self.engines.values();
        engines.map(move |member| (member, member.is_alive(now)))
    }

    /// All rooms, and the engine on which each is.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = (&str, &str)> {
        let rooms = self.rooms.iter();
        rooms.map(|(room, placement)| (room.as_str(), placement.engine.as_str()))
    }

    fn alive(&self, now: Instant) -> impl Iterator<Item = &Member> {
        self.engines
            .values()
            .filter(move |member| member.is_alive(now))
    }

    fn is_alive(&self, now: Instant, engine: &str) -> bool {
        self.engines
            .get(engine)
            .is_some_and(|member| member.is_alive(now))
    }

    fn forget(&mut self, now: Instant) {
        let silence = |since: Instant| now.saturating_duration_since(since);
        self.engines
            .retain(|_, member| silence(member.heard) < FORGOTTEN);
        let engines = &self.engines;
        self.rooms.retain(|room, placement| {
            let member = engines.get(&placement.engine);
            member.is_some_and(|member| member.beat.rooms.contains(room))
                || silence(placement.used) < IDLE
        });
    }
}

impl Member {
    fn is_alive(&self, now: Instant) -> bool {
        !self.is_unreachable && now.saturating_duration_since(self.heard) < DEAD
    }

    fn is_open(&self, now: Instant) -> bool {
        !self.is_draining && self.weight(now) < FULL
    }

    /// Its load, and what was placed on it since it was measured.
    fn weight(&self, now: Instant) -> f64 {
        let newcomers = self
            .placed
            .iter()
            .filter(|placed| is_newcomer(now, **placed));
        newcomers.fold(self.beat.load(), |weight, _| weight + NEWCOMER)
    }
}

/// Whether a room was placed so lately that its peers may still be on their way.
fn is_newcomer(now: Instant, placed: Instant) -> bool {
    now.saturating_duration_since(placed) < Duration::from_secs(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(engine: &str, worked: f64, rooms: &[&str]) -> Heartbeat {
        Heartbeat {
            engine: engine.to_owned(),
            is_draining: false,
            worked,
            peers: 0,
            most_peers: 100,
            packets_out: 0,
            peers_closed: 0,
            rooms_closed: 0,
            rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
        }
    }

    /// A fleet that has learnt of two engines, and the time then.
    fn fleet(loads: [f64; 2]) -> (Fleet, Instant) {
        let start = Instant::now();
        let mut fleet = Fleet::new(start);
        let now = start + LEARNING;
        fleet.heartbeat(now, beat("a", loads[0], &[]));
        fleet.heartbeat(now, beat("b", loads[1], &[]));
        (fleet, now)
    }

    #[test]
    fn mo1_a_room_goes_to_the_least_loaded_engine_and_stays() {
        let (mut fleet, now) = fleet([0.5, 0.1]);
        assert_eq!(fleet.place(now, "room").unwrap(), "b");
        fleet.heartbeat(now, beat("b", 0.8, &["room"]));
        assert_eq!(fleet.place(now, "room").unwrap(), "b");
        assert_eq!(fleet.find(now, "room").unwrap(), "b");
        assert_eq!(fleet.place(now, "other").unwrap(), "a");
        assert_eq!(fleet.find(now, "third"), None);
    }

    #[test]
    fn mo2_rooms_that_come_at_once_are_spread() {
        let (mut fleet, now) = fleet([0.0, 0.0]);
        let placed: Vec<String> = (0..10)
            .map(|room| fleet.place(now, &room.to_string()).unwrap())
            .collect();
        assert_eq!(placed.iter().filter(|engine| *engine == "a").count(), 5);
    }

    #[test]
    fn mo3_a_dead_engine_loses_its_rooms() {
        let (mut fleet, now) = fleet([0.0, 0.5]);
        assert_eq!(fleet.place(now, "room").unwrap(), "a");
        let later = now + DEAD;
        fleet.heartbeat(later, beat("b", 0.5, &[]));
        assert_eq!(fleet.find(later, "room"), None);
        assert_eq!(fleet.place(later, "room").unwrap(), "b");
        // The old engine comes back with peers that have moved: they stay where they are now.
        fleet.heartbeat(later, beat("a", 0.0, &["room"]));
        assert_eq!(fleet.find(later, "room").unwrap(), "b");
        fleet.unreachable("b");
        assert_eq!(fleet.place(later, "room").unwrap(), "a");
    }

    #[test]
    fn mo4_a_monitor_that_restarts_learns_where_rooms_are() {
        let start = Instant::now();
        let mut fleet = Fleet::new(start);
        assert_eq!(fleet.place(start, "room"), Err(PlaceError::Learning));
        fleet.heartbeat(start, beat("a", 0.0, &[]));
        fleet.heartbeat(start, beat("b", 0.9, &["room"]));
        assert_eq!(fleet.place(start, "room").unwrap(), "b");
        assert_eq!(fleet.place(start, "new"), Err(PlaceError::Learning));
        assert_eq!(fleet.place(start + LEARNING, "new").unwrap(), "a");
    }

    #[test]
    fn mo5_a_drained_engine_keeps_its_rooms_and_gets_no_others() {
        let (mut fleet, now) = fleet([0.0, 0.5]);
        assert_eq!(fleet.place(now, "room").unwrap(), "a");
        assert!(fleet.drain("a", true));
        assert!(!fleet.drain("c", true));
        assert_eq!(fleet.place(now, "room").unwrap(), "a");
        assert_eq!(fleet.place(now, "other").unwrap(), "b");
        // The engine remembers it for the next monitor.
        assert!(fleet.heartbeat(now, beat("a", 0.0, &["room"])));
    }

    #[test]
    fn mo6_when_all_are_full_a_room_is_refused() {
        let (mut fleet, now) = fleet([0.9, 0.99]);
        assert_eq!(fleet.place(now, "room"), Err(PlaceError::Full));
        let mut empty = Fleet::new(now);
        assert_eq!(
            empty.place(now + LEARNING, "room"),
            Err(PlaceError::NoEngine)
        );
        let crowded = Heartbeat {
            peers: 90,
            ..beat("c", 0.0, &[])
        };
        empty.heartbeat(now + LEARNING, crowded);
        assert_eq!(empty.place(now + LEARNING, "room"), Err(PlaceError::Full));
    }

    #[test]
    fn mo7_a_room_that_became_empty_is_forgotten() {
        let (mut fleet, now) = fleet([0.0, 0.5]);
        fleet.place(now, "room").unwrap();
        let later = now + IDLE;
        fleet.heartbeat(later, beat("a", 0.0, &[]));
        assert_eq!(fleet.rooms().count(), 0);
    }
}
