//! Kraken's own package, embedded.

use anyhow::Result;
use kraken_node::{Package, ProcessId};
use std::borrow::Cow;

/// Whose databases are the process's.
pub(crate) const PACKAGE: &str = "kraken:template.os";
/// The database of all SDS stores.
pub(crate) const STORES: &str = "stores";

const METADATA: &[u8] = include_bytes!("../../../metadata.json");
const MANIFEST: &[u8] = include_bytes!("../../../pkg/manifest.json");
const SCRIPTS: &[u8] = include_bytes!("../../../pkg/scripts.json");
const COMPONENT: &[u8] = include_bytes!("../../../pkg/kraken.wasm");
/// The web UI, by paths in the package.
const UI: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/ui.rs"));

/// The process that all of Kraken's behaviour is in.
pub(crate) fn process() -> Result<ProcessId> {
    Ok("kraken:kraken:template.os".parse()?)
}

/// The package, as `kit` would install it.
pub(crate) fn embedded() -> Result<Package> {
    let own = [("kraken.wasm", COMPONENT), ("scripts.json", SCRIPTS)];
    let all = own.iter().chain(UI);
    let files = all.map(|(path, content)| ((*path).to_owned(), Cow::Borrowed(*content)));
    Ok(Package::new(METADATA, MANIFEST, files.collect())?)
}
