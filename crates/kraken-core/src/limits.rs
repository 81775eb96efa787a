//! Every bound of the core, with its default.

use kraken_call::RoomLimits;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Map;

/// What one process allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections in all. Default 100,000; over it a handshake is answered with 503.
    pub connections: u32,
    /// Rooms in memory, in all. Default 50,000; over it as above.
    pub rooms: u32,
    /// What each app may do unless it has limits of its own.
    pub app: AppLimits,
    /// Bytes that wait for storage in one app. Default 32 MiB; over it no more input is taken
    /// ([`crate::Core::is_congested`]), or, if storage fails, the writer is closed with
    /// [`crate::close::TRY_AGAIN`].
    pub unstored_bytes: usize,
    /// Bytes of messages that wait for a room to load. Default 8 MiB; over it the sender is
    /// closed with [`crate::close::TRY_AGAIN`].
    pub waiting_bytes: usize,
    /// Milliseconds that a room without connections stays in memory. Default 30,000.
    pub room_grace: u64,
    /// Rooms without connections that stay for so long: of more, those that were left first go
    /// before. Default 1,024.
    pub left_rooms: usize,
    /// Segments of one room before they are compacted into a snapshot. Default 2,048.
    pub segments: u64,
    /// Bytes of segments, beyond the size of the last snapshot, before they are compacted.
    /// Default 128 KiB.
    pub segment_bytes: usize,
}

/// What one app may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppLimits {
    /// Connections. Default 10,000; over it a handshake is answered with 429.
    pub connections: u32,
    /// Rooms in memory. Default 10,000; over it a handshake is answered with 503.
    pub rooms: u32,
    /// Bytes of one message. Default 16 MiB; over it the connection is closed with
    /// [`crate::close::TOO_LARGE`].
    pub message_bytes: u32,
    /// Bytes of one document as stored, roughly. Default 32 MiB; an update over it closes its
    /// connection with [`crate::close::TOO_LARGE`].
    pub document_bytes: u32,
    /// Awareness states in one room. Default 4,096; over it as above.
    pub awareness_states: u32,
    /// Bytes of one awareness state. Default 64 KiB; over it as above.
    pub awareness_state_bytes: u32,
    /// Messages a second of one connection, in the long run; ten seconds' worth may come at
    /// once. Default 2,000; over it the connection is read more slowly, and closed with
    /// [`crate::close::TOO_FAST`] when it doesn't stop for a minute.
    pub messages_per_second: u32,
    /// Bytes a second of one connection. Default 8 MiB; over it as above.
    pub bytes_per_second: u32,
    /// Members of one call. Default 50; over it nobody can join.
    pub call_peers: u32,
    /// Members of one call that publish. Default 25; over it nobody else can.
    pub call_publishers: u32,
    /// Bits a second that one member of a call is sent at most. Default 8,000,000.
    pub call_bitrate: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            rooms: 50_000,
            app: AppLimits::default(),
            unstored_bytes: 32 << 20,
            waiting_bytes: 8 << 20,
            room_grace: 30_000,
            left_rooms: 1_024,
            segments: 2_048,
            segment_bytes: 128 << 10,
        }
    }
}

impl Default for AppLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            rooms: 10_000,
            message_bytes: 16 << 20,
            document_bytes: 32 << 20,
            awareness_states: 4_096,
            awareness_state_bytes: 64 << 10,
            messages_per_second: 2_000,
            bytes_per_second: 8 << 20,
            call_peers: 50,
            call_publishers: 25,
            call_bitrate: 8_000_000,
        }
    }
}

/// The limits that an owner has set for one app; the others are the server's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppLimitSettings {
    /// [`AppLimits::connections`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// [`AppLimits::rooms`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<u32>,
    /// [`AppLimits::message_bytes`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_bytes: Option<u32>,
    /// [`AppLimits::document_bytes`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_bytes: Option<u32>,
    /// [`AppLimits::awareness_states`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awareness_states: Option<u32>,
    /// [`AppLimits::awareness_state_bytes`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awareness_state_bytes: Option<u32>,
    /// [`AppLimits::messages_per_second`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_per_second: Option<u32>,
    /// [`AppLimits::bytes_per_second`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u32>,
    /// [`AppLimits::call_peers`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_peers: Option<u32>,
    /// [`AppLimits::call_publishers`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_publishers: Option<u32>,
    /// [`AppLimits::call_bitrate`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_bitrate: Option<u32>,
}

