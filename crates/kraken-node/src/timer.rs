//! `timer:distro:sys`: one answer, empty, after the time asked for.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::kernel::{Kernel, SERVICE_REQUESTS};
use crate::message::{Envelope, Message};

#[derive(Deserialize)]
enum Action {
    Debug,
    /// Milliseconds.
    SetTimer(u64),
}

pub(crate) struct Timer {
    slots: Arc<Semaphore>,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(SERVICE_REQUESTS)),
        }
    }

    pub(crate) fn handle(&self, kernel: &Arc<Kernel>, envelope: Envelope) {
        let Message::Request(request) = &envelope.message else {
            return;
        };
        let milliseconds = match serde_json::from_slice(&request.body) {
            Ok(Action::SetTimer(milliseconds)) => milliseconds,
            Ok(Action::Debug) => return,
            Err(error) => {
                tracing::warn!(source = %envelope.source, %error, "timer got a malformed request");
                return;
            }
        };
        let answer = envelope.answer(Vec::new(), None);
        if milliseconds == 0 {
            kernel.answer(answer);
            return;
        }
        let Some(slot) = kernel.slot(&self.slots, &envelope) else {
            return;
        };
        let weak = Arc::downgrade(kernel);
        kernel.runtime.spawn(async move {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            if let Some(kernel) = weak.upgrade() {
                kernel.send(answer).await;
            }
            drop(slot);
        });
    }
}
