//! The WASM engine of a node, and instances of components in it.

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{Config, Engine, ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::bindings::{ProcessV1, ProcessV1Pre};
use super::cache::Cache;
use super::exchange::Exchange;
use super::output::{Output, Tail};
use crate::NodeConfig;
use crate::kernel::mailbox::Mailbox;

/// How many elements a table of a component may have.
const TABLE_ELEMENTS: usize = 1_000_000;

/// What every process needs, and no process owns.
pub(crate) struct Host {
    engine: Engine,
    cache: Option<Cache>,
    memory: usize,
    preempts: bool,
}

/// A component, compiled and linked: instances of it start at once.
#[derive(Clone)]
pub(crate) struct Program(ProcessV1Pre<Guest>);

/// What belongs to one instance.
pub(crate) struct Guest {
    pub(super) exchange: Exchange,
    wasi: WasiCtx,
    table: ResourceTable,
    limits: Limits,
}

impl Host {
    /// Takes what the node's configuration says of processes.
    pub(crate) fn new(node: &NodeConfig) -> anyhow::Result<Self> {
        let mut config = Config::new();
        // Nothing ticks: the epoch moves only when a process has to stop.
        config.epoch_interruption(node.preemption);
        #[cfg(feature = "profile")]
        config.profiler(wasmtime::ProfilingStrategy::PerfMap);
        let engine = Engine::new(&config).map_err(convert)?;
        let open = |folder: &Path| {
            Cache::open(folder)
                .inspect_err(|error| tracing::warn!(%error, "no cache for compiled components"))
                .ok()
        };
        Ok(Self {
            engine,
            cache: node.cache.as_deref().and_then(open),
            memory: node.process_memory,
            preempts: node.preemption,
        })
    }

    /// Compiles a component. It takes a while, unless it is in the cache.
    pub(crate) fn compile(&self, wasm: &[u8]) -> anyhow::Result<Program> {
        let component = match &self.cache {
            Some(cache) => cache.compile(&self.engine, wasm),
            None => Component::new(&self.engine, wasm),
        };
        let component = component.map_err(convert)?;
        let mut linker = Linker::new(&self.engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).map_err(convert)?;
        ProcessV1::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest).map_err(convert)?;
        let linked = linker.instantiate_pre(&component).map_err(convert)?;
        Ok(Program(ProcessV1Pre::new(linked).map_err(convert)?))
    }

    /// Makes running processes look at their mailboxes for an interruption.
    pub(crate) fn interrupt(&self) {
        self.engine.increment_epoch();
    }

    /// Runs the program from the start until it returns or traps. Gives back
    /// what outlives the instance.
    pub(crate) fn run(
        &self,
        program: &Program,
        mailbox: &Arc<Mailbox>,
        exchange: Exchange,
        scratch: &Path,
    ) -> (Exchange, anyhow::Result<()>) {
        let errors = Tail::default();
        let our = exchange.our_address();
        let process = exchange.process.clone();
        let guest = Guest {
            exchange,
            wasi: wasi(&process.to_string(), scratch, &errors),
            table: ResourceTable::new(),
            limits: Limits {
                process: process.to_string(),
                left: self.memory,
            },
        };
        let mut store = Store::new(&self.engine, guest);
        store.limiter(|guest| &mut guest.limits);
        // What one call may have the host copy: no more than the process has.
        store.set_hostcall_fuel(self.memory);
        if self.preempts {
            let watched = mailbox.clone();
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(move |_| match watched.interrupted() {
                Some(interrupt) => wasmtime::bail!("interrupted: {interrupt:?}"),
                None => Ok(UpdateDeadline::Continue(1)),
            });
        }
        let result = program
            .0
            .instantiate(&mut store)
            .and_then(|instance| instance.call_init(&mut store, &our));
        let result = result.map_err(|error| {
            let printed = errors.take();
            let reason = convert(error);
            match printed.is_empty() {
                true => reason,
                false => reason.context(printed),
            }
        });
        (store.into_data().exchange, result)
    }
}

fn wasi(process: &str, scratch: &Path, errors: &Tail) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(Output::new(process, None))
        .stderr(Output::new(process, Some(errors.clone())))
        .allow_blocking_current_thread(true);
    let path = scratch.display().to_string();
    let opened = std::fs::create_dir_all(scratch)
        .map_err(wasmtime::Error::from)
        .and_then(|()| {
            builder
                .preopened_dir(scratch, &path, FsPerms::ReadWrite)
                .map(|_| ())
        });
    match opened {
        Ok(()) => {
            builder.env("TEMP_DIR", &path);
        }
        Err(error) => tracing::warn!(process, %error, "the process gets no folder for files"),
    }
    builder.build()
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// Holds a process to its memory limit: beyond it an allocation fails, which
/// most programs answer with a trap.
struct Limits {
    process: String,
    left: usize,
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        if more > self.left {
            tracing::error!(
                process = self.process,
                bytes = desired,
                "memory limit reached"
            );
            return Ok(false);
        }
        self.left -= more;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

fn convert(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}
