//! The web UI, built into `pkg/ui` as `kit build` builds it.

use crate::command::{Step, root};
use crate::npm::{installed, npm};
use anyhow::Result;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// Folders that hold no sources.
const BUILT: [&str; 2] = ["node_modules", "dist"];

/// Builds `pkg/ui`, unless it has been built of these very sources.
pub(crate) fn build() -> Result<()> {
    let folder = installed("ui")?;
    let mut hasher = DefaultHasher::new();
    hash(&folder, &mut hasher)?;
    let sources = hasher.finish().to_string();
    let mark = root().join("target/ui-sources");
    let built = root().join("pkg/ui/index.html");
    if built.is_file() && fs::read_to_string(&mark).ok().as_deref() == Some(&sources) {
        return Ok(());
    }
    Step::new("build the web UI").run(npm(&folder).args(["run", "build:copy"]))?;
    fs::create_dir_all(root().join("target"))?;
    Ok(fs::write(mark, sources)?)
}

fn hash(folder: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (name, path) = (entry.file_name(), entry.path());
        if BUILT.iter().any(|built| name == *built) {
            continue;
        }
        name.hash(hasher);
        match path.is_dir() {
            true => hash(&path, hasher)?,
            false => fs::read(&path)?.hash(hasher),
        }
    }
    Ok(())
}
