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
            build_component()?;
            measure("kraken-bench", arguments)
        }
    }
}

/// Builds what compares the component with the core, together with the command: alone it would have
/// the features of fewer packages, and all of wasmtime would be built again.
fn build_component() -> Result<()> {
    Step::new("build what measures the component").run(cargo().args([
        "build",
        "--profile=dist",
        "--package=kraken-cli",
        "--package=kraken-bench-component",
    ]))
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
