//! The load generator and the peers it is run against.

use crate::command::{Step, cargo};
use crate::{build, npm};
use anyhow::Result;

/// Builds all of it and runs the load generator: the one for calls if `sfu` comes first.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    build()?;
    match arguments.split_first() {
        Some((first, rest)) if first == "sfu" => measure("kraken-bench-calls", rest),
        _ => {
            npm::installed("bench/peers")?;
            measure("kraken-bench", arguments)
        }
    }
}

fn measure(package: &str, arguments: &[String]) -> Result<()> {
    let mut command = cargo();
    command
        .args([
            "run",
            "--quiet",
            "--profile=dist",
            "--package",
            package,
            "--",
        ])
        .args(arguments);
    Step::new("measure").run(&mut command)
}
