//! Load generator for servers that speak the y-websocket protocol or relay SDS stores, and
//! side-by-side runs of Kraken and its peers: every server gets the same bytes, from the same clients, on the same machine.
//!
//! It is a client only: what it measures it sees on the wire and in `/proc`.

mod aims;
mod client;
mod edits;
mod growth;
mod latencies;
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
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::runtime::Runtime;

use crate::growth::{GROWTHS, Grown, Growth};
use crate::machine::Cpus;
use crate::plan::Plan;
use crate::report::{Outcome, Report};
use crate::scenario::{Prepared, Scenario};
use crate::servers::{Kind, Launcher, Programs};

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

    /// Measure how cost grows instead: some scenarios at three sizes each, of Kraken alone unless
    /// servers are named.
    #[arg(long)]
    growth: bool,

    /// Runs of each scenario on each server; the report shows medians.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Print the report as JSON.
    #[arg(long)]
    json: bool,

    /// The editing trace.
    #[arg(long, default_value = "bench/data/automerge-paper.json.gz")]
    trace: PathBuf,

    #[command(flatten)]
    programs: Programs,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            progress(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs everything and prints the report. False if a server failed a scenario.
fn run(arguments: Arguments) -> Result<bool> {
    let cpus = Cpus::split()?;
    machine::raise_open_files();
    let all_servers = match arguments.growth {
        true => &[Kind::Kraken],
        false => Kind::ALL,
    };
    let bench = Bench {
        servers: chosen(&arguments.servers, all_servers),
        scenarios: chosen(&arguments.only, Scenario::ALL),
        runs: arguments.runs,
        plan: Plan::new(arguments.quick, arguments.trace),
        launcher: Arc::new(Launcher::new(arguments.programs, cpus.clone())),
        runtime: runtime(&cpus)?,
    };
    for &kind in &bench.servers {
        bench.launcher.check(kind)?;
    }
    let mut out = std::io::stdout().lock();
    if arguments.growth {
        let grown = bench.grow(arguments.quick)?;
        match arguments.json {
            true => growth::write_json(&grown, &mut out)?,
            false => growth::write_table(&grown, &mut out)?,
        }
        return Ok(growth::all_passed(&grown));
    }
    let report = bench.compare(Report::new(
        arguments.quick,
        bench.plan.clone(),
        arguments.runs,
        &cpus,
    ))?;
    match arguments.json {
        true => report.write_json(&mut out)?,
        false => report.write_table(&mut out)?,
    }
    Ok(report.all_passed())
}

/// A runtime on the cores of the load generator.
fn runtime(cpus: &Cpus) -> Result<Runtime> {
    cpus.pin_generator()?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cpus.generator_threads())
        .enable_all()
        .build()
        .context("starting the runtime")
}

/// What is to be run, and with what.
struct Bench {
    servers: Vec<Kind>,
    scenarios: Vec<Scenario>,
    runs: u32,
    plan: Plan,
    launcher: Arc<Launcher>,
    runtime: Runtime,
}

impl Bench {
    /// Runs all scenarios.
    fn compare(&self, mut report: Report) -> Result<Report> {
        for &scenario in &self.scenarios {
            self.measure(scenario, &self.plan, |kind, outcome| {
                report.add(scenario, kind, outcome);
            })?;
        }
        Ok(report)
    }

    /// Runs the scenarios that have something that grows, at all sizes.
    fn grow(&self, quick: bool) -> Result<Vec<Grown>> {
        let wanted = |growth: &&Growth| self.scenarios.contains(&growth.scenario);
        let mut all = Vec::new();
        for growth in GROWTHS.iter().filter(wanted) {
            let mut grown = Grown::new(growth);
            for (size, plan) in growth.plans(&self.plan, quick) {
                progress(&growth.title(size));
                self.measure(growth.scenario, &plan, |kind, outcome| {
                    grown.add(size, kind, outcome);
                })?;
            }
            all.push(grown);
        }
        Ok(all)
    }

    /// Runs a scenario on every server in turns.
    fn measure(
        &self,
        scenario: Scenario,
        plan: &Plan,
        mut add: impl FnMut(Kind, Outcome),
    ) -> Result<()> {
        let prepared = scenario.prepare(plan, &self.launcher)?;
        for run in 1..=self.runs {
            for &kind in self.servers.iter().filter(|&&kind| scenario.suits(kind)) {
                progress(&format!("{scenario} on {kind}, run {run} of {}", self.runs));
                let outcome = self.runtime.block_on(one(&prepared, kind, plan.limit));
                if let Outcome::Failed(why) = &outcome {
                    progress(&format!("  failed: {why}"));
                }
                add(kind, outcome);
            }
        }
        Ok(())
    }
}

/// One scenario on one server, within the time limit.
async fn one(prepared: &Prepared, kind: Kind, limit: Duration) -> Outcome {
    match tokio::time::timeout(limit, prepared.run(kind)).await {
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
