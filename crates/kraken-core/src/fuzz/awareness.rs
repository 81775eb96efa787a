//! Awareness entries.

use crate::doc::message::Reader;
use crate::doc::{Awareness, AwarenessLimits, News, Voice};
use crate::ids::{ConnectionId, Timestamp};
use std::ops::ControlFlow;

const LIMITS: AwarenessLimits = AwarenessLimits {
    entries: 8,
    state_bytes: 64,
};
const NO_LIMITS: AwarenessLimits = AwarenessLimits {
    entries: usize::MAX,
    state_bytes: usize::MAX,
};
/// Milliseconds, after which removals are forgotten, by the room and not by who listens.
const LONGEST: u64 = 59_000;

/// Does what connections do, one byte for what: a message behind its length, a break, or time that
/// passes. Who hears the news, and nothing else, knows what the room knows.
pub fn awareness(data: &[u8]) {
    let mut room = Room {
        awareness: Awareness::default(),
        listener: Awareness::default(),
        now: Timestamp(0),
    };
    let mut reader = Reader::new(data);
    while room.step(&mut reader).is_continue() {
        let heard = room.listener.encode_all();
        assert_eq!(room.awareness.encode_all(), heard, "news was withheld");
    }
}

struct Room {
    awareness: Awareness,
    listener: Awareness,
    now: Timestamp,
}

impl Room {
    fn step(&mut self, reader: &mut Reader<'_>) -> ControlFlow<()> {
        let Ok(what) = reader.u8() else {
            return ControlFlow::Break(());
        };
        let connection = ConnectionId(u64::from(what & 3));
        let voice = match what & 4 {
            0 => Voice::Own,
            _ => Voice::Any,
        };
        match what >> 3 {
            0 => self.awareness.orphan(connection, self.now),
            1 => return self.wait(reader),
            _ => {
                let Ok(message) = reader.var_bytes() else {
                    return ControlFlow::Break(());
                };
                self.take(connection, voice, message);
            }
        }
        ControlFlow::Continue(())
    }

    fn wait(&mut self, reader: &mut Reader<'_>) -> ControlFlow<()> {
        let millis = reader.u8().map_or(0, |tenths| u64::from(tenths) * 100);
        self.now = self.now.after(millis);
        if self.now > Timestamp(LONGEST) {
            return ControlFlow::Break(());
        }
        if let Some(gone) = self.awareness.expire(self.now) {
            self.tell(&gone);
        }
        ControlFlow::Continue(())
    }

    fn take(&mut self, connection: ConnectionId, voice: Voice, message: &[u8]) {
        let before = self.awareness.encode_all();
        let taken = self
            .awareness
            .apply(connection, voice, message, LIMITS, self.now);
        match taken {
            Ok(News::All) => self.tell(message),
            Ok(News::Some(news)) => self.tell(&news),
            Ok(News::Nothing) | Err(_) => {
                assert_eq!(self.awareness.encode_all(), before, "changed by no news");
            }
        }
    }

    fn tell(&mut self, news: &[u8]) {
        let told = self
            .listener
            .apply(ConnectionId(9), Voice::Any, news, NO_LIMITS, self.now);
        assert_eq!(told, Ok(News::All), "told what is no news");
    }
}
