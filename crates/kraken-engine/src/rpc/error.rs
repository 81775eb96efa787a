//! Errors as clients get them.

use crate::worker::Overloaded;
use serde_json::{Value, json};

/// What is wrong, as a number that clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidParams = 5_001_000,
    InvalidSdp = 5_001_001,
    InvalidCandidate = 5_001_002,
    RoomFull = 5_002_000,
    PeerNotFound = 5_002_001,
    TrackNotFound = 5_002_003,
    NewPeerConnection = 5_003_000,
    SetRemoteOffer = 5_003_005,
    SetRemoteAnswer = 5_003_008,
    Timeout = 5_003_999,
}

/// Why a call has no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RpcError {
    /// What is wrong, and what it means here.
    Coded { code: Code, description: String },
    /// There is no such method. The original has no words for that.
    UnknownMethod,
}

impl Code {
    pub(crate) fn error(self, description: impl Into<String>) -> RpcError {
        RpcError::Coded {
            code: self,
            description: description.into(),
        }
    }

    /// Whose fault it is: 202 for the client's, 500 for the server's. The HTTP status is always
    /// 200.
    fn status(self) -> u16 {
        match self {
            Self::InvalidParams
            | Self::InvalidSdp
            | Self::InvalidCandidate
            | Self::RoomFull
            | Self::PeerNotFound
            | Self::TrackNotFound => 202,
            Self::NewPeerConnection
            | Self::SetRemoteOffer
            | Self::SetRemoteAnswer
            | Self::Timeout => 500,
        }
    }
}

impl RpcError {
    pub(crate) fn body(&self) -> Value {
        match self {
            Self::Coded { code, description } => json!({
                "status": code.status(),
                "code": *code as u32,
                "description": description,
            }),
            Self::UnknownMethod => json!({}),
        }
    }
}

impl From<kraken_sfu::Error> for RpcError {
    fn from(error: kraken_sfu::Error) -> Self {
        use kraken_sfu::Error;
        let code = match &error {
            Error::RoomFull(_) | Error::EngineFull(_) => Code::RoomFull,
            Error::PeerNotFound { .. } => Code::PeerNotFound,
            Error::SessionMismatch { .. } => Code::TrackNotFound,
            Error::InvalidSdp(_) => Code::InvalidSdp,
            Error::OfferRefused(_) => Code::SetRemoteOffer,
            Error::AnswerRefused(_) | Error::NothingOffered => Code::SetRemoteAnswer,
            Error::InvalidCandidate(_) => Code::InvalidCandidate,
            // Nothing that can be asked here is about a call.
            Error::Call(_) => Code::InvalidParams,
        };
        code.error(error.to_string())
    }
}

impl From<Overloaded> for RpcError {
    fn from(Overloaded: Overloaded) -> Self {
        Code::Timeout.error("the engine is overloaded: try again later")
    }
}
