//! Kraken's own package, embedded.

use anyhow::Result;
use kraken_node::{Package, ProcessId};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Whose databases are the process's.
pub(crate) const PACKAGE: &str = "kraken:template.os";
/// The database of all SDS stores.
pub(crate) const STORES: &str = "stores";

const METADATA: &[u8] = include_bytes!("../../../metadata.json");
const MANIFEST: &[u8] = include_bytes!("../../../pkg/manifest.json");
const SCRIPTS: &[u8] = include_bytes!("../../../pkg/scripts.json");
const COMPONENT: &[u8] = include_bytes!("../../../pkg/kraken.wasm");

/// The process that all of Kraken's behaviour is in.
pub(crate) fn process() -> Result<ProcessId> {
    Ok("kraken:kraken:template.os".parse()?)
}

/// The package, as `kit` would install it.
pub(crate) fn embedded() -> Result<Package> {
    let files = BTreeMap::from([
        ("kraken.wasm".to_owned(), Cow::Borrowed(COMPONENT)),
        ("scripts.json".to_owned(), Cow::Borrowed(SCRIPTS)),
    ]);
    Ok(Package::new(METADATA, MANIFEST, files)?)
}