/// The limits that an owner has set for the whole server: those for all apps, and, beside them,
/// what holds for all together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LimitSettings {
    /// [`Limits::connections`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_connections: Option<u32>,
    /// [`Limits::rooms`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_rooms: Option<u32>,
    /// What each app may do unless it has limits of its own.
    #[serde(flatten)]
    pub app: AppLimitSettings,
}

/// By hand, since a flattened field would let unknown ones pass.
impl<'de> Deserialize<'de> for LimitSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let mut total = |name| {
            let value = fields.remove(name).unwrap_or_default();
            serde_json::from_value(value).map_err(D::Error::custom)
        };
        Ok(Self {
            total_connections: total("total_connections")?,
            total_rooms: total("total_rooms")?,
            app: serde_json::from_value(fields.into()).map_err(D::Error::custom)?,
        })
    }
}

/// The largest message that may be allowed, in bytes: the link carries no larger one.
const MAX_MESSAGE_BYTES: u32 = 64 << 20;
/// The largest document that may be allowed, in bytes: a component has 4 GiB for everything.
const MAX_DOCUMENT_BYTES: u32 = 512 << 20;

/// The most members that a call may be allowed: each hears of all others in one message.
const MAX_CALL_PEERS: u32 = 200;

impl AppLimits {
    /// These, but for what `settings` say.
    pub(crate) fn with(self, settings: &AppLimitSettings) -> Self {
        let or = |own: Option<u32>, default| own.unwrap_or(default);
        Self {
            connections: or(settings.connections, self.connections),
            rooms: or(settings.rooms, self.rooms),
            message_bytes: or(settings.message_bytes, self.message_bytes),
            document_bytes: or(settings.document_bytes, self.document_bytes),
            awareness_states: or(settings.awareness_states, self.awareness_states),
            awareness_state_bytes: or(settings.awareness_state_bytes, self.awareness_state_bytes),
            messages_per_second: or(settings.messages_per_second, self.messages_per_second),
            bytes_per_second: or(settings.bytes_per_second, self.bytes_per_second),
            call_peers: or(settings.call_peers, self.call_peers),
            call_publishers: or(settings.call_publishers, self.call_publishers),
            call_bitrate: or(settings.call_bitrate, self.call_bitrate),
        }
    }

    /// What a call may have.
    pub(crate) fn call(&self) -> RoomLimits {
        RoomLimits {
            peers: self.call_peers,
            publishers: self.call_publishers,
            bitrate: self.call_bitrate.into(),
        }
    }
}

impl Limits {
    /// These, but for what `settings` say.
    pub(crate) fn with(self, settings: &LimitSettings) -> Self {
        Self {
            connections: settings.total_connections.unwrap_or(self.connections),
            rooms: settings.total_rooms.unwrap_or(self.rooms),
            app: self.app.with(&settings.app),
            ..self
        }
    }
}

impl AppLimitSettings {
    /// Says which limit can't be what it is set to.
    pub(crate) fn check(&self) -> Result<(), String> {
        check([
            ("connections", self.connections, u32::MAX),
            ("rooms", self.rooms, u32::MAX),
            ("message_bytes", self.message_bytes, MAX_MESSAGE_BYTES),
            ("document_bytes", self.document_bytes, MAX_DOCUMENT_BYTES),
            ("awareness_states", self.awareness_states, u32::MAX),
            (
                "awareness_state_bytes",
                self.awareness_state_bytes,
                MAX_MESSAGE_BYTES,
            ),
            ("messages_per_second", self.messages_per_second, u32::MAX),
            ("bytes_per_second", self.bytes_per_second, u32::MAX),
            ("call_peers", self.call_peers, MAX_CALL_PEERS),
            ("call_publishers", self.call_publishers, u32::MAX),
            ("call_bitrate", self.call_bitrate, u32::MAX),
        ])
    }
}

impl LimitSettings {
    /// Says which limit can't be what it is set to.
    pub(crate) fn check(&self) -> Result<(), String> {
        check([
            ("total_connections", self.total_connections, u32::MAX),
            ("total_rooms", self.total_rooms, u32::MAX),
        ])?;
        self.app.check()
    }
}

fn check<const N: usize>(limits: [(&str, Option<u32>, u32); N]) -> Result<(), String> {
    for (name, value, most) in limits {
        if value.is_some_and(|value| value == 0 || value > most) {
            return Err(format!("{name} is a number from 1 to {most}"));
        }
    }
    Ok(())
}
