//! Processes: each a thread that runs an instance, and starts it again if that
//! is what the process wants when it ends.

mod bindings;
mod cache;
mod convert;
pub(crate) mod engine;
mod exchange;
mod imports;
mod output;
mod outstanding;

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use self::engine::Program;
use self::exchange::Exchange;
use crate::id::ProcessId;
use crate::kernel::Kernel;
use crate::kernel::mailbox::{Interrupt, Mailbox};
use crate::message::{Blob, Envelope, Message, Request};

/// A process that ran for this long is started again at once when it ends.
const SETTLED: Duration = Duration::from_secs(10);
/// The first and the longest pause before another start of one that didn't.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// A process of a package, running or about to be started again.
pub(crate) struct Process {
    pub(crate) id: ProcessId,
    /// Whether everybody may send to it.
    pub(crate) public: bool,
    pub(crate) mailbox: Arc<Mailbox>,
    status: watch::Sender<Status>,
    /// What it will be launched with; taken when it is.
    start: Mutex<Option<Start>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How a process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// How often it was started again.
    pub(crate) restarts: u64,
    pub(crate) phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It hasn't called `receive` yet.
    #[default]
    Starting,
    /// It has called `receive`.
    Receiving,
    /// It trapped or returned, and will be started again after a pause.
    Pausing,
    /// It is gone for good.
    Ended,
}

/// What happens when a process ends.
#[derive(Clone, Debug)]
pub(crate) enum OnExit {
    None,
    Restart,
    Requests(Vec<(ProcessId, Request, Option<Blob>)>),
}

/// What a process is started with.
pub(crate) struct Start {
    pub(crate) id: ProcessId,
    pub(crate) program: Program,
    pub(crate) on_exit: OnExit,
    pub(crate) public: bool,
    /// A folder for its temporary files.
    pub(crate) scratch: PathBuf,
}

impl Process {
    /// Starts a process. Gives `None` if the name is taken.
    pub(crate) fn start(kernel: &Arc<Kernel>, start: Start) -> std::io::Result<Option<Arc<Self>>> {
        let Some(process) = Self::prepare(kernel, start) else {
            return Ok(None);
        };
        process.launch(kernel)?;
        Ok(Some(process))
    }

    /// Makes a process known: messages to it wait in its mailbox until it is
    /// launched. Gives `None` if the name is taken.
    pub(crate) fn prepare(kernel: &Kernel, start: Start) -> Option<Arc<Self>> {
        let process = Arc::new(Self {
            id: start.id.clone(),
            public: start.public,
            mailbox: Arc::new(Mailbox::new()),
            status: watch::Sender::default(),
            start: Mutex::new(Some(start)),
            thread: Mutex::default(),
        });
        kernel.add(process.clone()).then_some(process)
    }

    /// Launches a process that was prepared. Gives `false` if it has been
    /// launched before.
    pub(crate) fn launch(self: &Arc<Self>, kernel: &Arc<Kernel>) -> std::io::Result<bool> {
        let Some(start) = self.start.lock().take() else {
            return Ok(false);
        };
        let (weak, running) = (Arc::downgrade(kernel), self.clone());
        let thread = std::thread::Builder::new()
            .name(self.id.process().to_owned())
            .spawn(move || running.run(&weak, start));
        match thread {
            Ok(thread) => {
                *self.thread.lock() = Some(thread);
                Ok(true)
            }
            Err(error) => {
                kernel.remove(self);
                Err(error)
            }
        }
    }

    /// Ends a process for good, whatever it wants on exit. Its name is free at
    /// once.
    pub(crate) fn kill(self: &Arc<Self>, kernel: &Kernel) {
        kernel.remove(self);
        self.interrupt(kernel, Interrupt::Stop);
        if self.start.lock().take().is_some() {
            self.ended();
        }
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Makes the process end, wherever it is.
    pub(crate) fn interrupt(&self, kernel: &Kernel, interrupt: Interrupt) {
        self.mailbox.interrupt(interrupt);
        kernel.host.interrupt();
    }

    pub(crate) fn take_thread(&self) -> Option<JoinHandle<()>> {
        self.thread.lock().take()
    }

    fn run(self: Arc<Self>, kernel: &Weak<Kernel>, start: Start) {
        let mut on_exit = start.on_exit;
        let mut pause = Duration::ZERO;
        while let Some(kernel) = kernel.upgrade() {
            let began = Instant::now();
            self.mailbox.clear_crash();
            let exchange = Exchange::new(kernel.clone(), self.clone(), on_exit);
            let (exchange, result) =
                kernel
                    .host
                    .run(&start.program, &self.mailbox, exchange, &start.scratch);
            on_exit = exchange.on_exit;
            let interrupt = self.mailbox.interrupted();
            if interrupt == Some(Interrupt::Stop) {
                break;
            }
            match result {
                Ok(()) => tracing::info!(process = %self.id, "returned without error"),
                Err(error) => tracing::error!(process = %self.id, "ended with error: {error:#}"),
            }
            self.mailbox.clear();
            match on_exit {
                OnExit::None => break,
                OnExit::Requests(requests) => {
                    send_last(&kernel, &self.id, requests);
                    break;
                }
                OnExit::Restart => {}
            }
            if began.elapsed() >= SETTLED {
                pause = Duration::ZERO;
            }
            self.status
                .send_modify(|status| status.phase = Phase::Pausing);
            drop(kernel);
            if self.mailbox.sleep(Instant::now() + pause) == Some(Interrupt::Stop) {
                break;
            }
            pause = (pause * 2).clamp(PAUSES.0, PAUSES.1);
            self.status.send_modify(|status| {
                status.restarts += 1;
                status.phase = Phase::Starting;
            });
        }
        if let Some(kernel) = kernel.upgrade() {
            kernel.remove(&self);
        }
        // Nobody may wait for room in a mailbox that nobody empties.
        self.mailbox.interrupt(Interrupt::Stop);
        self.ended();
    }

    fn ended(&self) {
        self.status
            .send_modify(|status| status.phase = Phase::Ended);
    }

    /// Told by the running instance when it first receives.
    fn is_receiving(&self) {
        self.status
            .send_modify(|status| status.phase = Phase::Receiving);
    }
}

fn send_last(
    kernel: &Arc<Kernel>,
    source: &ProcessId,
    requests: Vec<(ProcessId, Request, Option<Blob>)>,
) {
    for (target, request, blob) in requests {
        kernel.send_blocking(Envelope {
            id: crate::id::random_id(),
            source: source.clone(),
            target,
            rsvp: None,
            message: Message::Request(Request {
                expects_response: None,
                ..request
            }),
            blob,
        });
    }
}
