//! How much may be on its way, and when it has to be acknowledged.

/// An amount of frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

const MIB: usize = 1024 * 1024;

/// What the sidecar may have unacknowledged. Small, as it fills the memory of a WASM process.
/// The last frame may pass the bytes by its own size.
pub(crate) const SIDECAR_TO_PROCESS: Window = Window {
    frames: 4,
    bytes: 4 * MIB,
};

/// What the process may have unacknowledged. Below the 100 messages that a node queues for one
/// socket, since a push to a full queue would block the node.
pub(crate) const PROCESS_TO_SIDECAR: Window = Window {
    frames: 64,
    bytes: 8 * MIB,
};

/// The process acknowledges every frame, so that the small window is open again soon.
pub(crate) const PROCESS_ACKS: Window = Window {
    frames: 1,
    bytes: 0,
};

/// The sidecar acknowledges at the latest after this much, well before the window closes.
pub(crate) const SIDECAR_ACKS: Window = Window {
    frames: 16,
    bytes: 2 * MIB,
};

impl Window {
    /// Whether another frame may follow these.
    pub(crate) fn admits(&self, frames: usize, bytes: usize) -> bool {
        frames < self.frames && bytes < self.bytes
    }

    /// Whether these are to be acknowledged.
    pub(crate) fn is_due(&self, frames: usize, bytes: usize) -> bool {
        frames > 0 && (frames >= self.frames || bytes >= self.bytes)
    }
}
