//! Kills Kraken and starts it anew, as the node's app store does when a package is installed
//! again: with the commands of `kernel:distro:sys`.
//!
//! Whoever may message the kernel may grant itself everything; `tester:tester:sys` hands that on
//! to its tests.

use crate::failure::{Failure, same};
use kinode_process_lib::kernel_types::{
    Capability, KernelCommand, KernelResponse, PackageManifestEntry,
};
use kinode_process_lib::vfs::{VfsAction, VfsRequest};
use kinode_process_lib::{Address, ProcessId, Request, get_blob};
use serde_json::{Value, json};
use std::collections::HashSet;

/// The drive that Kraken was installed into.
const DRIVE: &str = "/kraken:template.os/pkg";
const PACKAGE: (&str, &str) = ("kraken", "template.os");
/// The version of the node's WIT that packages of `metadata.json` name.
const WIT_VERSION: u32 = 1;
/// Seconds that an answer may take: a node may compile the component before it answers.
const SECONDS: u64 = 60;

/// Grants this process what its maker didn't: to be answered, since it isn't public, and to read
/// Kraken's package.
pub(crate) fn prepare(our: &Address) -> Result<(), Failure> {
    for service in ["http-client", "timer"] {
        let service = ProcessId::new(Some(service), "distro", "sys");
        grant(service, vec![Capability::messaging(our.clone())])?;
    }
    grant(our.process.clone(), vec![drive(our, "read")])
}

/// Kills Kraken, and starts it from the very file that it was installed from.
pub(crate) fn restart_kraken(our: &Address) -> Result<(), Failure> {
    let manifest: Vec<PackageManifestEntry> = serde_json::from_slice(&read("manifest.json")?)
        .map_err(|error| Failure::new(format!("manifest.json: {error}")))?;
    let [entry] = manifest.as_slice() else {
        return Err(Failure::new("the package has another number of processes"));
    };
    let id = ProcessId::new(Some(&entry.process_name), PACKAGE.0, PACKAGE.1);
    let wasm = entry.process_wasm_path.trim_start_matches('/');

    let killed = command(&KernelCommand::KillProcess(id.clone()), None)?;
    is(
        "killing",
        &killed,
        &KernelResponse::KilledProcess(id.clone()),
    )?;
    let initialize = KernelCommand::InitializeProcess {
        id: id.clone(),
        wasm_bytes_handle: format!("{DRIVE}/{wasm}"),
        wit_version: Some(WIT_VERSION),
        on_exit: entry.on_exit.clone(),
        initial_capabilities: HashSet::new(),
        public: entry.public,
    };
    let initialized = command(&initialize, Some(read(wasm)?))?;
    is(
        "preparing",
        &initialized,
        &KernelResponse::InitializedProcess,
    )?;

    let mut held = vec![drive(our, "read"), drive(our, "write")];
    let named = named(&entry.request_capabilities);
    held.extend(named.map(|issuer| Capability::messaging((our.node(), issuer))));
    grant(id.clone(), held)?;
    for holder in self::named(&entry.grant_capabilities) {
        let messaging = Capability::messaging((our.node(), id.clone()));
        grant(holder, vec![messaging])?;
    }
    let started = command(&KernelCommand::RunProcess(id), None)?;
    is("starting", &started, &KernelResponse::StartedProcess)
}

/// The processes that a manifest names. Kraken's names no other capabilities than messaging.
fn named(capabilities: &[Value]) -> impl Iterator<Item = ProcessId> {
    capabilities
        .iter()
        .filter_map(|capability| capability.as_str()?.parse().ok())
}

fn drive(our: &Address, kind: &str) -> Capability {
    let vfs = Address::new(our.node(), ("vfs", "distro", "sys"));
    Capability::new(vfs, json!({"kind": kind, "drive": DRIVE}).to_string())
}

#[track_caller]
fn grant(target: ProcessId, capabilities: Vec<Capability>) -> Result<(), Failure> {
    // It isn't answered, but done before whatever comes next.
    ask(&KernelCommand::GrantCapabilities {
        target,
        capabilities,
    })?
    .send()
    .map_err(|error| Failure::new(error.to_string()))
}

#[track_caller]
fn command(command: &KernelCommand, blob: Option<Vec<u8>>) -> Result<KernelResponse, Failure> {
    let mut request = ask(command)?;
    if let Some(blob) = blob {
        request = request.blob_bytes(blob);
    }
    match request.send_and_await_response(SECONDS) {
        Ok(Ok(message)) => serde_json::from_slice(message.body())
            .map_err(|error| Failure::new(format!("{command:?} is answered with {error}"))),
        Ok(Err(error)) => Err(Failure::new(format!("{command:?}: {error}"))),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

#[track_caller]
fn ask(command: &KernelCommand) -> Result<Request, Failure> {
    let body = serde_json::to_vec(command).map_err(|error| Failure::new(error.to_string()))?;
    Ok(Request::to(("our", "kernel", "distro", "sys")).body(body))
}

#[track_caller]
fn is(what: &str, found: &KernelResponse, expected: &KernelResponse) -> Result<(), Failure> {
    same(what, format!("{found:?}"), format!("{expected:?}"))
}

/// Reads a file that Kraken was installed with.
#[track_caller]
fn read(name: &str) -> Result<Vec<u8>, Failure> {
    let request = VfsRequest {
        path: format!("{DRIVE}/{name}"),
        action: VfsAction::Read,
    };
    let body = serde_json::to_vec(&request).map_err(|error| Failure::new(error.to_string()))?;
    let answer = Request::to(("our", "vfs", "distro", "sys"))
        .body(body)
        .send_and_await_response(SECONDS);
    match answer {
        Ok(Ok(message)) if message.body() == br#""Read""# => get_blob()
            .map(|blob| blob.bytes)
            .ok_or_else(|| Failure::new(format!("{name} comes without its bytes"))),
        Ok(Ok(message)) => {
            let refusal = String::from_utf8_lossy(message.body()).into_owned();
            Err(Failure::new(format!("{name}: {refusal}")))
        }
        Ok(Err(error)) => Err(Failure::new(format!("{name}: {error}"))),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}
