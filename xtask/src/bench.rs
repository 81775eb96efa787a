//! The load generator and the peers it is run against.

use crate::command::{Step, cargo};
use crate::{build, npm};
use anyhow::Result;

/// Builds all of it and runs the load generator.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    build()?;
    npm::installed("bench/peers")?;
    let mut command = cargo();
    command
        .args([
            "run",
            "--quiet",
            "--profile=dist",
            "--package=kraken-bench",
            "--",
        ])
        .args(arguments);
    Step::new("measure").run(&mut command)
}
