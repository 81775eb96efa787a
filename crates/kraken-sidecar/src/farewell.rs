//! How the connection to a client ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::incoming::{Incoming, Input};
use crate::metrics::Cause;
use crate::writing::Writing;

/// The close code of a close frame without one.
const NO_CODE: u16 = 1005;

/// Bytes read at a time when they are thrown away.
const SCRATCH: usize = 16 * 1024;

/// Why a client's task is done.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The connection broke.
    Lost,
    /// The client fell silent.
    Silent,
    /// The client has sent a close frame, maybe with a code.
    ByClient { code: Option<u16> },
    /// The client gets a close frame.
    Close {
        code: u16,
        reason: String,
        cause: Cause,
    },
    /// The client gets a close frame, and what it sends is no longer understood.
    Broken {
        code: u16,
        reason: String,
        cause: Cause,
    },
    /// The client was to be closed, but didn't read what came before.
    Stuck { code: u16, cause: Cause },
}

impl Ending {
    /// What the process is told.
    pub(crate) fn code(&self) -> u16 {
        match self {
            Self::Lost | Self::Silent => 0,
            Self::ByClient { code } => code.unwrap_or(NO_CODE),
            Self::Close { code, .. } | Self::Broken { code, .. } | Self::Stuck { code, .. } => {
                *code
            }
        }
    }

    /// The same for a client that didn't read up to its close frame.
    pub(crate) fn stuck(&self) -> Self {
        Self::Stuck {
            code: self.code(),
            cause: self.cause(),
        }
    }

    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Lost => Cause::Lost,
            Self::Silent => Cause::PingTimeout,
            Self::ByClient { .. } => Cause::Client,
            Self::Close { cause, .. } | Self::Broken { cause, .. } | Self::Stuck { cause, .. } => {
                *cause
            }
        }
    }
}

/// What the client may still be expected to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Its close frame, maybe after other messages.
    Close,
    /// Bytes without meaning, up to the end.
    Anything,
    /// Nothing: it has sent its close frame.
    Nothing,
}

/// Ends the connection so that the client learns the close code: the rest of its input is read,
/// since a TCP connection that is dropped with unread input is reset, and a reset can overtake the
/// close frame.
pub(crate) async fn say_goodbye<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    incoming: &mut Incoming,
    writing: &mut Writing,
    ending: Ending,
) {
    let mut expected = match ending {
        Ending::Lost | Ending::Silent | Ending::Stuck { .. } => return,
        Ending::ByClient { code } => {
            writing.close(code, "");
            Expected::Nothing
        }
        Ending::Close { code, reason, .. } => {
            writing.close(Some(code), &reason);
            Expected::Close
        }
        Ending::Broken { code, reason, .. } => {
            writing.close(Some(code), &reason);
            Expected::Anything
        }
    };
    poll_fn(|cx| poll_end(stream, incoming, writing, &mut expected, cx)).await;
}

fn poll_end<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    incoming: &mut Incoming,
    writing: &mut Writing,
    expected: &mut Expected,
    cx: &mut Context<'_>,
) -> Poll<()> {
    // After a failure there is nothing to write any more, but maybe something to read.
    let written = writing.poll(stream, cx).is_ready();
    while *expected == Expected::Close {
        match incoming.next() {
            Ok(Some(Input::Close(_))) => *expected = Expected::Nothing,
            Ok(Some(Input::Binary(_) | Input::Text(_) | Input::Ping(_) | Input::Pong)) => {}
            Ok(None) => match incoming.poll_fill(stream, cx) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            },
            Err(_) => *expected = Expected::Anything,
        }
    }
    // The end of the output tells the client that there is nothing to wait for.
    if !written && *expected == Expected::Nothing {
        return Poll::Pending;
    }
    if written && Pin::new(&mut *stream).poll_shutdown(cx).is_pending() {
        return Poll::Pending;
    }
    if *expected == Expected::Nothing {
        return Poll::Ready(());
    }
    let mut scratch = [0; SCRATCH];
    loop {
        let mut buffer = ReadBuf::new(&mut scratch);
        match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
            Poll::Ready(_) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
    }
}
