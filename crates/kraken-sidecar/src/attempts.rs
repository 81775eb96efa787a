//! How often one address may try to get in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How much of its rate an address may use at once.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are known at a time. Those beyond share one budget.
const MAX_ADDRESSES: usize = 65_536;

/// The pause between two searches for addresses that can be forgotten.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// Attempts per address, at a steady rate and up to a minute's worth at once. IPv6 addresses count
/// by their /64, which is what one customer gets at least.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// What an attempt costs of the window.
    interval: Duration,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    /// By address, when its budget will be whole again. One that is whole may be missing.
    whole_at: HashMap<IpAddr, Instant>,
    /// The same for all addresses that found no place.
    others: Instant,
    swept: Instant,
}

impl Attempts {
    /// Allows `per_minute` attempts, which must not be 0.
    pub(crate) fn new(per_minute: u32, now: Instant) -> Self {
        Self {
            interval: WINDOW / per_minute.max(1),
            table: Mutex::new(Table {
                whole_at: HashMap::new(),
                others: now,
                swept: now,
            }),
        }
    }

    /// Counts an attempt. Fails with the time after which another one is allowed.
    pub(crate) fn count(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut table = self.table.lock();
        let whole_at = table.of(network(address), now);
        let used = whole_at.saturating_duration_since(now);
        if used + self.interval > WINDOW {
            return Err(used + self.interval - WINDOW);
        }
        *whole_at = now + used + self.interval;
        Ok(())
    }
}

impl Table {
    fn of(&mut self, address: IpAddr, now: Instant) -> &mut Instant {
        if self.whole_at.len() >= MAX_ADDRESSES && !self.whole_at.contains_key(&address) {
            if now < self.swept + SWEEP_PAUSE {
                return &mut self.others;
            }
            self.swept = now;
            self.whole_at.retain(|_, whole_at| *whole_at > now);
            if self.whole_at.len() >= MAX_ADDRESSES {
                return &mut self.others;
            }
        }
        self.whole_at.entry(address).or_insert(now)
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Attempts, MAX_ADDRESSES, SWEEP_PAUSE, WINDOW};

    const SECOND: Duration = Duration::from_secs(1);

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from(number).into()
    }

    #[test]
    fn gw14_a_minutes_worth_passes_at_once_and_then_the_rate() {
        let start = Instant::now();
        let attempts = Attempts::new(60, start);
        for _ in 0..60 {
            assert_eq!(attempts.count(address(1), start), Ok(()));
        }
        assert_eq!(attempts.count(address(1), start), Err(SECOND));
        let half = start + SECOND / 2;
        assert_eq!(attempts.count(address(1), half), Err(SECOND / 2));
        assert_eq!(attempts.count(address(2), half), Ok(()));
        assert_eq!(attempts.count(address(1), start + SECOND), Ok(()));
        assert_eq!(attempts.count(address(1), start + SECOND), Err(SECOND));
        let later = start + 10 * WINDOW;
        let passed = (0..100).filter(|_| attempts.count(address(1), later).is_ok());
        assert_eq!(passed.count(), 60, "no more is saved up");
    }

    #[test]
    fn gw14_addresses_of_one_ipv6_network_count_together() {
        let now = Instant::now();
        let attempts = Attempts::new(1, now);
        let count = |text: &str| attempts.count(text.parse().unwrap(), now).is_ok();
        assert!(count("2001:db8:0:1::1"));
        assert!(!count("2001:db8:0:1:ffff::2"));
        assert!(count("2001:db8:0:2::1"));
    }

    #[test]
    fn gw14_any_number_of_addresses_takes_bounded_memory() {
        let start = Instant::now() + SWEEP_PAUSE;
        let attempts = Attempts::new(2, start - SWEEP_PAUSE);
        let all = MAX_ADDRESSES as u32;
        for number in 0..all {
            assert!(attempts.count(address(number), start).is_ok());
        }
        let others =
            (all..all + 10).filter(|number| attempts.count(address(*number), start).is_ok());
        assert_eq!(others.count(), 2, "those without a place share a budget");
        assert!(
            attempts.count(address(7), start).is_ok(),
            "the others don't"
        );
        assert_eq!(attempts.table.lock().whole_at.len(), MAX_ADDRESSES);

        let later = start + WINDOW / 2;
        assert!(attempts.count(address(all), later).is_ok());
        assert_eq!(
            attempts.table.lock().whole_at.len(),
            2,
            "whoever has a whole budget is forgotten"
        );
    }
}
