//! Load generator for servers that speak the y-websocket protocol or relay SDS stores, and
//! side-by-side runs of Kraken and its peers: every server gets the same bytes, from the same clients, on the same machine.
//!
//! It is a client only: what it measures it sees on the wire and in `/proc`.

mod client;
mod edits;
mod machine;
mod plan;
mod report;
mod scenario;
mod servers;
mod store_token;
mod trace;
mod wire;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::machine::Cpus;
use crate::plan::Plan;
use crate::report::{Outcome, Report};
use crate::scenario::Scenario;
use crate::servers::{Kind, Launcher};

/// Measures Kraken beside its peers. Exits with 1 if any server lost or changed content.
#[derive(Debug, Parser)]
#[command(name = "kraken-bench", version)]
struct Arguments {
    /// Run only these scenarios; may be given several times.
    #[arg(long = "only", value_name = "SCENARIO")]
    only: Vec<Scenario>,

    /// Run only these servers; may be given several times.
    #[arg(long = "server", value_name = "NAME")]
    servers: Vec<Kind>,

    /// A short run that proves that everything works; its figures mean little.
    #[arg(long)]
    quick: bool,

    /// Runs of each scenario on each server; the report shows medians.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Print the report as JSON.
    #[arg(long)]
    json: bool,

    /// The kraken binary.
    #[arg(long, env = "KRAKEN_BIN", default_value = "target/dist/kraken")]
    kraken: PathBuf,

    /// The folder of the peers, after `npm ci` in it.
    #[arg(long, default_value = "bench/peers")]
    peers: PathBuf,

    /// The editing trace.
    #[arg(long, default_value = "bench/data/automerge-paper.json.gz")]
    trace: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            progress(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs everything and prints the report. False if a server failed a scenario.
fn run(arguments: &Arguments) -> Result<bool> {
    let cpus = Cpus::split()?;
    machine::raise_open_files();
    let launcher = Launcher::new(&arguments.kraken, &arguments.peers, cpus.clone());
    let servers = chosen(&arguments.servers, Kind::ALL);
    for &kind in &servers {
        launcher.check(kind)?;
    }
    let scenarios = chosen(&arguments.only, Scenario::ALL);
    let plan = Plan::new(arguments.quick, arguments.trace.clone());

    cpus.pin_generator()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cpus.generator_threads())
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let mut report = Report::new(arguments.quick, arguments.runs, &cpus);
    for &scenario in &scenarios {
        let prepared = scenario.prepare(&plan)?;
        for run in 1..=arguments.runs {
            for &kind in servers.iter().filter(|&&kind| scenario.suits(kind)) {
                progress(&format!(
                    "{scenario} on {kind}, run {run} of {}",
                    arguments.runs
                ));
                let outcome =
                    runtime.block_on(one(&launcher, kind, scenario, &prepared, plan.limit));
                if let Outcome::Failed(why) = &outcome {
                    progress(&format!("  failed: {why}"));
                }
                report.add(scenario, kind, outcome);
            }
        }
    }

    let mut out = std::io::stdout().lock();
    if arguments.json {
        report.write_json(&mut out)?;
    } else {
        report.write_table(&mut out)?;
    }
    Ok(report.all_passed())
}

/// One scenario on a fresh server, within the time limit.
async fn one(
    launcher: &Launcher,
    kind: Kind,
    scenario: Scenario,
    prepared: &scenario::Prepared,
    limit: Duration,
) -> Outcome {
    let attempt = async {
        let server = launcher.start(kind, scenario.service()).await?;
        let outcome = prepared.run(&server).await;
        let ended = server.stop().await;
        let metrics = outcome?;
        ended?;
        Ok::<_, anyhow::Error>(metrics)
    };
    match tokio::time::timeout(limit, attempt).await {
        Ok(Ok(metrics)) => Outcome::Passed(metrics),
        Ok(Err(error)) => Outcome::Failed(format!("{error:#}")),
        Err(_) => Outcome::Failed(format!("not done within {} s", limit.as_secs())),
    }
}

fn chosen<T: Copy>(wanted: &[T], all: &[T]) -> Vec<T> {
    if wanted.is_empty() {
        all.to_vec()
    } else {
        wanted.to_vec()
    }
}

/// A line to the terminal about how far things are. Never part of the report.
pub(crate) fn progress(line: &str) {
    // Nobody reads it if the terminal is gone.
    _ = writeln!(std::io::stderr(), "{line}");
}
