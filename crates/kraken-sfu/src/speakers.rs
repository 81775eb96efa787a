//! Who speaks in a room.
//!
//! Every packet of audio says how loud it is (RFC 6464). From that, and nothing of the sound
//! itself, follows who speaks now, in which order all have spoken, and who is shown large: the
//! main speaker, who is replaced only by somebody who speaks while it is silent, or is clearly
//! louder for a second, so that a cough changes nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The loudest that a packet can say, in decibels above the quietest.
const LOUDEST: f32 = 127.0;
/// From this loudness on it is a voice, and not the room around it.
const LOUD: f32 = LOUDEST - 45.0;
/// How much of the loudness is that of the time since the last look.
const WEIGHT: f32 = 0.4;
/// How much louder, in decibels, somebody has to be to talk down the main speaker.
const LOUDER: f32 = 6.0;
/// For how many looks in a row.
const INSISTS: u32 = 4;
/// Every so many looks, others may be told.
const TELLS: u32 = 2;

/// The loudness that a packet says it has, in decibels above the quietest.
pub(crate) fn loudness(level: i8) -> f32 {
    (LOUDEST - f32::from(level).abs()).max(0.0)
}

/// What is known of all who can be heard in a room.
#[derive(Debug)]
pub(crate) struct Speakers<K> {
    voices: BTreeMap<K, Voice>,
    /// All who have ever spoken, the latest first.
    order: Vec<K>,
    main: Option<K>,
    challenger: Option<(K, u32)>,
    told: Told<K>,
    untold: u32,
}

/// Who speaks now, the loudest first, and all who have ever spoken, the latest first.
type Told<K> = (Vec<K>, Vec<K>);

impl<K> Default for Speakers<K> {
    fn default() -> Self {
        Self {
            voices: BTreeMap::new(),
            order: Vec::new(),
            main: None,
            challenger: None,
            told: (Vec::new(), Vec::new()),
            untold: 0,
        }
    }
}

/// How loud somebody is.
#[derive(Debug, Default)]
struct Voice {
    /// Since the last look. Zero if nothing came: encoders leave out what can't be heard.
    latest: f32,
    loudness: f32,
    /// Whether it was loud at the last looks, the latest in the lowest bit.
    loud: u8,
    is_speaking: bool,
}

impl Voice {
    /// Whether it has begun to speak: it is loud for three looks of four. It ends after five that
    /// are silent, so that one may breathe.
    fn look(&mut self) -> bool {
        let latest = std::mem::take(&mut self.latest);
        self.loudness += (latest - self.loudness) * WEIGHT;
        self.loud = self.loud << 1 | u8::from(latest >= LOUD);
        let spoke = self.is_speaking;
        self.is_speaking = match spoke {
            true => self.loud & 0b1_1111 != 0,
            false => (self.loud & 0b1111).count_ones() >= 3,
        };
        self.is_speaking && !spoke
    }
}

impl<K: Copy + Ord> Speakers<K> {
    /// Somebody was so loud since the last look.
    pub(crate) fn hear(&mut self, who: K, loudness: f32) {
        self.voices.entry(who).or_default().latest = loudness;
    }

    /// Looks at what was heard since the last look, a quarter of a second ago.
    pub(crate) fn look(&mut self) {
        for (who, voice) in &mut self.voices {
            if voice.look() {
                self.order.retain(|other| other != who);
                self.order.insert(0, *who);
            }
        }
        self.choose_main();
        self.untold += 1;
    }

    /// What others should be told, at most twice a second: who speaks now, the loudest first, and
    /// all who have ever spoken, the latest first. `None` if they know.
    pub(crate) fn news(&mut self) -> Option<Told<K>> {
        if self.untold < TELLS {
            return None;
        }
        let now = (self.active(), self.order.clone());
        if now == self.told {
            return None;
        }
        self.untold = 0;
        self.told.clone_from(&now);
        Some(now)
    }

    /// Somebody has left.
    pub(crate) fn forget(&mut self, who: K) {
        self.voices.remove(&who);
        self.order.retain(|other| *other != who);
        self.main = self.main.filter(|main| *main != who);
        self.challenger = None;
    }

    /// Who speaks now, the loudest first. Differences that nobody hears don't count.
    fn active(&self) -> Vec<K> {
        let speaking = self.voices.iter().filter(|(_, voice)| voice.is_speaking);
        let mut active: Vec<(Reverse<u8>, K)> = speaking
            .map(|(who, voice)| (Reverse(step(voice.loudness)), *who))
            .collect();
        active.sort_unstable();
        active.into_iter().map(|(_, who)| who).collect()
    }

    /// All who have ever spoken, the latest first.
    pub(crate) fn order(&self) -> &[K] {
        &self.order
    }

    /// Who is shown large. Nobody, as long as nobody has spoken.
    pub(crate) fn main(&self) -> Option<K> {
        self.main
    }

