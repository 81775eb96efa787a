//! The `kraken` command.

mod api;
mod apps;
mod config;
mod engine;
mod gateway;
mod greeting;
mod home;
mod logging;
mod monitor;
mod node;
mod original;
mod package;
mod proxied;
mod sds;
mod serve;
mod setup;
mod sidecar;
mod signals;
mod store;
mod token;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Real-time collaboration and calls for local-first apps, on your own machine
#[derive(Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    logging: logging::Options,
    #[command(flatten)]
    original: original::Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything in one process: the node, Kraken inside it, and the gateway
    Serve(serve::Arguments),
    /// Run the embedded Kinode node alone, with any package
    Node(node::Arguments),
    /// Run the gateway alone, beside a Kinode node that Kraken is installed on
    Sidecar(sidecar::Arguments),
    /// Run the media engine alone, for group calls
    Engine(engine::Arguments),
    /// Run the monitor that spreads rooms over several engines
    Monitor(monitor::Arguments),
    /// Make a token for somebody who uses an app
    Token(token::Arguments),
    /// Show, register and delete apps
    Apps(apps::Arguments),
    /// Show, export and import SDS stores
    Store(store::Arguments),
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    arguments.logging.start()?;
    let command = arguments.original.or(arguments.command)?;
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Node(arguments) => node::run(arguments).await,
        Command::Sidecar(arguments) => sidecar::run(arguments).await,
        Command::Engine(arguments) => engine::run(arguments).await,
        Command::Monitor(arguments) => monitor::run(arguments).await,
        Command::Token(arguments) => token::run(&arguments),
        Command::Apps(arguments) => apps::run(&arguments),
        Command::Store(arguments) => store::run(arguments),
    }
}
