//! The `kraken` command.

mod config;
mod greeting;
mod home;
mod node;
mod package;
mod serve;
mod setup;
mod sidecar;
mod signals;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Real-time collaboration and calls for local-first apps, on your own machine
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    logging: Logging,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything in one process: the node, Kraken inside it, and the gateway
    Serve(serve::Arguments),
    /// Run the embedded Kinode node alone, with any package
    Node(node::Arguments),
    /// Run the gateway alone, beside a Kinode node that Kraken is installed on
    Sidecar(sidecar::Arguments),
}

#[derive(Args)]
struct Logging {
    /// What to log: a level, or directives as in `kraken_sidecar=debug,info`
    #[arg(long, env = "KRAKEN_LOG", default_value = "info", global = true)]
    log: String,
    /// When to colour the log
    #[arg(long, value_enum, default_value = "auto", global = true)]
    color: Color,
}

#[derive(Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    arguments.logging.start()?;
    match arguments.command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Node(arguments) => node::run(arguments).await,
        Command::Sidecar(arguments) => sidecar::run(arguments).await,
    }
}

impl Logging {
    /// Logs to standard error; standard output is for what programs read.
    fn start(&self) -> Result<()> {
        let ansi = match self.color {
            Color::Auto => std::io::stderr().is_terminal(),
            Color::Always => true,
            Color::Never => false,
        };
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(&self.log)?)
            .with_writer(std::io::stderr)
            .with_ansi(ansi)
            .init();
        Ok(())
    }
}
