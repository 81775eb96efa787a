//! Faults again and again, then a long time of mixed load.

use crate::command::Step;
use crate::{build, npm};
use anyhow::Result;
use std::path::PathBuf;

/// How often each fault is repeated that comes at a random moment.
const CYCLES: &str = "50";

/// Runs both; fails if anything is lost, if replicas differ or if memory grows.
pub(crate) fn run(minutes: u32) -> Result<()> {
    build()?;
    let folder = installed()?;
    Step::new("test faults, again and again").run(
        npm::npm(&folder)
            .args(["run", "test:long"])
            .env("FAULTS_CYCLES", CYCLES),
    )?;
    Step::new("soak").run(
        npm::npm(&folder)
            .args(["run", "soak", "--", "--minutes"])
            .arg(minutes.to_string()),
    )
}

/// The folder of the faults. They use the clients of test/interop, whose packages they need too.
pub(crate) fn installed() -> Result<PathBuf> {
    npm::installed("test/interop")?;
    npm::installed("test/faults")
}
