//! Load on `kraken engine`, and on Janus beside it: rooms full of peers over loopback, through the
//! API of each.
//!
//! Most receivers only count: the header of an SRTP packet is readable, and a generator that
//! decrypted everything would need more CPU than the server. One peer of each room decrypts and
//! measures how long packets take.

#![allow(clippy::print_stdout, reason = "the report goes to standard output")]

mod connection;
mod janus;
mod kraken;
mod network;
mod process;
mod report;
mod run;
mod scenario;
mod server;

use anyhow::Result;
use clap::Parser;
use janus::Janus;
use kraken::Kraken;
use scenario::Scenario;
use std::path::PathBuf;
use std::time::Duration;

/// Measures what group calls cost
#[derive(Parser)]
struct Arguments {
    /// The binary to measure
    #[arg(long, default_value = "target/dist/kraken")]
    kraken: PathBuf,
    /// Seconds to measure each scenario
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Threads of the engine
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Only scenarios whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Only the smallest scenario with the engine alone, briefly: that the bench runs
    #[arg(long)]
    quick: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let has_janus = Janus::is_installed();
    if arguments.quick {
        return outcomes(&arguments, &Scenario::ALL[..1], 2, false);
    }
    if !has_janus {
        println!("Janus is left out: apt install janus\n");
    }
    outcomes(&arguments, &Scenario::ALL, arguments.seconds, has_janus)?;
    println!();
    changes(&arguments, has_janus)
}

fn outcomes(
    arguments: &Arguments,
    scenarios: &[Scenario],
    seconds: u64,
    has_janus: bool,
) -> Result<()> {
    let window = Duration::from_secs(seconds);
    println!("{}", report::OUTCOMES);
    let is_wanted = |scenario: &&Scenario| scenario.name.contains(&arguments.only);
    for scenario in scenarios.iter().filter(is_wanted) {
        let kraken = Kraken::start(&arguments.kraken, arguments.workers)?;
        let outcome = run::measure(kraken, scenario, window)?;
        println!("{}", report::outcome(scenario, "Kraken", &outcome));
        if has_janus {
            let outcome = run::measure(Janus::start()?, scenario, window)?;
            println!("{}", report::outcome(scenario, "Janus", &outcome));
        }
    }
    Ok(())
}

fn changes(arguments: &Arguments, has_janus: bool) -> Result<()> {
    println!("{}", report::CHANGES);
    let kraken = Kraken::start(&arguments.kraken, arguments.workers)?;
    println!("{}", report::changes("Kraken", &run::changes(kraken)?));
    if has_janus {
        println!(
            "{}",
            report::changes("Janus", &run::changes(Janus::start()?)?)
        );
    }
    Ok(())
}
