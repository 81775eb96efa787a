//! `http-client:distro:sys`: HTTP requests and WebSockets to servers, on behalf
//! of processes.
//!
//! As on a real node one task takes one action after the other. HTTP requests go
//! on by themselves; whatever is done to a WebSocket is done before the next
//! action is looked at, so that a server that doesn't answer, or doesn't read,
//! holds everybody up. Here that has an end.

mod request;
mod sockets;
mod wire;

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use self::sockets::Sockets;
use self::wire::{Action, Error, Reply};
use crate::hazard::Hazard;
use crate::kernel::{Kernel, SERVICE_REQUESTS};
use crate::message::{Blob, Envelope, Message};

/// How many HTTP requests are under way at most. The others wait.
const REQUESTS: usize = 256;
/// How long an HTTP request may take whose answer nobody waits for.
const UNAWAITED: Duration = Duration::from_secs(60);

pub(crate) struct HttpClient {
    jobs: mpsc::Sender<Job>,
    sockets: Arc<Sockets>,
}

/// What a process asks for.
struct Job {
    kernel: Weak<Kernel>,
    envelope: Envelope,
}

impl HttpClient {
    pub(crate) fn start(runtime: &Handle) -> Self {
        let (jobs, queue) = mpsc::channel(SERVICE_REQUESTS);
        let sockets = Arc::new(Sockets::default());
        runtime.spawn(work(queue, sockets.clone()));
        Self { jobs, sockets }
    }

    pub(crate) fn handle(&self, kernel: &Arc<Kernel>, envelope: Envelope) {
        let job = Job {
            kernel: Arc::downgrade(kernel),
            envelope,
        };
        if let Err(refused) = self.jobs.try_send(job) {
            let envelope = refused.into_inner().envelope;
            kernel.hazards.record(Hazard::TooManyRequests {
                process: envelope.source,
                target: envelope.target,
            });
        }
    }

    /// Drops every WebSocket.
    pub(crate) fn stop(&self) {
        self.sockets.clear();
    }
}

async fn work(mut queue: mpsc::Receiver<Job>, sockets: Arc<Sockets>) {
    let slots = Arc::new(Semaphore::new(REQUESTS));
    while let Some(Job { kernel, envelope }) = queue.recv().await {
        let (Some(kernel), Message::Request(request)) = (kernel.upgrade(), &envelope.message)
        else {
            continue;
        };
        let Ok(action) = serde_json::from_slice::<Action>(&request.body) else {
            answer(&kernel, &envelope, Err(Error::MalformedRequest), None);
            continue;
        };
        let blob = envelope.blob.clone();
        let result = match action {
            Action::Http(outgoing) => {
                let timeout = request.expects_response.map(Duration::from_secs);
                let (kernel, slots) = (Arc::downgrade(&kernel), slots.clone());
                let request = async move {
                    // It is never closed.
                    let _slot = slots.acquire_owned().await;
                    let (result, blob) = match request::execute(outgoing, blob).await {
                        Ok((head, body)) => (Ok(Reply::Http(head)), Some(body)),
                        Err(error) => (Err(error), None),
                    };
                    if let Some(kernel) = kernel.upgrade() {
                        answer(&kernel, &envelope, result, blob);
                    }
                };
                // Whoever waited has been told by its own timeout.
                tokio::spawn(tokio::time::timeout(timeout.unwrap_or(UNAWAITED), request));
                continue;
            }
            Action::WebSocketOpen {
                url,
                headers,
                channel_id,
            } => {
                sockets
                    .open(&kernel, &envelope, url, &headers, channel_id)
                    .await
            }
            Action::WebSocketPush {
                channel_id,
                message_type,
            } => {
                sockets
                    .push(&kernel, &envelope, channel_id, message_type, blob)
                    .await
            }
            Action::WebSocketClose { channel_id } => sockets.close(&envelope, channel_id).await,
        };
        answer(&kernel, &envelope, result, None);
    }
}

/// Answers without waiting for room in the mailbox: nobody is held up by one that
/// doesn't receive.
fn answer(
    kernel: &Arc<Kernel>,
    envelope: &Envelope,
    result: Result<Reply, Error>,
    blob: Option<Blob>,
) {
    if envelope.expects_response() {
        let body = serde_json::to_vec(&result).unwrap_or_default();
        kernel.answer(envelope.answer(body, blob));
    } else if let Err(error) = result {
        tracing::debug!(source = %envelope.source, ?error, "the HTTP client refused a request");
    }
}
