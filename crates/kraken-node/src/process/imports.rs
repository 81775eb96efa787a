//! What a process can call: `kinode:process/standard`.

use super::bindings::kinode::process::standard::{
    Address, Capability, Context, Host, LazyLoadBlob, Message, OnExit, ProcessId, Request,
    Response, SendError, SpawnError,
};
use super::convert::{
    Incoming, blob_to_guest, capability_to_guest, from_guest, process_id, to_guest,
};
use super::engine::Guest;
use super::exchange::Received;
use super::{Process, Start};
use crate::message::Capability as Right;

type RequestWithAll = (Address, Request, Option<Context>, Option<LazyLoadBlob>);

impl Host for Guest {
    fn print_to_terminal(&mut self, verbosity: u8, message: String) -> wasmtime::Result<()> {
        let process = &self.exchange.process;
        match verbosity {
            0 => tracing::info!(%process, "{message}"),
            1 => tracing::debug!(%process, "{message}"),
            _ => tracing::trace!(%process, "{message}"),
        }
        Ok(())
    }

    fn our(&mut self) -> wasmtime::Result<Address> {
        Ok(self.exchange.address(&self.exchange.process))
    }

    fn get_on_exit(&mut self) -> wasmtime::Result<OnExit> {
        Ok(self.exchange.on_exit_to_guest())
    }

    fn set_on_exit(&mut self, on_exit: OnExit) -> wasmtime::Result<()> {
        self.exchange.on_exit = self.exchange.on_exit(on_exit);
        Ok(())
    }

    fn get_state(&mut self) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.exchange.kernel.states.get(&self.exchange.process))
    }

    fn set_state(&mut self, bytes: Vec<u8>) -> wasmtime::Result<()> {
        let exchange = &self.exchange;
        Ok(exchange.kernel.states.set(&exchange.process, &bytes)?)
    }

    fn clear_state(&mut self) -> wasmtime::Result<()> {
        Ok(self.exchange.kernel.states.clear(&self.exchange.process)?)
    }

    fn spawn(
        &mut self,
        name: Option<String>,
        wasm_path: String,
        on_exit: OnExit,
        request_capabilities: Vec<Capability>,
        grant_capabilities: Vec<(ProcessId, String)>,
        public: bool,
    ) -> wasmtime::Result<Result<ProcessId, SpawnError>> {
        let exchange = &self.exchange;
        let (kernel, parent) = (&exchange.kernel, &exchange.process);
        let package = parent.package_id();
        let name = name.unwrap_or_else(|| crate::id::random_id().to_string());
        let id = package.process(&name)?;
        let Ok(wasm) = kernel.vfs.read(&package, &wasm_path) else {
            return Ok(Err(SpawnError::NoFileAtPath));
        };
        let Ok(program) = kernel.host.compile(&wasm) else {
            return Ok(Err(SpawnError::NoFileAtPath));
        };
        let rights = &kernel.rights;
        for capability in request_capabilities {
            let capability = exchange.capability(capability);
            if rights.holds(parent, &capability) {
                rights.grant(&id, capability);
            }
        }
        for (holder, params) in grant_capabilities {
            let capability = Right {
                node: kernel.our.as_ref().to_owned(),
                issuer: id.clone(),
                params,
            };
            rights.grant(&process_id(holder), capability);
        }
        rights.grant(&id, rights.messaging(parent.clone()));
        rights.grant(parent, rights.messaging(id.clone()));
        let started = Process::start(
            kernel,
            Start {
                id: id.clone(),
                program,
                on_exit: exchange.on_exit(on_exit),
                public,
                scratch: kernel.vfs.scratch(&package),
            },
        )?;
        Ok(match started {
            Some(_) => Ok(to_guest(&id)),
            None => Err(SpawnError::NameTaken),
        })
    }

    fn save_capabilities(&mut self, capabilities: Vec<Capability>) -> wasmtime::Result<()> {
        let exchange = &self.exchange;
        for capability in capabilities {
            let capability = exchange.capability(capability);
            if exchange.may_save(&capability) {
                exchange.kernel.rights.grant(&exchange.process, capability);
            }
        }
        Ok(())
    }

    fn drop_capabilities(&mut self, capabilities: Vec<Capability>) -> wasmtime::Result<()> {
        let exchange = &self.exchange;
        for capability in capabilities {
            let capability = exchange.capability(capability);
            exchange.kernel.rights.drop(&exchange.process, &capability);
        }
        Ok(())
    }

    fn our_capabilities(&mut self) -> wasmtime::Result<Vec<Capability>> {
        let rights = self.exchange.kernel.rights.all(&self.exchange.process);
        Ok(rights.into_iter().map(capability_to_guest).collect())
    }

    fn receive(&mut self) -> wasmtime::Result<Incoming> {
        match self.exchange.receive() {
            Ok(received) => Ok(self.exchange.to_guest(received)),
            Err(interrupt) => wasmtime::bail!("interrupted: {interrupt:?}"),
        }
    }

    fn has_blob(&mut self) -> wasmtime::Result<bool> {
        Ok(self.exchange.blob().is_some())
    }

    fn get_blob(&mut self) -> wasmtime::Result<Option<LazyLoadBlob>> {
        Ok(self.exchange.blob().map(blob_to_guest))
    }

    fn last_blob(&mut self) -> wasmtime::Result<Option<LazyLoadBlob>> {
        Ok(self.exchange.last_blob().map(blob_to_guest))
    }

    fn send_request(
        &mut self,
        target: Address,
        request: Request,
        context: Option<Context>,
        blob: Option<LazyLoadBlob>,
    ) -> wasmtime::Result<()> {
        let target = self.exchange.target(target);
        let request = self.exchange.request(request);
        self.exchange
            .send(target, request, context, blob.map(from_guest))?;
        Ok(())
    }

    fn send_requests(&mut self, requests: Vec<RequestWithAll>) -> wasmtime::Result<()> {
        for (target, request, context, blob) in requests {
            self.send_request(target, request, context, blob)?;
        }
        Ok(())
    }

    fn send_response(
        &mut self,
        response: Response,
        blob: Option<LazyLoadBlob>,
    ) -> wasmtime::Result<()> {
        let response = self.exchange.response(response);
        self.exchange.respond(response, blob.map(from_guest));
        Ok(())
    }

    fn send_and_await_response(
        &mut self,
        target: Address,
        request: Request,
        blob: Option<LazyLoadBlob>,
    ) -> wasmtime::Result<Result<(Address, Message), SendError>> {
        let target = self.exchange.target(target);
        let request = self.exchange.request(request);
        let blob = blob.map(from_guest);
        let received: Received = self.exchange.send_and_receive(target, request, blob)?;
        Ok(self
            .exchange
            .to_guest(received)
            .map_err(|(failure, _context)| failure))
    }
}
