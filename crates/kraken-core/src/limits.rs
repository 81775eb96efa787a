//! Every bound of the core, with its default.

use crate::doc::AwarenessLimits;

/// What one process allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one WebSocket message on a document. Default 16 MiB; over it the connection is
    /// closed with [`crate::close::TOO_LARGE`].
    pub message_bytes: u32,
    /// Bytes of one document as stored, roughly. Default 32 MiB; an update over it closes its
    /// connection with [`crate::close::TOO_LARGE`].
    pub document_bytes: usize,
    /// Awareness of one room. Default 4,096 states of 64 KiB; over it as above.
    pub awareness: AwarenessLimits,
    /// Bytes that wait for storage in one app. Default 32 MiB; over it no more input is taken
    /// ([`crate::Core::is_congested`]), or, if storage fails, the writer is closed with
    /// [`crate::close::TRY_AGAIN`].
    pub unstored_bytes: usize,
    /// Bytes of messages that wait for a room to load. Default 8 MiB; over it the sender is
    /// closed with [`crate::close::TRY_AGAIN`].
    pub waiting_bytes: usize,
    /// Milliseconds that a room without connections stays in memory. Default 30,000.
    pub room_grace: u64,
    /// Segments of one room before they are compacted into a snapshot. Default 2,048.
    pub segments: u64,
    /// Bytes of segments, beyond the size of the last snapshot, before they are compacted.
    /// Default 128 KiB.
    pub segment_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 16 << 20,
            document_bytes: 32 << 20,
            awareness: AwarenessLimits {
                entries: 4096,
                state_bytes: 64 << 10,
            },
            unstored_bytes: 32 << 20,
            waiting_bytes: 8 << 20,
            room_grace: 30_000,
            segments: 2_048,
            segment_bytes: 128 << 10,
        }
    }
}
