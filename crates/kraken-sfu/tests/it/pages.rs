//! A room with the original's pages.

use crate::network::Weather;
use crate::page::Page;
use crate::world::World;
use kraken_sfu::{Error, RoomId};
use str0m::media::MediaKind;

pub(crate) type Pages = World<Page>;

pub(crate) const AUDIO: &[MediaKind] = &[MediaKind::Audio];
pub(crate) const BOTH: &[MediaKind] = &[MediaKind::Audio, MediaKind::Video];

impl World<Page> {
    /// A room that these users have joined.
    pub(crate) fn with(seed: u64, weather: Weather, users: &[&str], kinds: &[MediaKind]) -> Self {
        let mut pages = Self::new(seed, weather);
        for user in users {
            pages.join(user, kinds);
        }
        pages
    }

    pub(crate) fn join(&mut self, user: &str, kinds: &[MediaKind]) {
        let index = self.next_index();
        let joined = Page::join(&mut self.sfu, self.now, index, user, kinds);
        self.clients.insert(user.to_owned(), joined.unwrap());
        self.carry();
    }

    /// The user's machine is gone without a word.
    pub(crate) fn kill(&mut self, user: &str) -> Page {
        self.stop_polling(user);
        self.clients.remove(user).unwrap()
    }

    pub(crate) fn end(&mut self, user: &str) {
        let who = &self.clients[user].who;
        self.sfu.end(self.now, who).unwrap();
        self.stop_polling(user);
        self.carry();
    }

    /// The user's page looks for new network paths.
    pub(crate) fn restart(&mut self, user: &str) {
        let page = self.clients.get_mut(user).unwrap();
        page.restart(&mut self.sfu, self.now);
        self.carry();
    }

    /// The user's page no longer polls by itself.
    pub(crate) fn stop_polling(&mut self, user: &str) {
        self.client_mut(user).poll = None;
    }

    pub(crate) fn subscribe(&mut self, user: &str) -> Result<bool, Error> {
        let page = self.clients.get_mut(user).unwrap();
        let subscribed = page.subscribe(&mut self.sfu, self.now);
        self.carry();
        subscribed
    }

    pub(crate) fn members(&self) -> Vec<String> {
        let room = RoomId::parse("room").unwrap();
        let members = self.sfu.list(self.now, &room);
        members
            .iter()
            .map(|member| member.user.to_string())
            .collect()
    }
}
