//! Standard output and error of a process, line by line into the log.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// The longest line, and how much of standard error is kept for the report of a
/// trap, in bytes.
const KEPT: usize = 5_000;

/// One of the two streams.
#[derive(Clone)]
pub(super) struct Output {
    process: Arc<str>,
    line: Arc<Mutex<Vec<u8>>>,
    tail: Option<Tail>,
}

/// The last that a process wrote to standard error.
#[derive(Clone, Default)]
pub(super) struct Tail(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub(super) fn new(process: &str, tail: Option<Tail>) -> Self {
        Self {
            process: process.into(),
            line: Arc::default(),
            tail,
        }
    }

    fn print(&self, bytes: &[u8]) {
        if let Some(tail) = &self.tail {
            tail.add(bytes);
        }
        let mut line = self.line.lock();
        for &byte in bytes {
            if byte != b'\n' && line.len() < KEPT {
                line.push(byte);
                continue;
            }
            tracing::info!(process = %self.process, "{}", String::from_utf8_lossy(&line));
            line.clear();
        }
    }
}

impl Tail {
    pub(super) fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock());
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock();
        kept.extend_from_slice(bytes);
        let excess = kept.len().saturating_sub(KEPT);
        kept.drain(..excess);
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.print(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
