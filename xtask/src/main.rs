//! Every task of the project under one name: `cargo xtask --help`.
#![allow(clippy::print_stderr, reason = "a command line speaks to people")]

mod bench;
mod ci;
mod command;
mod component;
mod dependencies;
mod npm;
mod soak;
mod tests;
mod ui;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use command::{Step, cargo, root};

/// Builds, runs, tests and measures Kraken.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and run it: `kraken serve`
    Serve {
        /// What `kraken serve` takes, see `kraken serve --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run every suite
    Test {
        /// Only the suites whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
    /// Put the server under faults and mixed load for a long time; the report is target/soak/report.md
    Soak {
        /// For how long it is under load
        #[arg(long, default_value_t = 30)]
        minutes: u32,
    },
    /// Build one self-contained binary at target/dist/kraken, and the package in pkg/
    Build,
    /// Build the process alone, at pkg/kraken.wasm
    Component,
    /// Build the package that tests Kraken inside of a node, at test/kraken-test/pkg
    Tester,
    /// Check the dependencies alone: licences, sources, versions, and advisories about them
    Dependencies,
    /// Check everything: format, lints, docs, boundaries, dependencies, then every suite
    Ci,
    /// Measure Kraken and its peers side by side
    Bench {
        /// What the load generator takes, see `cargo xtask bench -- --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Serve { arguments } => serve(&arguments),
        Task::Test { only } => tests::run(only.as_deref()),
        Task::Soak { minutes } => soak::run(minutes),
        Task::Build => build(),
        Task::Component => component::build().map(|_| ()),
        Task::Tester => component::build_tester().map(|_| ()),
        Task::Dependencies => dependencies::check().map(|_| ()),
        Task::Ci => ci::run(),
        Task::Bench { arguments } => bench::run(&arguments),
    }
}

/// Builds the component, and the binary that carries it.
fn build() -> Result<()> {
    if !command::answers("cc", "--version") {
        bail!(
            "a C compiler is needed, for SQLite: `apt-get install gcc libc6-dev`, or your system's"
        );
    }
    component::build()?;
    ui::build()?;
    Step::new("build target/dist/kraken (a first build takes about 6 minutes on 2 cores)")
        .run(cargo().args(["build", "--profile", "dist", "-p", "kraken-cli"]))
}

fn serve(arguments: &[String]) -> Result<()> {
    build()?;
    let mut kraken = std::process::Command::new(root().join("target/dist/kraken"));
    kraken.arg("serve").args(arguments);
    Step::new("run kraken serve").become_it(&mut kraken)
}
