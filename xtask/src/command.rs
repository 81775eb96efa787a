//! Running other programs, and saying what is missing.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// The cargo that runs this, in the workspace's folder.
pub(crate) fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root());
    command
}

/// Whether a program is there and answers to `argument`.
pub(crate) fn answers(program: &str, argument: &str) -> bool {
    let status = Command::new(program)
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// What a command prints, without the white space around it.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{program} can't be started"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{program} failed: {}", errors.trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Something that takes a while and is announced.
pub(crate) struct Step {
    name: String,
}

impl Step {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        eprintln!("── {name}");
        Self { name }
    }

    /// Runs `command` to its end; fails if it does.
    pub(crate) fn run(self, command: &mut Command) -> Result<()> {
        let started = Instant::now();
        let status = command
            .status()
            .with_context(|| format!("{}: {command:?} can't be started", self.name))?;
        if !status.success() {
            bail!("{}: {command:?} failed ({status})", self.name);
        }
        eprintln!("── {}: {:.1} s", self.name, started.elapsed().as_secs_f32());
        Ok(())
    }

    /// Replaces this program by `command`, so that it gets the signals itself.
    #[cfg(unix)]
    pub(crate) fn become_it(self, command: &mut Command) -> Result<()> {
        use std::os::unix::process::CommandExt;
        let error = command.exec();
        Err(error).with_context(|| format!("{}: {command:?}", self.name))
    }

    /// Runs `command` to its end.
    #[cfg(not(unix))]
    pub(crate) fn become_it(self, command: &mut Command) -> Result<()> {
        self.run(command)
    }
}
