//! Which worker a room is on.

use crate::directory::WorkerIndex;
use kraken_sfu::RoomId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// The rooms of all workers. A new room goes to the least busy worker, and stays there until it
/// is empty.
#[derive(Debug, Default)]
pub(crate) struct Placement(Mutex<HashMap<RoomId, Place>>);

#[derive(Debug)]
struct Place {
    worker: WorkerIndex,
    /// Questions under way that may open the room.
    visits: usize,
}

/// A question under way. It keeps the room's place until the worker has dealt with it.
#[derive(Debug)]
pub(crate) struct Visit {
    placement: Arc<Placement>,
    room: RoomId,
    pub(crate) worker: WorkerIndex,
}

impl Placement {
    /// The worker that has the room, if one does.
    pub(crate) fn find(&self, room: &RoomId) -> Option<WorkerIndex> {
        self.0.lock().get(room).map(|place| place.worker)
    }

    /// The worker that has the room, or from now on will have it. `shares` says for each worker
    /// how much of its time it works.
    pub(crate) fn visit(self: &Arc<Self>, room: &RoomId, shares: &[f64]) -> Visit {
        let mut places = self.0.lock();
        let worker = match places.get(room) {
            Some(place) => place.worker,
            None => least_busy(&places, shares),
        };
        let place = places.entry(room.clone());
        place.or_insert(Place { worker, visits: 0 }).visits += 1;
        Visit {
            placement: self.clone(),
            room: room.clone(),
            worker,
        }
    }

    /// Forgets the rooms of a worker that are empty. Only the worker itself may say so, between
    /// two questions: those that are answered have left their rooms in `has_room`.
    pub(crate) fn sweep(&self, worker: WorkerIndex, has_room: impl Fn(&RoomId) -> bool) {
        let mut places = self.0.lock();
        places.retain(|room, place| place.worker != worker || place.visits > 0 || has_room(room));
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(place) = self.placement.0.lock().get_mut(&self.room) {
            place.visits -= 1;
        }
    }
}

/// Shares are a second old: among workers that are about as busy, the one with fewer rooms.
fn least_busy(places: &HashMap<RoomId, Place>, shares: &[f64]) -> WorkerIndex {
    let mut rooms = vec![0_usize; shares.len()];
    for place in places.values() {
        rooms[place.worker] += 1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "tenths, from 0 to 10")]
    let tenths = |share: f64| (share * 10.0) as i64;
    let workers = 0..shares.len();
    let least = workers.min_by_key(|worker| (tenths(shares[*worker]), rooms[*worker]));
    least.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomId {
        RoomId::parse(name).unwrap()
    }

    #[test]
    fn en15_a_new_room_goes_to_the_least_busy_worker_and_stays() {
        let placement = Arc::new(Placement::default());
        assert_eq!(placement.find(&room("a")), None);
        assert_eq!(placement.visit(&room("a"), &[0.5, 0.2]).worker, 1);
        assert_eq!(placement.visit(&room("a"), &[0.0, 0.9]).worker, 1);
        assert_eq!(placement.find(&room("a")), Some(1));
        assert_eq!(placement.visit(&room("b"), &[0.0, 0.9]).worker, 0);
    }

    #[test]
    fn en15_rooms_that_come_at_once_are_spread() {
        let placement = Arc::new(Placement::default());
        let names = ["a", "b", "c", "d"].map(room);
        let workers = names.map(|room| placement.visit(&room, &[0.02, 0.0]).worker);
        assert_eq!(workers, [0, 1, 0, 1]);
    }

    #[test]
    fn en15_a_room_keeps_its_place_while_somebody_is_in_it_or_on_the_way() {
        let placement = Arc::new(Placement::default());
        let visit = placement.visit(&room("a"), &[0.0, 0.0]);
        placement.sweep(0, |_| false);
        assert_eq!(placement.find(&room("a")), Some(0));
        drop(visit);
        placement.sweep(0, |_| true);
        placement.sweep(1, |_| false);
        assert_eq!(placement.find(&room("a")), Some(0));
        placement.sweep(0, |_| false);
        assert_eq!(placement.find(&room("a")), None);
    }
}
