//! When stores come into memory, and when they leave it.

use super::rendezvous::Rendezvous;
use super::room::{Content, Store};
use super::{OWN_TOPIC, Purpose, Stores, Timer};
use crate::Effect;
use crate::ids::{StoreName, Timestamp, TopicId};

impl Stores {
    pub(super) fn open(
        &mut self,
        purpose: Purpose,
        name: &StoreName,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> TopicId {
        let key = (purpose, name.clone());
        if let Some(&topic) = self.topics.get(&key) {
            return topic;
        }
        self.last_topic += 1;
        let topic = TopicId(OWN_TOPIC | self.last_topic);
        self.topics.insert(key, topic);
        match purpose {
            Purpose::Signal => {
                self.signalling.insert(topic, Rendezvous::new(topic));
            }
            Purpose::Sync => {
                let store = Store::new(name.clone(), topic, self.policy.persist, now);
                self.stores.insert(topic, store);
                if self.policy.persist {
                    self.ask_size(topic, now, effects);
                }
            }
        }
        topic
    }

    /// Lets a store leave memory that nobody has missed for a while and that is stored.
    pub(super) fn let_go(&mut self, topic: TopicId, now: Timestamp) {
        let Some(store) = self.stores.get(&topic) else {
            return;
        };
        if !store.members.is_empty() {
            return;
        }
        if store.is_stored() && store.end(self.grace) <= now {
            self.forget(topic);
            return;
        }
        // Something that can't go yet is asked again after a moment, not at once.
        let at = store
            .end(self.grace)
            .max(now.after(crate::doc::WRITE_WINDOW));
        self.timers.set(Timer::Store(topic), at);
    }

    /// Lets all stores go, as soon as they are stored. Whoever comes finds new ones.
    pub(super) fn retire_all(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.topics
            .retain(|(purpose, _), _| *purpose == Purpose::Signal);
        for store in self.stores.values_mut() {
            store.empty_since = Timestamp(0);
            self.retired.insert((store.name.clone(), store.topic));
            self.timers.set(Timer::Store(store.topic), now);
        }
        self.flush(now, effects);
    }

    /// Whether an earlier store of this name isn't stored yet, or is being deleted.
    pub(super) fn is_taken(&self, name: &StoreName, topic: TopicId) -> bool {
        let earlier = (name.clone(), TopicId(0))..(name.clone(), topic);
        self.removing.contains_key(name) || self.retired.range(earlier).next().is_some()
    }

    pub(super) fn forget(&mut self, topic: TopicId) {
        if let Some(store) = self.stores.remove(&topic) {
            match &store.content {
                Content::Relay => {}
                Content::Opening(opening) => self.waiting -= opening.bytes(),
                Content::Kept(journal) => {
                    self.log.unstored -= journal.untaken_bytes();
                    self.held -= journal.held();
                }
            }
            self.retired.remove(&(store.name.clone(), topic));
            let key = (Purpose::Sync, store.name);
            if self.topics.get(&key) == Some(&topic) {
                self.topics.remove(&key);
            }
            self.timers.clear(&Timer::Store(topic));
            self.timers.clear(&Timer::Open(topic));
            self.log.dirty.remove(&topic);
        }
    }
}
