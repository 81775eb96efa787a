//! What members of a call see of each other's cameras.

use crate::client::Client;
use crate::film::{Screening, Shot};
use crate::member::Member;
use crate::world::World;
use kraken_sfu::{TrackSource, TrackWish};
use std::time::Duration;

impl World<Member> {
    /// A user shows the camera of another so large; nothing if not at all.
    pub(crate) fn show(&mut self, viewer: &str, filmer: &str, size: Option<(u32, u32)>) {
        let (width, height) = size.unwrap_or_default();
        let wish = TrackWish {
            track: self.track(filmer, TrackSource::Camera),
            is_enabled: size.is_some(),
            width,
            height,
        };
        let who = &self.clients[viewer].who;
        self.sfu.receive(self.now, who, vec![wish]).unwrap();
        self.carry();
    }

    /// From now on, a user's connection takes only so many bits a second from the SFU.
    pub(crate) fn cap(&mut self, user: &str, bitrate: Option<u64>) {
        let address = self.client(user).connection().address;
        self.network.cap(address, bitrate, self.now);
    }

    /// What a user has seen of another's camera.
    pub(crate) fn film(&self, viewer: &str, filmer: &str) -> &[Shot] {
        let camera = self.track(filmer, TrackSource::Camera);
        let films = &self.client(viewer).films;
        films.get(&camera).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn screening(&self, viewer: &str, filmer: &str) -> Screening {
        Screening::of(self.film(viewer, filmer))
    }

    /// The layer of which a packet came last, if one came just now.
    pub(crate) fn layer(&self, viewer: &str, filmer: &str) -> Option<u8> {
        let last = self.film(viewer, filmer).last()?;
        let is_late = self.now.duration_since(last.at) > Duration::from_millis(500);
        (!is_late).then_some(last.layer)
    }

    /// Lets time pass until a user is sent this layer of another's camera.
    pub(crate) fn await_layer(&mut self, viewer: &str, filmer: &str, layer: u8) {
        let end = self.now + Duration::from_secs(60);
        while self.layer(viewer, filmer) != Some(layer) {
            assert!(
                self.now < end,
                "{viewer} isn't sent layer {layer} of {filmer}"
            );
            self.run(Duration::from_millis(250));
        }
    }
}
