//! Data channels of a call's members: which there are, what a message says, and how much a member
//! may send.

use std::time::{Duration, Instant};
use str0m::channel::ChannelId;

/// Bytes of one message, without the names around it.
pub(crate) const LONGEST_MESSAGE: usize = 16 * 1024;
/// Bytes of one message with the names around it.
pub(crate) const LONGEST_FRAME: usize = LONGEST_MESSAGE + 256;
/// Bytes that may wait for a receiver in one channel.
pub(crate) const MOST_WAITING: usize = 1024 * 1024;
/// What a message costs besides its bytes, so that small ones aren't free.
const MESSAGE_COST: u64 = 512;
/// What a member may send in a second.
const RATE: u64 = 512 * 1024;
/// What a member may send at once after a pause.
const BURST: u64 = 1024 * 1024;

/// The channels that a member may open. What comes on one goes out on the same one of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Nothing is lost and all comes in order, as long as the receiver keeps up.
    Reliable,
    /// The newest matters: whatever doesn't fit is lost.
    Lossy,
}

impl Lane {
    fn of(label: &str) -> Option<Self> {
        match label {
            "reliable" => Some(Self::Reliable),
            "lossy" => Some(Self::Lossy),
            _ => None,
        }
    }
}

/// The channels that a member has opened.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    reliable: Option<ChannelId>,
    lossy: Option<ChannelId>,
    budget: Budget,
}

impl Channels {
    /// A channel has been opened. False if there is no use for it.
    pub(crate) fn open(&mut self, id: ChannelId, label: &str) -> bool {
        let place = match Lane::of(label) {
            Some(Lane::Reliable) => &mut self.reliable,
            Some(Lane::Lossy) => &mut self.lossy,
            None => return false,
        };
        let is_first = place.is_none();
        if is_first {
            *place = Some(id);
        }
        is_first
    }

    pub(crate) fn close(&mut self, id: ChannelId) {
        for place in [&mut self.reliable, &mut self.lossy] {
            place.take_if(|open| *open == id);
        }
    }

    pub(crate) fn id(&self, lane: Lane) -> Option<ChannelId> {
        match lane {
            Lane::Reliable => self.reliable,
            Lane::Lossy => self.lossy,
        }
    }

    pub(crate) fn lane(&self, id: ChannelId) -> Option<Lane> {
        let lanes = [Lane::Reliable, Lane::Lossy];
        lanes.into_iter().find(|lane| self.id(*lane) == Some(id))
    }

    /// Whether the member may send so many bytes now.
    pub(crate) fn afford(&mut self, now: Instant, bytes: usize) -> bool {
        self.budget.spend(now, bytes as u64 + MESSAGE_COST)
    }
}

/// What is left to send, which fills up with time.
#[derive(Debug)]
struct Budget {
    left: u64,
    filled: Option<Instant>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            left: BURST,
            filled: None,
        }
    }
}

impl Budget {
    fn spend(&mut self, now: Instant, cost: u64) -> bool {
        self.fill(now);
        let left = self.left.checked_sub(cost);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    fn fill(&mut self, now: Instant) {
        let filled = *self.filled.get_or_insert(now);
        let passed = now.saturating_duration_since(filled);
        // By whole milliseconds, so that many small steps lose nothing.
        let passed = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        if passed > 0 {
            self.filled = Some(filled + Duration::from_millis(passed));
            let gained = passed.saturating_mul(RATE) / 1_000;
            self.left = self.left.saturating_add(gained).min(BURST);
        }
    }
}

/// A message of a member.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// To whom; to everybody if nobody is named.
    pub(crate) receiver: Option<&'a [u8]>,
    pub(crate) payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads the length of the receiver's name in one byte, the name, and the rest.
    pub(crate) fn parse(frame: &'a [u8]) -> Option<Self> {
        let (length, rest) = frame.split_first()?;
        let (receiver, payload) = rest.split_at_checked(usize::from(*length))?;
        (payload.len() <= LONGEST_MESSAGE).then_some(Self {
            receiver: (!receiver.is_empty()).then_some(receiver),
            payload,
        })
    }

    /// What receivers get: the length of the sender's name in one byte, the name, and the rest.
    /// `None` if the name is too long.
    pub(crate) fn framed(&self, sender: &str) -> Option<Vec<u8>> {
        let length = u8::try_from(sender.len()).ok()?;
        let mut frame = Vec::with_capacity(1 + sender.len() + self.payload.len());
        frame.push(length);
        frame.extend_from_slice(sender.as_bytes());
        frame.extend_from_slice(self.payload);
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ce9_a_message_names_its_receiver_and_its_sender() {
        let message = Message::parse(b"\x03bobhello").unwrap();
        assert_eq!(message.receiver, Some(&b"bob"[..]));
        assert_eq!(message.framed("alice").unwrap(), b"\x05alicehello");
        let message = Message::parse(b"\x00hello").unwrap();
        assert_eq!((message.receiver, message.payload), (None, &b"hello"[..]));
        assert_eq!(Message::parse(b""), None);
        assert_eq!(Message::parse(b"\x04bob"), None);
        assert_eq!(Message::parse(&[0; LONGEST_MESSAGE + 2]), None);
    }

    #[test]
    fn ce10_what_a_member_sends_is_bounded() {
        let start = Instant::now();
        let mut budget = Budget::default();
        let mut sent = |now| (0..10_000).filter(|_| budget.spend(now, 1_024)).count();
        assert_eq!(sent(start), 1_024);
        assert_eq!(sent(start + Duration::from_micros(1_000_900)), 512);
        assert_eq!(sent(start + Duration::from_secs(1_000)), 1_024);
    }
}
