//! The web UI's files, from the package's own drive.

use bytes::Bytes;
use kinode_process_lib::vfs::{FileType, VfsError, open_dir, open_file};
use kinode_process_lib::{Address, println};
use std::collections::BTreeMap;

/// Seconds that the node may take for each step. Only at the start: nothing else waits.
const TIMEOUT: u64 = 10;

/// Reads all files by their paths below `pkg/ui`; none if there is no such folder.
pub(crate) fn read(our: &Address) -> BTreeMap<String, Bytes> {
    let root = format!("/{}/pkg/ui", our.package_id());
    let mut files = BTreeMap::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        if let Err(error) = read_folder(&root, &folder, &mut files, &mut folders) {
            println!("kraken: no web UI: {root}{folder}: {error}");
            return BTreeMap::new();
        }
    }
    files
}

fn read_folder(
    root: &str,
    folder: &str,
    files: &mut BTreeMap<String, Bytes>,
    folders: &mut Vec<String>,
) -> Result<(), VfsError> {
    let path = format!("{root}{folder}");
    for entry in open_dir(&path, false, Some(TIMEOUT))?.read()? {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        let below = format!("{folder}/{name}");
        match entry.file_type {
            FileType::Directory => folders.push(below),
            FileType::File => {
                let file = open_file(&format!("{root}{below}"), false, Some(TIMEOUT))?;
                let content = file.read()?;
                files.insert(below.trim_start_matches('/').to_owned(), content.into());
            }
            _ => {}
        }
    }
    Ok(())
}
