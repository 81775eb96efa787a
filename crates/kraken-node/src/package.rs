//! Packages: what they are called, and what is in them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::id::{InvalidId, PackageId, ProcessId};
use crate::process::OnExit;

/// A package as it is installed: its processes and the files of its drive `pkg`.
pub struct Package {
    pub(crate) id: PackageId,
    pub(crate) processes: Vec<Manifest>,
    files: BTreeMap<String, Cow<'static, [u8]>>,
}

/// One process of a package.
pub(crate) struct Manifest {
    pub(crate) id: ProcessId,
    pub(crate) wasm_path: String,
    pub(crate) on_exit: OnExit,
    pub(crate) public: bool,
    pub(crate) request_capabilities: Vec<Named>,
    pub(crate) grant_capabilities: Vec<Named>,
}

/// A capability in a manifest: to send messages, unless it has parameters.
pub(crate) struct Named {
    pub(crate) process: ProcessId,
    pub(crate) params: Option<String>,
}

/// Why something isn't a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// A file can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A description isn't what it should be.
    #[error("{file} is malformed")]
    Malformed {
        /// `metadata.json` or `manifest.json`.
        file: &'static str,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A name can't be one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// The manifest names a component that the package lacks.
    #[error("the package has no {0}")]
    NoComponent(String),
    /// What a process wants on exit can only be set by itself.
    #[error("{0} wants requests on exit, which a manifest can't have here")]
    RequestsOnExit(String),
}

#[derive(Deserialize)]
struct Metadata {
    properties: Properties,
}

#[derive(Deserialize)]
struct Properties {
    package_name: String,
    publisher: String,
}

#[derive(Deserialize)]
struct Entry {
    process_name: String,
    process_wasm_path: String,
    on_exit: EntryOnExit,
    #[serde(default)]
    request_capabilities: Vec<Json>,
    #[serde(default)]
    grant_capabilities: Vec<Json>,
    public: bool,
}

#[derive(Deserialize)]
enum EntryOnExit {
    None,
    Restart,
    Requests(IgnoredAny),
}

impl Package {
    /// Reads a package from its built folder, `pkg`: `manifest.json` and all
    /// that belongs to it. `metadata.json` may be in there or beside the folder.
    pub fn from_folder(folder: &Path) -> Result<Self, PackageError> {
        let mut files = BTreeMap::new();
        read_folder(folder, folder, &mut files)?;
        let metadata = match files.get("metadata.json") {
            Some(metadata) => metadata.to_vec(),
            None => read(&folder.join("..").join("metadata.json"))?,
        };
        let manifest = match files.get("manifest.json") {
            Some(manifest) => manifest.to_vec(),
            None => read(&folder.join("manifest.json"))?,
        };
        Self::new(&metadata, &manifest, files)
    }

    /// Makes a package of its parts, for programs that carry one inside. The
    /// names of the files are paths in the folder `pkg`, without a slash in
    /// front.
    pub fn new(
        metadata_json: &[u8],
        manifest_json: &[u8],
        files: BTreeMap<String, Cow<'static, [u8]>>,
    ) -> Result<Self, PackageError> {
        let metadata: Metadata = parse("metadata.json", metadata_json)?;
        let entries: Vec<Entry> = parse("manifest.json", manifest_json)?;
        let properties = metadata.properties;
        let id = PackageId::new(&properties.package_name, &properties.publisher)?;
        let processes = entries
            .into_iter()
            .map(|entry| Manifest::new(&id, entry))
            .collect::<Result<_, _>>()?;
        let package = Self {
            id,
            processes,
            files,
        };
        for process in &package.processes {
            package.component(process)?;
        }
        Ok(package)
    }

    /// The name of the package.
    pub fn id(&self) -> &PackageId {
        &self.id
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_ref()))
    }

    pub(crate) fn component(&self, process: &Manifest) -> Result<&[u8], PackageError> {
        let name = process.wasm_path.trim_start_matches('/');
        let file = self.files.get(name);
        file.map(AsRef::as_ref)
            .ok_or_else(|| PackageError::NoComponent(name.to_owned()))
    }
}

