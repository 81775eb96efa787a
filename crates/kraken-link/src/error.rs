//! What can be wrong with a frame.

/// A violation of the link protocol by the peer. The link is of no more use after one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The frame doesn't begin with [`FRAME_MARK`](crate::FRAME_MARK).
    #[error("not a link frame")]
    NotAFrame,
    /// The frame is shorter than its header.
    #[error("frame of {0} bytes is shorter than its header")]
    ShortHeader(usize),
    /// The frame is larger than [`MAX_FRAME`](crate::MAX_FRAME).
    #[error("frame of {0} bytes is too large")]
    FrameTooLarge(usize),
    /// A frame is missing, repeated, or of an older link.
    #[error("expected frame {expected}, got {got}")]
    Gap {
        /// The number that follows the last frame.
        expected: u32,
        /// The number of the frame.
        got: u32,
    },
    /// A frame that carries records has number 0, or one with a number carries none.
    #[error("frame {0} has the wrong kind of content")]
    Content(u32),
    /// The peer sent more than this side allows without acknowledgement.
    #[error("frame {0} overruns the window")]
    WindowOverrun(u32),
    /// The acknowledgement goes backwards, or is for a frame that was never sent.
    #[error("acknowledgement of frame {0}, which is not in flight")]
    AckOfUnsent(u32),
    /// No record of this direction has this kind.
    #[error("unknown record kind {0:#04x}")]
    UnknownKind(u8),
    /// A record or a field of it ends too early.
    #[error("truncated record")]
    Truncated,
    /// A record of this kind has bytes after its last field.
    #[error("record of kind {0:#04x} has trailing bytes")]
    TrailingBytes(u8),
    /// The record is larger than [`MAX_RECORD`](crate::MAX_RECORD). Also returned for an own record
    /// that was given to [`Endpoint::queue`](crate::Endpoint::queue).
    #[error("record of {0} bytes is too large")]
    RecordTooLarge(usize),
    /// A message of or for the media engine is larger than
    /// [`MAX_ENGINE_MESSAGE`](crate::MAX_ENGINE_MESSAGE).
    #[error("message of {0} bytes of or for the media engine is too large")]
    EngineMessage(usize),
    /// A varint is longer than its value needs, or its value than 32 bits.
    #[error("malformed varint")]
    Varint,
    /// A string isn't UTF-8.
    #[error("string is not UTF-8")]
    Utf8,
    /// A flag is neither 0 nor 1.
    #[error("flag has value {0}")]
    Flag(u8),
    /// A part isn't alone in its frame, or the parts of a record are interrupted.
    #[error("part out of place")]
    PartOutOfPlace,
}
