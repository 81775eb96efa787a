//! Load on `kraken engine`: rooms full of peers over loopback, through its JSON-RPC.
//!
//! Most receivers only count: the header of an SRTP packet is readable, and a generator that
//! decrypted everything would need more CPU than the engine. One peer of each room decrypts and
//! measures how long packets take.

#![allow(clippy::print_stdout, reason = "the report goes to standard output")]

mod engine;
mod peer;
mod report;
mod run;

use anyhow::Result;
use clap::Parser;
use run::Scenario;
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
    /// Only the smallest scenario, briefly: that the bench runs
    #[arg(long)]
    quick: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (scenarios, seconds) = match arguments.quick {
        true => (&Scenario::ALL[..1], 2),
        false => (&Scenario::ALL[..], arguments.seconds),
    };
    println!("{}", report::HEAD);
    for scenario in scenarios {
        let window = Duration::from_secs(seconds);
        let outcome = run::run(&arguments.kraken, arguments.workers, scenario, window)?;
        println!("{}", report::row(scenario, &outcome));
    }
    Ok(())
}
