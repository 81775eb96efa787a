//! What all clients have in common.

use crate::connection::Connection;
use crate::network::Packet;
use kraken_sfu::{News, Sfu};
use std::time::{Duration, Instant};
use str0m::Event;

/// A client of the SFU, as the world sees it.
pub(crate) trait Client {
    fn connection(&self) -> &Connection;

    fn connection_mut(&mut self) -> &mut Connection;

    /// Between two frames of what it sends.
    fn pause(&self) -> Duration;

    fn send_frame(&mut self, now: Instant);

    fn handle_event(&mut self, now: Instant, event: Event);

    /// When there is something to do.
    fn next(&self) -> Instant {
        self.connection().next()
    }

    /// Asks the SFU for what the client wants to know by now.
    fn ask(&mut self, _sfu: &mut Sfu, _now: Instant) {}

    /// Hears what everybody in a call is told.
    fn hear(&mut self, _sfu: &mut Sfu, _now: Instant, _news: &News) {}

    /// Sends a frame if it is time for one, and lets the connection run.
    fn tick(&mut self, now: Instant) {
        let pause = self.pause();
        if self.connection_mut().begin_frame(now, pause) {
            self.send_frame(now);
        }
        self.connection_mut().handle_timeout(now);
        self.drain(now);
    }

    fn receive(&mut self, now: Instant, packet: &Packet) {
        self.connection_mut().receive(now, packet);
        self.drain(now);
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.connection_mut().poll_event() {
            self.handle_event(now, event);
        }
    }
}
