//! Node.js packages of the suites that use real clients.

use crate::command::{Step, output, root};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const OLDEST_NODE: u32 = 20;

/// A folder with a `package.json`, its packages installed as the lock file says.
pub(crate) fn installed(folder: &str) -> Result<PathBuf> {
    check_node()?;
    let folder = root().join(folder);
    let lock = fs::read(folder.join("package-lock.json"))?;
    let mark = folder.join("node_modules/.installed-lock.json");
    if fs::read(&mark).ok().as_deref() != Some(&lock) {
        let name = format!("install the packages of {}", folder.display());
        Step::new(name).run(npm(&folder).args(["ci", "--no-audit", "--no-fund"]))?;
        fs::write(&mark, &lock)?;
    }
    Ok(folder)
}

/// npm in `folder`.
pub(crate) fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder);
    command
}

fn check_node() -> Result<()> {
    let missing = format!("Node.js {OLDEST_NODE} or newer and npm are needed: https://nodejs.org");
    let version = output(Command::new("node").arg("--version")).context(missing.clone())?;
    let major = version.trim_start_matches('v').split('.').next();
    let major: u32 = major.unwrap_or_default().parse().context(version.clone())?;
    if major < OLDEST_NODE {
        bail!("{missing} (here is {version})");
    }
    output(Command::new("npm").arg("--version")).context(missing)?;
    Ok(())
}