impl Manifest {
    fn new(package: &PackageId, entry: Entry) -> Result<Self, PackageError> {
        let id = package.process(&entry.process_name)?;
        Ok(Self {
            on_exit: match entry.on_exit {
                EntryOnExit::None => OnExit::None,
                EntryOnExit::Restart => OnExit::Restart,
                EntryOnExit::Requests(_) => {
                    return Err(PackageError::RequestsOnExit(entry.process_name));
                }
            },
            wasm_path: entry.process_wasm_path,
            public: entry.public,
            request_capabilities: named(&id, entry.request_capabilities),
            grant_capabilities: named(&id, entry.grant_capabilities),
            id,
        })
    }
}

/// Reads the capabilities that are well-formed. As on a real node, others are
/// passed over.
fn named(process: &ProcessId, capabilities: Vec<Json>) -> Vec<Named> {
    let parsed = capabilities.into_iter().filter_map(|capability| {
        let (name, params) = match &capability {
            Json::String(name) => (name.as_str(), None),
            Json::Object(object) => (
                object.get("process")?.as_str()?,
                object.get("params").map(Json::to_string),
            ),
            _ => return None,
        };
        match name.parse() {
            Ok(process) => Some(Named { process, params }),
            Err(_) => {
                tracing::warn!(%process, name, "the manifest names a capability of no process");
                None
            }
        }
    });
    parsed.collect()
}

fn parse<'a, T: Deserialize<'a>>(file: &'static str, json: &'a [u8]) -> Result<T, PackageError> {
    serde_json::from_slice(json).map_err(|source| PackageError::Malformed { file, source })
}

fn read(path: &Path) -> Result<Vec<u8>, PackageError> {
    std::fs::read(path).map_err(|source| PackageError::Read {
        path: path.to_owned(),
        source,
    })
}

fn read_folder(
    root: &Path,
    folder: &Path,
    files: &mut BTreeMap<String, Cow<'static, [u8]>>,
) -> Result<(), PackageError> {
    let failed = |source| PackageError::Read {
        path: folder.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            read_folder(root, &path, files)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            files.insert(name.display().to_string(), read(&path)?.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &[u8] =
        br#"{"properties": {"package_name": "chat", "publisher": "example.os"}}"#;

    fn package(manifest: &str) -> Result<Package, PackageError> {
        let files = BTreeMap::from([("chat.wasm".to_owned(), Cow::Borrowed(&b"wasm"[..]))]);
        Package::new(METADATA, manifest.as_bytes(), files)
    }

    #[test]
    fn a_manifest_names_processes_and_their_capabilities() {
        let package = package(
            r#"[{"process_name": "main", "process_wasm_path": "/chat.wasm", "on_exit": "Restart",
                "request_networking": false, "public": true,
                "request_capabilities": ["vfs:distro:sys", 7, "nonsense"],
                "grant_capabilities": [{"process": "a:b:c.os", "params": {"x": 1}}]}]"#,
        )
        .unwrap();
        let process = &package.processes[0];
        assert_eq!(process.id.to_string(), "main:chat:example.os");
        assert_eq!(process.request_capabilities.len(), 1);
        assert_eq!(
            process.grant_capabilities[0].params.as_deref(),
            Some(r#"{"x":1}"#)
        );
        assert_eq!(package.component(process).unwrap(), b"wasm");
    }

    #[test]
    fn a_package_without_its_component_is_refused() {
        let manifest = r#"[{"process_name": "main", "process_wasm_path": "/other.wasm",
            "on_exit": "None", "public": false}]"#;
        assert!(matches!(
            package(manifest),
            Err(PackageError::NoComponent(name)) if name == "other.wasm"
        ));
    }
}