    fn choose_main(&mut self) {
        let speaking = self.voices.iter().filter(|(_, voice)| voice.is_speaking);
        let loudest =
            speaking.max_by(|(_, one), (_, other)| one.loudness.total_cmp(&other.loudness));
        let Some((&loudest, voice)) = loudest else {
            return;
        };
        let Some(main) = self.main.and_then(|main| self.voices.get(&main)) else {
            self.main = Some(loudest);
            return;
        };
        if !main.is_speaking {
            self.main = Some(loudest);
        } else if voice.loudness < main.loudness + LOUDER {
            self.challenger = None;
        } else {
            let looks = match self.challenger {
                Some((who, looks)) if who == loudest => looks + 1,
                Some(_) | None => 1,
            };
            self.challenger = Some((loudest, looks));
            if looks >= INSISTS {
                self.main = Some(loudest);
                self.challenger = None;
            }
        }
    }
}

/// The loudness in steps of six decibels.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and 127"
)]
fn step(loudness: f32) -> u8 {
    (loudness / LOUDER) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUIET: i8 = -90;

    /// For so many looks, these are so loud; all others send nothing.
    fn run(speakers: &mut Speakers<char>, looks: u32, levels: &[(char, i8)]) {
        for _ in 0..looks {
            for (who, level) in levels {
                speakers.hear(*who, loudness(*level));
            }
            speakers.look();
        }
    }

    #[test]
    fn la4_who_speaks_is_found_within_a_second_and_lost_within_two() {
        let mut speakers = Speakers::default();
        run(&mut speakers, 8, &[('a', QUIET), ('b', QUIET)]);
        assert!(speakers.active().is_empty() && speakers.main().is_none());
        run(&mut speakers, 4, &[('a', -25), ('b', QUIET)]);
        assert_eq!(speakers.active(), ['a']);
        // A breath between two words.
        run(&mut speakers, 1, &[('a', QUIET), ('b', QUIET)]);
        assert_eq!(speakers.active(), ['a']);
        run(&mut speakers, 7, &[('b', QUIET)]);
        assert!(speakers.active().is_empty());
        assert_eq!(speakers.order(), ['a']);
    }

    #[test]
    fn la4_the_loudest_is_named_first_and_the_latest_is_ordered_first() {
        let mut speakers = Speakers::default();
        run(&mut speakers, 8, &[('a', -40), ('b', QUIET)]);
        run(&mut speakers, 8, &[('a', -40), ('b', -20)]);
        assert_eq!(speakers.active(), ['b', 'a']);
        assert_eq!(speakers.order(), ['b', 'a']);
        run(&mut speakers, 8, &[('b', -20)]);
        run(&mut speakers, 8, &[('a', -40), ('b', -20)]);
        assert_eq!(speakers.order(), ['a', 'b']);
    }

    #[test]
    fn la4_others_are_told_twice_a_second_and_only_of_changes() {
        let mut speakers = Speakers::default();
        let mut told = Vec::new();
        for look in 0..40 {
            let level = if look / 8 % 2 == 0 { -20 } else { QUIET };
            run(&mut speakers, 1, &[('a', level), ('b', -30)]);
            told.extend(speakers.news().map(|news| (look, news)));
        }
        assert!(told.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 2));
        assert!(told.windows(2).all(|pair| pair[1].1 != pair[0].1));
        assert!((4..10).contains(&told.len()), "{told:?}");
    }

    #[test]
    fn la5_a_cough_does_not_take_over_but_a_louder_speaker_does() {
        let mut speakers = Speakers::default();
        run(&mut speakers, 8, &[('a', -35)]);
        run(&mut speakers, 2, &[('a', -35), ('b', -5)]);
        run(&mut speakers, 6, &[('a', -35), ('b', QUIET)]);
        assert_eq!(speakers.main(), Some('a'));
        run(&mut speakers, 8, &[('a', -35), ('b', -32)]);
        assert_eq!(speakers.main(), Some('a'), "just as loud");
        run(&mut speakers, 10, &[('a', -35), ('b', -10)]);
        assert_eq!(speakers.main(), Some('b'));
        run(&mut speakers, 8, &[('b', QUIET)]);
        assert_eq!(speakers.main(), Some('b'), "nobody else speaks");
        run(&mut speakers, 4, &[('a', -35)]);
        assert_eq!(speakers.main(), Some('a'));
    }

    #[test]
    fn la4_who_leaves_is_forgotten() {
        let mut speakers = Speakers::default();
        run(&mut speakers, 8, &[('a', -20)]);
        speakers.forget('a');
        assert!(speakers.active().is_empty() && speakers.order().is_empty());
        assert_eq!(speakers.main(), None);
    }

    proptest! {
        #[test]
        fn la4_all_who_speak_now_have_spoken(
            looks in proptest::collection::vec(
                proptest::collection::vec((proptest::char::range('a', 'e'), any::<i8>()), 0..20),
                0..60,
            )
        ) {
            let mut speakers = Speakers::default();
            for packets in looks {
                for (who, level) in packets {
                    speakers.hear(who, loudness(level));
                }
                speakers.look();
                let mut order = speakers.order().to_vec();
                for who in speakers.active().into_iter().chain(speakers.main()) {
                    prop_assert!(order.contains(&who));
                }
                let length = order.len();
                order.sort_unstable();
                order.dedup();
                prop_assert_eq!(order.len(), length, "somebody is named twice");
            }
        }
    }
}
