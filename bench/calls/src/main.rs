//! Load on Kraken's media engine, and on Janus beside it: rooms full of peers over loopback, through
//! the API of each. Rooms in which videos have layers are calls of `kraken serve`, all others are
//! those of `kraken engine` and its JSON-RPC.
//!
//! Most receivers of the latter only count: the header of an SRTP packet is readable, and a
//! generator that decrypted everything would need more CPU than the server. One peer of each room
//! decrypts and measures how long packets take.

#![allow(clippy::print_stdout, reason = "the report goes to standard output")]

mod call;
mod connection;
mod janus;
mod kraken;
mod network;
mod process;
mod report;
mod run;
mod scenario;
mod server;
mod video;

use anyhow::Result;
use call::Call;
use clap::Parser;
use janus::Janus;
use kraken::Kraken;
use run::Session;
use scenario::Scenario;
use server::{Layered, Server};
use std::path::PathBuf;
use std::time::Duration;
use video::Layer;

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
    /// Only the smallest scenarios with Kraken alone, briefly: that the bench runs
    #[arg(long)]
    quick: bool,
}

/// How often somebody asks for another layer, up and down.
const SWITCHES: u32 = 20;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.quick {
        return quick(arguments);
    }
    let bench = Bench {
        window: Duration::from_secs(arguments.seconds),
        rounds: SWITCHES,
        has_janus: Janus::is_installed(),
        arguments,
    };
    if !bench.has_janus {
        println!("Janus is left out: apt install janus\n");
    }
    println!("{}", report::OUTCOMES);
    bench.rooms(&Scenario::ALL)?;
    let switches = bench.calls(&Scenario::CALLS)?;
    report_switches(&switches);
    bench.changes()
}

fn quick(arguments: Arguments) -> Result<()> {
    let bench = Bench {
        window: Duration::from_secs(1),
        rounds: 1,
        has_janus: false,
        arguments,
    };
    println!("{}", report::OUTCOMES);
    bench.rooms(&Scenario::ALL[..1])?;
    let switches = bench.calls(&[Scenario::SMALL_CALL])?;
    report_switches(&switches);
    Ok(())
}

fn report_switches(switches: &[String]) {
    if !switches.is_empty() {
        println!("\n{}\n{}", report::SWITCHES, switches.join("\n"));
    }
}

/// How it is measured.
struct Bench {
    arguments: Arguments,
    window: Duration,
    rounds: u32,
    has_janus: bool,
}

impl Bench {
    /// Rooms of the JSON-RPC.
    fn rooms(&self, scenarios: &[Scenario]) -> Result<()> {
        for scenario in self.wanted(scenarios) {
            self.outcome("Kraken", &mut Session::start(self.kraken()?, scenario)?)?;
            if self.has_janus {
                self.outcome("Janus", &mut Session::start(Janus::start()?, scenario)?)?;
            }
        }
        Ok(())
    }

    /// Calls in rooms with documents. Gives what is to be said about switches.
    fn calls(&self, scenarios: &[Scenario]) -> Result<Vec<String>> {
        let mut switches = Vec::new();
        for scenario in self.wanted(scenarios) {
            let Arguments {
                kraken, workers, ..
            } = &self.arguments;
            let call = Call::start(kraken, *workers, scenario.media.highest())?;
            switches.extend(self.call("Kraken", call, scenario)?);
            if self.has_janus {
                switches.extend(self.call("Janus", Janus::start()?, scenario)?);
            }
        }
        Ok(switches)
    }

    fn call<S: Layered>(
        &self,
        name: &str,
        server: S,
        scenario: &Scenario,
    ) -> Result<Option<String>> {
        let mut session = Session::start(server, scenario)?;
        self.outcome(name, &mut session)?;
        if scenario.media.highest() == Layer::default() {
            return Ok(None);
        }
        let switches = session.switch(self.rounds)?;
        Ok(Some(report::switches(scenario, name, &switches)))
    }

    fn outcome<S: Server>(&self, name: &str, session: &mut Session<'_, S>) -> Result<()> {
        let outcome = session.measure(self.window)?;
        println!("{}", report::outcome(session.scenario, name, &outcome));
        Ok(())
    }

    fn changes(&self) -> Result<()> {
        if self.wanted(&[Scenario::COMING_AND_GOING]).next().is_none() {
            return Ok(());
        }
        println!("\n{}", report::CHANGES);
        let changes = run::changes(self.kraken()?)?;
        println!("{}", report::changes("Kraken", &changes));
        if self.has_janus {
            let changes = run::changes(Janus::start()?)?;
            println!("{}", report::changes("Janus", &changes));
        }
        Ok(())
    }

    fn kraken(&self) -> Result<Kraken> {
        Kraken::start(&self.arguments.kraken, self.arguments.workers)
    }

    fn wanted<'a>(&self, scenarios: &'a [Scenario]) -> impl Iterator<Item = &'a Scenario> {
        let only = self.arguments.only.clone();
        let is_wanted = move |scenario: &&Scenario| scenario.name.contains(&only);
        scenarios.iter().filter(is_wanted)
    }
}
