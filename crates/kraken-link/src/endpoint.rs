//! One end of the link.

use std::marker::PhantomData;

use bytes::Bytes;

use crate::receiving::{Header, Receiving};
use crate::sending::Sending;
use crate::window::{PROCESS_ACKS, PROCESS_TO_SIDECAR, SIDECAR_ACKS, SIDECAR_TO_PROCESS};
use crate::{LinkError, Record, ToProcess, ToSidecar};

/// One end of the link: sends records of type `Out`, receives records of type `In`.
///
/// Received and unconsumed frames are bounded by the peer's window, which is enforced. What is
/// queued is bounded by the caller, who looks at [`queued`](Self::queued).
#[derive(Debug)]
pub struct Endpoint<Out, In> {
    sending: Sending,
    receiving: Receiving,
    /// An own record that was too large, reported by the next call that can.
    failure: Option<LinkError>,
    records: PhantomData<fn(Out) -> In>,
}

impl Endpoint<ToSidecar, ToProcess> {
    /// The process's end of a new link.
    pub fn process() -> Self {
        Self::new(
            Sending::new(PROCESS_TO_SIDECAR),
            Receiving::new(SIDECAR_TO_PROCESS, PROCESS_ACKS),
        )
    }
}

impl Endpoint<ToProcess, ToSidecar> {
    /// The sidecar's end of a new link.
    pub fn sidecar() -> Self {
        Self::new(
            Sending::new(SIDECAR_TO_PROCESS),
            Receiving::new(PROCESS_TO_SIDECAR, SIDECAR_ACKS),
        )
    }
}

impl<Out: Record, In: Record> Endpoint<Out, In> {
    fn new(sending: Sending, receiving: Receiving) -> Self {
        Self {
            sending,
            receiving,
            failure: None,
            records: PhantomData,
        }
    }

    /// Appends a record to the open batch. Copies its payload, once.
    ///
    /// A record larger than [`MAX_RECORD`](crate::MAX_RECORD) isn't queued, and ends the link: the
    /// next [`receive`](Self::receive) or [`next`](Self::next) returns the error.
    pub fn queue(&mut self, record: &Out) {
        if let Err(error) = self.sending.queue(record) {
            self.failure.get_or_insert(error);
        }
    }

    /// The next frame to send, if the window is open and there are records, or an acknowledgement
    /// is due. To be called until it returns `None`, after anything else was called.
    pub fn poll_frame(&mut self) -> Option<Vec<u8>> {
        if self.sending.window_open() && !self.sending.is_empty() {
            let ack = self.receiving.take_ack();
            return self.sending.next_frame(ack);
        }
        if self.receiving.ack_due() {
            let ack = self.receiving.take_ack();
            return Some(self.sending.ack_frame(ack));
        }
        None
    }

    /// A frame that says nothing new. A process that was restarted answers it, like any frame of a
    /// channel that it doesn't know, so a sidecar that has nothing to say learns of the restart.
    pub fn heartbeat(&mut self) -> Vec<u8> {
        let ack = self.receiving.take_ack();
        self.sending.ack_frame(ack)
    }

    /// Takes a frame from the channel. Its records come out of [`next`](Self::next).
    pub fn receive(&mut self, mut frame: Bytes) -> Result<(), LinkError> {
        self.check()?;
        let header = Header::split_from(&mut frame)?;
        self.receiving.receive(header.number, frame)?;
        self.sending.acknowledge(header.ack)
    }

    /// The next record received. Its payload is a slice of the frame that it came in, unless it
    /// came in parts.
    ///
    /// Taking the last record of a frame consumes the frame: it may be acknowledged from then on.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: more may follow a None"
    )]
    pub fn next(&mut self) -> Result<Option<In>, LinkError> {
        self.check()?;
        self.receiving.next()
    }

    /// Bytes of records that are queued and not yet in a frame.
    pub fn queued(&self) -> usize {
        self.sending.queued()
    }

    /// Bytes received and not yet consumed.
    pub fn inbox(&self) -> usize {
        self.receiving.inbox()
    }

    /// Whether the peer takes another frame now.
    pub fn window_open(&self) -> bool {
        self.sending.window_open()
    }

    /// Gives the buffer of a sent frame back, which saves the next batch an allocation.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        self.sending.recycle(buffer);
    }

    fn check(&self) -> Result<(), LinkError> {
        match &self.failure {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;
    use crate::{ToProcess, ToSidecar};

    #[test]
    fn frame_numbers_wrap_without_a_break() {
        let mut sidecar = Endpoint::sidecar();
        let mut process = Endpoint::process();
        let start = u32::MAX - 3;
        sidecar.sending.start_at(start);
        sidecar.receiving.start_at(start);
        process.sending.start_at(start);
        process.receiving.start_at(start);
        for code in 0..200 {
            sidecar.queue(&ToProcess::Closed {
                connection: 1,
                code,
            });
            while let Some(frame) = sidecar.poll_frame() {
                process.receive(frame.into()).unwrap();
            }
            assert_eq!(
                process.next().unwrap(),
                Some(ToProcess::Closed {
                    connection: 1,
                    code
                })
            );
            process.queue(&ToSidecar::Welcome { version: code });
            while let Some(frame) = process.poll_frame() {
                sidecar.receive(frame.into()).unwrap();
            }
            assert_eq!(
                sidecar.next().unwrap(),
                Some(ToSidecar::Welcome { version: code })
            );
        }
    }
}
