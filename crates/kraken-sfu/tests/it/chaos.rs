//! People who come, go, vanish and come back, as a seed says. In the end, all who are there hear
//! each other.

use crate::network::Weather;
use crate::pages::{AUDIO, BOTH, Pages};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::time::Duration;
use str0m::media::MediaKind;

const USERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const WEATHER: Weather = Weather {
    loss: 20,
    delay: Duration::from_millis(30),
    jitter: Duration::from_millis(10),
};

struct Chaos {
    random: ChaCha8Rng,
    pages: Pages,
    log: Vec<String>,
}

impl Chaos {
    fn pick(&mut self, below: u32) -> u32 {
        self.random.next_u32() % below
    }

    fn step(&mut self) {
        let user = USERS[self.pick(6) as usize];
        let is_there = self.pages.clients.contains_key(user);
        let action = match (is_there, self.pick(8)) {
            (false, _) => {
                let kinds = [AUDIO, BOTH][self.pick(2) as usize];
                self.pages.join(user, kinds);
                "joins"
            }
            (true, 0 | 1) => {
                self.pages.end(user);
                self.pages.clients.remove(user);
                "ends"
            }
            (true, 2) => {
                self.pages.kill(user);
                "vanishes"
            }
            (true, 3) => {
                self.pages.kill(user);
                self.pages.join(user, AUDIO);
                "joins anew"
            }
            (true, 4) => {
                self.pages.restart(user);
                "restarts ICE"
            }
            (true, _) => "stays",
        };
        let pause = Duration::from_millis(u64::from(self.pick(4_000)));
        self.log.push(format!("{user} {action}, {pause:?}"));
        self.pages.run(pause);
    }
}

#[test]
fn sf24_after_any_coming_and_going_all_hear_all() {
    for seed in 1..=8 {
        let mut chaos = Chaos {
            random: ChaCha8Rng::seed_from_u64(seed),
            pages: Pages::new(seed, WEATHER),
            log: Vec::new(),
        };
        for _ in 0..40 {
            chaos.step();
        }
        let Chaos { mut pages, log, .. } = chaos;
        pages.run(Duration::from_secs(20));
        let users: Vec<String> = pages.clients.keys().cloned().collect();
        assert_eq!(pages.members(), users, "seed {seed}: {log:#?}");
        let heard = |pages: &Pages, listener: &str, speaker: &str| {
            pages.client(listener).heard_from(speaker, MediaKind::Audio)
        };
        let pairs = users.iter().flat_map(|listener| {
            let speakers = users.iter().filter(move |speaker| *speaker != listener);
            speakers.map(move |speaker| (listener, speaker))
        });
        let before: Vec<usize> = pairs
            .clone()
            .map(|(listener, speaker)| heard(&pages, listener, speaker))
            .collect();
        pages.run(Duration::from_secs(5));
        for ((listener, speaker), before) in pairs.zip(before) {
            let more = heard(&pages, listener, speaker) - before;
            assert!(
                more > 200,
                "seed {seed}: {listener} hears {more} of {speaker}: {log:#?}"
            );
        }
        assert_eq!(pages.sfu.stats().peers_failed, 0, "seed {seed}: {log:#?}");
    }
}
