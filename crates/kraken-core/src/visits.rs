//! Sessions of WHIP and WHEP. The engine has them; here is by what right, and how long that lasts.

use crate::connections::{Connections, Expelled};
use crate::grant::Grant;
use crate::ids::{AppId, Timestamp};
use crate::registry::Registry;
use std::collections::BTreeMap;

/// How many are known. Those that end by themselves stay known until their tokens end; of more,
/// the oldest are forgotten.
const MOST: usize = 10_000;

/// A session, by the names that the engine knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Visit {
    pub(crate) room: String,
    pub(crate) session: String,
}

/// All sessions that began, numbered as they did.
#[derive(Default)]
pub(crate) struct Visits {
    grants: Connections<u64>,
    visits: BTreeMap<u64, Visit>,
    numbers: BTreeMap<Visit, u64>,
    last: u64,
}

impl Visits {
    pub(crate) fn begin(&mut self, visit: Visit, grant: Grant, registry: &Registry) {
        self.end(&visit);
        if self.visits.len() >= MOST
            && let Some((oldest, _)) = self.visits.first_key_value()
        {
            self.forget(*oldest);
        }
        self.last += 1;
        self.grants.add(self.last, grant, registry);
        self.visits.insert(self.last, visit.clone());
        self.numbers.insert(visit, self.last);
    }

    pub(crate) fn end(&mut self, visit: &Visit) {
        if let Some(&number) = self.numbers.get(visit) {
            self.forget(number);
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        self.grants.next_timeout()
    }

    /// Takes out those whose time is over.
    pub(crate) fn expire(&mut self, registry: &Registry, now: Timestamp) -> Vec<Visit> {
        let expelled = self.grants.expire(registry, now);
        self.take_out(&expelled)
    }

    /// Takes out those of an app whose right doesn't hold any more.
    pub(crate) fn recheck(
        &mut self,
        app: &AppId,
        registry: &Registry,
        now: Timestamp,
    ) -> Vec<Visit> {
        let expelled = self.grants.recheck(app, registry, now);
        self.take_out(&expelled)
    }

    /// Takes out all whom the master token let in.
    pub(crate) fn without_master(&mut self) -> Vec<Visit> {
        let expelled = self.grants.without_master();
        self.take_out(&expelled)
    }

    fn take_out(&mut self, expelled: &[Expelled<u64>]) -> Vec<Visit> {
        let numbers = expelled.iter().map(|expelled| expelled.connection);
        numbers.filter_map(|number| self.forget(number)).collect()
    }

    fn forget(&mut self, number: u64) -> Option<Visit> {
        self.grants.remove(number);
        let visit = self.visits.remove(&number)?;
        self.numbers.remove(&visit);
        Some(visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::{Access, Audience, Basis};

    fn visit(number: usize) -> Visit {
        Visit {
            room: "default:notes".to_owned(),
            session: format!("session-{number}"),
        }
    }

    #[test]
    fn wh8_of_too_many_sessions_the_oldest_are_forgotten() {
        let grant = Grant {
            app: AppId::default_app(),
            number: 0,
            audience: Audience::all(),
            access: Access::Write,
            basis: Basis::Master,
            origin: None,
            expires: None,
            token: None,
        };
        let mut visits = Visits::default();
        for number in 0..MOST + 3 {
            visits.begin(visit(number), grant.clone(), &Registry::default());
        }
        visits.end(&visit(MOST));
        let left = visits.without_master();
        assert_eq!(left.len(), MOST - 1);
        assert_eq!(left.first(), Some(&visit(3)));
        assert!(!left.contains(&visit(MOST)));
        assert!(visits.numbers.is_empty());
    }
}
